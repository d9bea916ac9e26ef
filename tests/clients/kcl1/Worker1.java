import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.cloudwatch.AmazonCloudWatchClientBuilder;
import com.amazonaws.services.kinesis.clientlibrary.lib.worker.InitialPositionInStream;
import com.amazonaws.services.kinesis.clientlibrary.lib.worker.KinesisClientLibConfiguration;
import com.amazonaws.services.kinesis.clientlibrary.lib.worker.Worker;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * A worker of the Kinesis Client Library 1.x. It takes the same settings as those of 2.x and 3.x in tests/clients/kcl,
 * and prints the same lines; RETRIEVAL is always polling.
 */
public final class Worker1 {
    public static void main(String[] arguments) {
        Logger.getLogger("").setLevel(Level.WARNING);
        Map<String, String> settings = System.getenv();
        String endpoint = settings.get("ENDPOINT");
        var credentials = new AWSStaticCredentialsProvider(new BasicAWSCredentials("test", "test"));
        var configuration = new KinesisClientLibConfiguration(
                        settings.get("APPLICATION"), settings.get("STREAM"), credentials, settings.get("WORKER"))
                .withKinesisEndpoint(endpoint)
                .withDynamoDBEndpoint(endpoint)
                .withRegionName("us-east-1")
                .withInitialPositionInStream(InitialPositionInStream.TRIM_HORIZON)
                .withIdleTimeBetweenReadsInMillis(250);
        if (settings.containsKey("FAILOVER_MILLIS")) {
            configuration.withFailoverTimeMillis(Long.parseLong(settings.get("FAILOVER_MILLIS")));
        }
        if (settings.containsKey("QUICK")) {
            configuration.withShardSyncIntervalMillis(1000)
                    .withParentShardPollIntervalMillis(500)
                    .withMetricsBufferTimeMillis(1000);
        }
        Worker worker = new Worker.Builder()
                .recordProcessorFactory(Processor1::new)
                .config(configuration)
                .cloudWatchClient(AmazonCloudWatchClientBuilder.standard()
                        .withCredentials(credentials)
                        .withEndpointConfiguration(new EndpointConfiguration(endpoint, "us-east-1"))
                        .build())
                .build();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(worker)));
        Processor1.say("event", "started");
        worker.run();
    }

    private static void stop(Worker worker) {
        boolean graceful = false;
        try {
            graceful = worker.startGracefulShutdown().get(30, TimeUnit.SECONDS);
        } catch (Exception failure) {
            failure.printStackTrace();
        }
        Processor1.say("event", "stopped", "graceful", graceful);
    }
}
