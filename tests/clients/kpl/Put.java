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
 * Puts RECORDS user records into STREAM with the Kinesis Producer Library, and some more before, and prints a line of JSON
 * for each: what was put, and where the library says that it is. Some of them have an explicit hash key, some a key that is not ASCII. See
 * {@link Endpoint} for the rest of the settings.
 */
public final class Put {
    private static final int KEYS = 40;
    /** Every so many records one has an explicit hash key. */
    private static final int EXPLICIT_EVERY = 7;

    public static void main(String[] arguments) throws Exception {
        Map<String, String> settings = System.getenv();
        String stream = settings.get("STREAM");
        int records = Integer.parseInt(settings.get("RECORDS"));
        // Small containers, so that there are many.
        var configuration = Endpoint.of(settings).setMetricsUploadDelay(1000).setAggregationMaxSize(1000);
        KinesisProducer producer = new KinesisProducer(configuration);
        PrintStream output = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        waitUntilItPacks(producer, stream, output);
        List<ListenableFuture<UserRecordResult>> results = new ArrayList<>();
        for (int number = 0; number < records; number++) {
            results.add(producer.addUserRecord(stream, key(number), hashKey(number), bytes("record " + number)));
        }
        producer.flushSync();
        for (int number = 0; number < records; number++) {
            print(output, key(number), "record " + number, results.get(number).get());
        }
        output.flush();
        producer.destroy();
    }

    /** The library packs nothing before it knows the shards: two records of a key would have two sequence numbers. */
    private static void waitUntilItPacks(KinesisProducer producer, String stream, PrintStream output)
            throws Exception {
        for (int probe = 0; ; probe++) {
            var first = producer.addUserRecord(stream, "probe", bytes("first " + probe));
            var second = producer.addUserRecord(stream, "probe", bytes("second " + probe));
            producer.flushSync();
            print(output, "probe", "first " + probe, first.get());
            print(output, "probe", "second " + probe, second.get());
            if (first.get().getSequenceNumber().equals(second.get().getSequenceNumber())) {
                return;
            }
        }
    }

    private static void print(PrintStream output, String key, String data, UserRecordResult result) {
        output.printf(
                "{\"key\":\"%s\",\"data\":\"%s\",\"shard\":\"%s\",\"sequence_number\":\"%s\"}%n",
                key, data, result.getShardId(), result.getSequenceNumber());
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String key(int number) {
        String key = number % 3 == 0 ? "clé-" : "key-";
        return key + number % KEYS;
    }

    /** Spread over the whole space; null for most. */
    private static String hashKey(int number) {
        if (number % EXPLICIT_EVERY != 0) {
            return null;
        }
        return BigInteger.ONE.shiftLeft(128).multiply(BigInteger.valueOf(number % 10)).shiftRight(4).toString();
    }
}
