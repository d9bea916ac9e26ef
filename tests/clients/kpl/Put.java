import com.google.common.util.concurrent.ListenableFuture;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.UserRecordResult;

/**
 * Puts RECORDS user records into STREAM with the Kinesis Producer Library, and prints a line of JSON for each: what was
 * put, and where the library says that it is. Some of them have an explicit hash key, some a key that is not ASCII. See
 * {@link Endpoint} for the rest of the settings.
 */
public final class Put {
    private static final int KEYS = 40;
    /** Every so many records one has an explicit hash key. */
    private static final int EXPLICIT_EVERY = 7;

    public static void main(String[] arguments) throws Exception {
        Map<String, String> settings = System.getenv();
        int records = Integer.parseInt(settings.get("RECORDS"));
        KinesisProducer producer = new KinesisProducer(Endpoint.of(settings).setMetricsUploadDelay(1000));
        List<ListenableFuture<UserRecordResult>> results = new ArrayList<>();
        for (int number = 0; number < records; number++) {
            ByteBuffer data = ByteBuffer.wrap(data(number).getBytes(StandardCharsets.UTF_8));
            results.add(producer.addUserRecord(settings.get("STREAM"), key(number), hashKey(number), data));
        }
        producer.flushSync();
        PrintStream output = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (int number = 0; number < records; number++) {
            UserRecordResult result = results.get(number).get();
            output.printf(
                    "{\"key\":\"%s\",\"data\":\"%s\",\"shard\":\"%s\",\"sequence_number\":\"%s\"}%n",
                    key(number), data(number), result.getShardId(), result.getSequenceNumber());
        }
        output.flush();
        producer.destroy();
    }

    private static String key(int number) {
        String key = number % 3 == 0 ? "clé-" : "key-";
        return key + number % KEYS;
    }

    private static String data(int number) {
        return "record " + number;
    }

    /** Spread over the whole space; null for most. */
    private static String hashKey(int number) {
        if (number % EXPLICIT_EVERY != 0) {
            return null;
        }
        return BigInteger.ONE.shiftLeft(128).multiply(BigInteger.valueOf(number % 10)).shiftRight(4).toString();
    }
}
