import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.UserRecordResult;

/**
 * Puts records with the Kinesis Producer Library for as long as it runs, for `make bench-producers`. Settings and lines are
 * those of tests/src/bin/producer_load.rs, with those of {@link Endpoint} for the address. The library has no
 * back-pressure of its own, so whoever puts waits while as many records are on their way as OUTSTANDING says.
 */
public final class Load {
    private static final Map<String, String> SETTINGS = System.getenv();
    private static final long SAY_INTERVAL_MILLIS = 100;
    private static final long STEP_NANOS = 100_000;
    private static final int STEPS = 100_000;
    /** Far above any quota: the server is one without. */
    private static final long RATE_LIMIT_PERCENT = 1_000_000;

    private static final AtomicLong ACKNOWLEDGED = new AtomicLong();
    private static final AtomicLong FAILED = new AtomicLong();
    private static final AtomicLongArray LATENCIES = new AtomicLongArray(STEPS);

    public static void main(String[] arguments) throws Exception {
        long warmAt = System.nanoTime() + number("WARM_UP_SECS", 0) * 1_000_000_000L;
        var configuration = Endpoint.of(SETTINGS).setRateLimit(RATE_LIMIT_PERCENT).setMetricsLevel("none");
        KinesisProducer producer = new KinesisProducer(configuration);
        Thread reporting = new Thread(Load::report);
        reporting.setDaemon(true);
        reporting.start();
        String[] keys = new String[(int) number("KEYS", 10_000)];
        Arrays.setAll(keys, key -> String.format("customer-%08d", key));
        byte[] data = new byte[(int) number("RECORD_BYTES", 100)];
        Arrays.fill(data, (byte) 'x');
        String stream = SETTINGS.get("STREAM");
        long rate = number("RATE", 0);
        long outstanding = number("OUTSTANDING", 50_000);
        long began = System.nanoTime();
        for (long number = 0; ; number++) {
            while (rate > 0 ? isEarly(number, rate, began) : isFull(producer, number, outstanding)) {
                Thread.sleep(1);
            }
            // Keys in no order, as they come from the world.
            String key = keys[(int) Long.remainderUnsigned(number * 0x9e3779b9L, keys.length)];
            Futures.addCallback(
                    producer.addUserRecord(stream, key, ByteBuffer.wrap(data)),
                    new Outcome(System.nanoTime(), warmAt),
                    MoreExecutors.directExecutor());
        }
    }

    private static boolean isEarly(long number, long rate, long began) {
        return number >= (System.nanoTime() - began) / 1000 * rate / 1_000_000;
    }

    /** Looked at now and then, for counting costs something. */
    private static boolean isFull(KinesisProducer producer, long number, long outstanding) {
        return number % 100 == 0 && producer.getOutstandingRecordsCount() >= outstanding;
    }

    private record Outcome(long asked, long warmAt) implements FutureCallback<UserRecordResult> {
        @Override
        public void onSuccess(UserRecordResult result) {
            ACKNOWLEDGED.incrementAndGet();
            long now = System.nanoTime();
            if (now >= warmAt) {
                LATENCIES.incrementAndGet((int) Math.min((now - asked) / STEP_NANOS, STEPS - 1));
            }
        }

        @Override
        public void onFailure(Throwable failure) {
            FAILED.incrementAndGet();
        }
    }

    private static void report() {
        while (true) {
            try {
                Thread.sleep(SAY_INTERVAL_MILLIS);
            } catch (InterruptedException interrupted) {
                return;
            }
            System.out.printf(
                    Locale.ROOT,
                    "{\"records\":%d,\"failed\":%d,\"p50_ms\":%.1f,\"p99_ms\":%.1f}%n",
                    ACKNOWLEDGED.get(), FAILED.get(), percentile(0.5), percentile(0.99));
        }
    }

    /** In milliseconds; 0 while there are none. */
    private static double percentile(double share) {
        long all = 0;
        for (int step = 0; step < STEPS; step++) {
            all += LATENCIES.get(step);
        }
        long wanted = Math.max((long) Math.ceil(all * share), 1);
        long seen = 0;
        for (int step = 0; step < STEPS; step++) {
            seen += LATENCIES.get(step);
            if (seen >= wanted) {
                return (step + 1) * STEP_NANOS / 1e6;
            }
        }
        return 0;
    }

    private static long number(String name, long usual) {
        String text = SETTINGS.get(name);
        return text == null || text.isEmpty() ? usual : Long.parseLong(text);
    }
}
