import com.google.protobuf.ByteString;
import io.millstream.v1.PutRecordsRequestEntry;
import io.millstream.v1.PutStreamRequest;
import io.millstream.v1.PutStreamResponse;
import io.millstream.v1.RecordsGrpc;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * Puts each line of standard input into a stream, over one streaming call, and prints where it is stored.
 *
 * <pre>java -cp "target/classes:target/dependency/*" Producer localhost:4566 orders &lt; lines</pre>
 */
final class Producer {
    public static void main(String[] arguments) throws Exception {
        var channel = Connect.to(arguments[0]);
        var call = RecordsGrpc.newBlockingV2Stub(channel).putStream();
        var sender = new Thread(() -> {
            try (var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    // When the server has enough, it stops reading, and then this waits.
                    call.write(request(arguments[1], line));
                }
                call.halfClose();
            } catch (Exception error) {
                call.cancel("The lines cannot be read or sent", error);
            }
        });
        sender.setDaemon(true);
        sender.start();
        boolean failed = false;
        // Answers come in the order of the requests while further ones are sent: nothing waits for anything.
        for (PutStreamResponse answer = call.read(); answer != null; answer = call.read()) {
            if (answer.hasRefusal()) {
                throw new IllegalStateException(answer.getRefusal().getReason() + ": " + answer.getRefusal().getMessage());
            }
            for (var result : answer.getRecordsList()) {
                // A shard's throughput is used up, say: a producer of yours would put the record again.
                failed |= result.hasErrorCode();
                System.out.println(result.hasErrorCode()
                    ? "failed " + result.getErrorCode()
                    : result.getShardId() + " " + result.getSequenceNumber());
            }
        }
        System.exit(failed ? 1 : 0);
    }

    /** One record; the line's first word is its partition key. */
    private static PutStreamRequest request(String stream, String line) {
        String key = line.split(" ", 2)[0];
        var entry = PutRecordsRequestEntry.newBuilder().setPartitionKey(key.isEmpty() ? "-" : key);
        entry.setData(ByteString.copyFromUtf8(line));
        return PutStreamRequest.newBuilder().setStreamName(stream).addRecords(entry).build();
    }
}
