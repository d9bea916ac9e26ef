import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

/** Prints what it is told, and checkpoints after every batch, so that a graceful end repeats nothing. */
final class Processor implements ShardRecordProcessor {
    private String shard;

    @Override
    public void initialize(InitializationInput input) {
        shard = input.shardId();
        say(json -> about("initialized", json)
                .writeFieldName("from").writeValue(input.extendedSequenceNumber().sequenceNumber()));
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
        for (KinesisClientRecord record : input.records()) {
            say(json -> about("record", json)
                    .writeFieldName("key").writeValue(record.partitionKey())
                    .writeFieldName("data").writeValue(StandardCharsets.UTF_8.decode(record.data()).toString())
                    .writeFieldName("sequence_number").writeValue(record.sequenceNumber())
                    .writeFieldName("sub_sequence_number").writeValue(record.subSequenceNumber()));
        }
        if (!input.records().isEmpty()) {
            checkpoint(input.checkpointer());
        }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
        say(json -> about("lost", json));
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
        checkpoint(input.checkpointer());
        say(json -> about("ended", json));
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
        checkpoint(input.checkpointer());
        say(json -> about("shutdown requested", json));
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
        try {
            checkpointer.checkpoint();
        } catch (Exception failure) {
            // Whoever lost the lease meanwhile may not: that is how it should be.
            say(json -> about("not checkpointed", json).writeFieldName("why").writeValue(failure.toString()));
        }
    }

    private JsonWriter about(String event, JsonWriter json) {
        return json.writeFieldName("event").writeValue(event).writeFieldName("shard").writeValue(shard);
    }

    static void say(Consumer<JsonWriter> fields) {
        JsonWriter json = JsonWriter.create();
        json.writeStartObject();
        fields.accept(json);
        json.writeEndObject();
        String line = new String(json.getBytes(), StandardCharsets.UTF_8);
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }
}
