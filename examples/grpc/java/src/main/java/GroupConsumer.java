import io.grpc.stub.StreamObserver;
import io.millstream.v1.*;
import java.util.*;
import java.util.concurrent.*;

/**
 * Processes the records of a stream as a member of a group: start it as often as you like, and the shards are shared.
 *
 * <pre>java -cp "target/classes:target/dependency/*" GroupConsumer localhost:4566 orders my-application</pre>
 *
 * The server keeps the leases and reads the shards. SIGTERM gives them back once everything in work is done.
 */
final class GroupConsumer implements StreamObserver<JoinResponse> {
    private final Map<Long, String> shards = new HashMap<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final StreamObserver<JoinRequest> requests;

    private GroupConsumer(String[] arguments) throws Exception {
        requests = ConsumersGrpc.newStub(Connect.to(arguments[0])).join(this);
        var start = JoinStart.newBuilder().addStreams(arguments[1]).setApplicationName(arguments[2]);
        send(JoinRequest.newBuilder().setStart(start.setInitialPosition(InitialPosition.INITIAL_POSITION_TRIM_HORIZON)));
    }

    public static void main(String[] arguments) throws Exception {
        var consumer = new GroupConsumer(arguments);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.send(JoinRequest.newBuilder().setLeave(LeaveRequest.getDefaultInstance()));
            consumer.ended.exceptionally(error -> null).join();
            Runtime.getRuntime().halt(consumer.ended.isCompletedExceptionally() ? 1 : 0);
        }));
        consumer.ended.get();
    }

    private synchronized void send(JoinRequest.Builder request) {
        requests.onNext(request.build());
    }

    @Override public void onNext(JoinResponse response) {
        var done = CheckpointRequest.newBuilder();
        switch (response.getResponseCase()) {
            case SHARD_ASSIGNED -> shards.put(response.getShardAssigned().getAssignmentId(), response.getShardAssigned().getShardId());
            case SHARD_ENDED -> done.setAssignmentId(response.getShardEnded().getAssignmentId()).setShardEnd(true);
            case RECORDS -> {
                done.setAssignmentId(response.getRecords().getAssignmentId());
                for (var record : response.getRecords().getRecordsList()) {
                    System.out.println(shards.get(done.getAssignmentId()) + " " + record.getPartitionKey() + " " + record.getData().toStringUtf8());
                    done.setSequenceNumber(record.getSequenceNumber()).setSubSequenceNumber(record.getSubSequenceNumber());
                }
            }
            default -> { }
        }
        // What is not acknowledged comes again.
        if (done.hasAssignmentId()) send(JoinRequest.newBuilder().setCheckpoint(done));
    }

    @Override public void onError(Throwable error) { ended.completeExceptionally(error); }
    @Override public void onCompleted() { ended.complete(null); }
}
