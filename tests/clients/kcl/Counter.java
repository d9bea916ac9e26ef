import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;

/**
 * Does nothing with its records but count them, and checkpoints every 5 seconds. What is printed is told in
 * tests/src/bin/consumer_counter.rs, which does the same.
 */
final class Counter implements ShardRecordProcessor {
    private static final long SAY_INTERVAL_MILLIS = 50;
    private static final long CHECKPOINT_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final Map<String, Long> NEWEST = new TreeMap<>();
    private static long records;
    private static long said;

    static {
        Thread speaker = new Thread(Counter::report);
        speaker.setDaemon(true);
        speaker.start();
    }

    private String shard;
    private long checkpointedAt = System.nanoTime();

    @Override
    public void initialize(InitializationInput input) {
        shard = input.shardId();
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
        int count = input.records().size();
        if (count == 0) {
            return;
        }
        count(shard, count, input.records().get(count - 1).approximateArrivalTimestamp().toEpochMilli());
        if (System.nanoTime() - checkpointedAt >= CHECKPOINT_INTERVAL_NANOS) {
            checkpointedAt = System.nanoTime();
            checkpoint(input.checkpointer());
        }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
        checkpoint(input.checkpointer());
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
        checkpoint(input.checkpointer());
    }

    private static void checkpoint(RecordProcessorCheckpointer checkpointer) {
        try {
            checkpointer.checkpoint();
        } catch (Exception failure) {
            System.err.println("not checkpointed: " + failure);
        }
    }

    private static synchronized void count(String shard, int count, long newest) {
        boolean first = records == 0;
        records += count;
        NEWEST.put(shard, newest);
        if (first) {
            say();
        }
    }

    private static synchronized void say() {
        if (records == said) {
            return;
        }
        said = records;
        long count = records;
        Map<String, Long> newest = new TreeMap<>(NEWEST);
        Processor.say(json -> {
            json.writeFieldName("records").writeValue(count).writeFieldName("newest").writeStartObject();
            newest.forEach((shard, millis) -> json.writeFieldName(shard).writeValue(millis));
            json.writeEndObject();
        });
    }

    private static void report() {
        try {
            while (true) {
                Thread.sleep(SAY_INTERVAL_MILLIS);
                say();
            }
        } catch (InterruptedException end) {
            Thread.currentThread().interrupt();
        }
    }
}
