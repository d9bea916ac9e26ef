import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;

/** The asynchronous client: the same codec over another HTTP client, which speaks HTTP/2 to both kinds of URLs. */
final class Asynchronous {
    private Asynchronous() {}

    static void run() throws Exception {
        String stream = "orders-" + UUID.randomUUID();
        try (KinesisAsyncClient client = client()) {
            client.createStream(r -> r.streamName(stream).shardCount(1)).get();
            client.waiter().waitUntilStreamExists(r -> r.streamName(stream), Scenario::everySecond).get();
            SdkBytes data = SdkBytes.fromByteArray(new byte[] {(byte) 0xff, 0, (byte) 0x80});
            var put = client.putRecord(r -> r.streamName(stream).partitionKey("k").data(data)).get();
            Scenario.equal(put.shardId(), Scenario.SHARDS.get(0));
            Scenario.equal(client.listShards(r -> r.streamName(stream)).get().shards().size(), 1);
            var start = client.getShardIterator(r -> r.streamName(stream)
                    .shardId(put.shardId())
                    .shardIteratorType(ShardIteratorType.TRIM_HORIZON)).get();
            var page = client.getRecords(r -> r.shardIterator(start.shardIterator())).get();
            Scenario.equal(page.records().size(), 1);
            Record record = page.records().get(0);
            Scenario.equal(record.data(), data);
            Scenario.equal(record.sequenceNumber(), put.sequenceNumber());
            Scenario.isRecent(record.approximateArrivalTimestamp());
            client.deleteStream(r -> r.streamName(stream)).get();
            client.waiter().waitUntilStreamNotExists(r -> r.streamName(stream), Scenario::everySecond).get();
            var described = client.describeStream(r -> r.streamName(stream));
            try {
                described.get(10, TimeUnit.SECONDS);
                throw new AssertionError("a deleted stream is described");
            } catch (ExecutionException failure) {
                Scenario.require(failure.getCause() instanceof ResourceNotFoundException, failure);
            }
        }
    }

    private static KinesisAsyncClient client() {
        return KinesisAsyncClient.create();
    }
}
