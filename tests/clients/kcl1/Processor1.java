import com.amazonaws.services.kinesis.clientlibrary.interfaces.IRecordProcessorCheckpointer;
import com.amazonaws.services.kinesis.clientlibrary.interfaces.v2.IRecordProcessor;
import com.amazonaws.services.kinesis.clientlibrary.interfaces.v2.IShutdownNotificationAware;
import com.amazonaws.services.kinesis.clientlibrary.lib.worker.ShutdownReason;
import com.amazonaws.services.kinesis.clientlibrary.types.InitializationInput;
import com.amazonaws.services.kinesis.clientlibrary.types.ProcessRecordsInput;
import com.amazonaws.services.kinesis.clientlibrary.types.ShutdownInput;
import com.amazonaws.services.kinesis.clientlibrary.types.UserRecord;
import com.amazonaws.services.kinesis.model.Record;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** As Processor in tests/clients/kcl, for KCL 1.x. */
final class Processor1 implements IRecordProcessor, IShutdownNotificationAware {
    private static final ObjectMapper JSON = new ObjectMapper();

    private String shard;

    @Override
    public void initialize(InitializationInput input) {
        shard = input.getShardId();
        say("event", "initialized", "shard", shard,
                "from", input.getExtendedSequenceNumber().getSequenceNumber());
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
        for (Record record : input.getRecords()) {
            say("event", "record", "shard", shard,
                    "key", record.getPartitionKey(),
                    "data", StandardCharsets.UTF_8.decode(record.getData()).toString(),
                    "sequence_number", record.getSequenceNumber(),
                    "sub_sequence_number", record instanceof UserRecord user ? user.getSubSequenceNumber() : 0);
        }
        if (!input.getRecords().isEmpty()) {
            checkpoint(input.getCheckpointer());
        }
    }

    @Override
    public void shutdown(ShutdownInput input) {
        if (input.getShutdownReason() == ShutdownReason.TERMINATE) {
            checkpoint(input.getCheckpointer());
            say("event", "ended", "shard", shard);
        } else {
            say("event", "lost", "shard", shard);
        }
    }

    @Override
    public void shutdownRequested(IRecordProcessorCheckpointer checkpointer) {
        checkpoint(checkpointer);
        say("event", "shutdown requested", "shard", shard);
    }

    private void checkpoint(IRecordProcessorCheckpointer checkpointer) {
        try {
            checkpointer.checkpoint();
        } catch (Exception failure) {
            // Whoever lost the lease meanwhile may not: that is how it should be.
            say("event", "not checkpointed", "shard", shard, "why", failure.toString());
        }
    }

    static void say(Object... fields) {
        Map<String, Object> line = new LinkedHashMap<>();
        for (int place = 0; place < fields.length; place += 2) {
            line.put((String) fields[place], fields[place + 1]);
        }
        try {
            String text = JSON.writeValueAsString(line);
            synchronized (System.out) {
                System.out.println(text);
                System.out.flush();
            }
        } catch (JsonProcessingException failure) {
            throw new IllegalStateException(failure);
        }
    }
}
