import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.millstream.v1.*;
import java.util.concurrent.locks.LockSupport;

/**
 * Has the records of a stream pushed and prints them, going on where it stopped when a connection breaks.
 *
 * <pre>java -cp "target/classes:target/dependency/*" Subscriber localhost:4566 orders my-reader</pre>
 */
final class Subscriber {
    public static void main(String[] arguments) throws Exception {
        var channel = Connect.to(arguments[0]);
        var streams = StreamsGrpc.newBlockingStub(channel);
        String arn = consumer(streams, arguments[1], arguments[2]);
        var shards = streams.listShards(ListShardsRequest.newBuilder().setStreamName(arguments[1]).build());
        for (var shard : shards.getShardsList()) {
            new Thread(() -> follow(RecordsGrpc.newBlockingStub(channel), arn, shard.getShardId())).start();
        }
    }

    /** The ARN of a registered consumer, once it can subscribe. */
    private static String consumer(StreamsGrpc.StreamsBlockingStub streams, String stream, String name) throws Exception {
        var summary = streams.describeStreamSummary(DescribeStreamSummaryRequest.newBuilder().setStreamName(stream).build());
        String arn = summary.getStreamDescriptionSummary().getStreamArn();
        try {
            streams.registerStreamConsumer(RegisterStreamConsumerRequest.newBuilder().setStreamArn(arn).setConsumerName(name).build());
        } catch (StatusRuntimeException error) {
            if (error.getStatus().getCode() != Status.Code.FAILED_PRECONDITION) throw error; // else it is registered already
        }
        var request = DescribeStreamConsumerRequest.newBuilder().setStreamArn(arn).setConsumerName(name).build();
        while (true) {
            var described = streams.describeStreamConsumer(request).getConsumerDescription();
            if (described.getConsumerStatus() == ConsumerStatus.CONSUMER_STATUS_ACTIVE) return described.getConsumerArn();
            Thread.sleep(200);
        }
    }

    /** Prints a shard from the oldest record to its end. */
    private static void follow(RecordsGrpc.RecordsBlockingStub records, String arn, String shard) {
        var position = StartingPosition.newBuilder().setType(ShardIteratorType.SHARD_ITERATOR_TYPE_TRIM_HORIZON);
        var request = SubscribeRequest.newBuilder().setConsumerArn(arn).setShardId(shard);
        while (true) {
            try {
                for (var events = records.withWaitForReady().subscribe(request.setStartingPosition(position).build()); events.hasNext(); ) {
                    var event = events.next();
                    event.getRecordsList().forEach(record ->
                        System.out.println(record.getPartitionKey() + " " + record.getData().toStringUtf8()));
                    position.setType(ShardIteratorType.SHARD_ITERATOR_TYPE_AFTER_SEQUENCE_NUMBER);
                    position.setSequenceNumber(event.getContinuationSequenceNumber());
                }
                return;
            } catch (StatusRuntimeException error) {
                System.err.println(shard + ": " + error.getStatus() + "; once more");
                LockSupport.parkNanos(1_000_000_000);
            }
        }
    }
}
