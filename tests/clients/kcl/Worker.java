import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * A worker of the Kinesis Client Library, 2.x and 3.x alike. Its settings are environment variables, see {@link #main};
 * what its record processors are told it prints in lines of JSON, made by {@link Processor}. SIGTERM stops it gracefully.
 */
public final class Worker {
    static {
        // At INFO, KCL shows where it is called from as if something had failed.
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
    }

    private static final Map<String, String> SETTINGS = System.getenv();

    /**
     * APPLICATION, STREAM, WORKER and ENDPOINT are needed. RETRIEVAL is `polling` or `fan-out`. FAILOVER_MILLIS
     * shortens all that depends on it, and QUICK=true whatever else makes a worker wait; both are as KCL has them if
     * left out. With COUNT=true records are counted by {@link Counter} in place of being printed. What only one version
     * of KCL knows is set by {@link Version}.
     */
    public static void main(String[] arguments) throws Exception {
        KinesisAsyncClient kinesis =
                KinesisClientUtil.createKinesisAsyncClient(local(KinesisAsyncClient.builder()));
        ConfigsBuilder configs = new ConfigsBuilder(
                SETTINGS.get("STREAM"),
                SETTINGS.get("APPLICATION"),
                kinesis,
                local(DynamoDbAsyncClient.builder()).build(),
                local(CloudWatchAsyncClient.builder()).build(),
                SETTINGS.get("WORKER"),
                SETTINGS.containsKey("COUNT") ? Counter::new : Processor::new);
        var leases = configs.leaseManagementConfig();
        var coordinator = configs.coordinatorConfig();
        var lifecycle = configs.lifecycleConfig();
        var metrics = configs.metricsConfig();
        if (SETTINGS.containsKey("FAILOVER_MILLIS")) {
            leases.failoverTimeMillis(Long.parseLong(SETTINGS.get("FAILOVER_MILLIS")));
        }
        if (SETTINGS.containsKey("QUICK")) {
            leases.shardSyncIntervalMillis(1000);
            coordinator.parentShardPollIntervalMillis(500);
            coordinator.shardConsumerDispatchPollIntervalMillis(200);
            metrics.metricsBufferTimeMillis(1000);
        }
        var polling = new PollingConfig(SETTINGS.get("STREAM"), kinesis);
        if (SETTINGS.containsKey("QUICK")) {
            polling.idleTimeBetweenReadsInMillis(250);
        }
        Version.configure(leases, coordinator, SETTINGS);
        RetrievalSpecificConfig retrieval = "fan-out".equals(SETTINGS.get("RETRIEVAL"))
                ? new FanOutConfig(kinesis)
                        .streamName(SETTINGS.get("STREAM"))
                        .applicationName(SETTINGS.get("APPLICATION"))
                : polling;
        Scheduler scheduler = new Scheduler(
                configs.checkpointConfig(),
                coordinator,
                leases,
                lifecycle,
                metrics,
                configs.processorConfig(),
                configs.retrievalConfig()
                        .initialPositionInStreamExtended(InitialPositionInStreamExtended.newInitialPosition(
                                InitialPositionInStream.TRIM_HORIZON))
                        .retrievalSpecificConfig(retrieval));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(scheduler)));
        if (!SETTINGS.containsKey("COUNT")) {
            Processor.say(json -> json.writeFieldName("event").writeValue("started"));
        }
        scheduler.run();
    }

    private static void stop(Scheduler scheduler) {
        boolean graceful = false;
        try {
            waitForConsumersThatEnd(scheduler);
            graceful = scheduler.startGracefulShutdown().get(30, TimeUnit.SECONDS);
        } catch (Exception failure) {
            failure.printStackTrace();
        }
        boolean shown = graceful;
        Processor.say(json -> json.writeFieldName("event").writeValue("stopped")
                .writeFieldName("graceful").writeValue(shown));
    }

    /**
     * A graceful shutdown never hears of a consumer that has done its last task, but is not seen to be at its end yet,
     * when it begins: KCL then calls it not graceful, though nothing is lost. So it is for a moment wherever a shard
     * has ended.
     */
    private static void waitForConsumersThatEnd(Scheduler scheduler) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (scheduler.shardInfoShardConsumerMap().values().stream()
                        .anyMatch(consumer -> consumer.isShutdownRequested() && !consumer.isShutdown())
                && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
    }

    private static <B extends AwsClientBuilder<B, ?>> B local(B builder) {
        return builder.endpointOverride(URI.create(SETTINGS.get("ENDPOINT")))
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")));
    }
}
