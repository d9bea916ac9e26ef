import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;

/**
 * What the Kinesis Producer Library has to be told to write to a server on this machine: HOST and PORT, and where its
 * native process may be unpacked, DIRECTORY. It speaks TLS alone, and asks for the account and for metrics besides.
 */
final class Endpoint {
    static {
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
    }

    static KinesisProducerConfiguration of(Map<String, String> settings) {
        String host = settings.get("HOST");
        long port = Long.parseLong(settings.get("PORT"));
        return new KinesisProducerConfiguration()
                .setRegion("us-east-1")
                .setCredentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
                .setKinesisEndpoint(host)
                .setKinesisPort(port)
                .setStsEndpoint(host)
                .setStsPort(port)
                .setCloudwatchEndpoint(host)
                .setCloudwatchPort(port)
                .setVerifyCertificate(false)
                .setTempDirectory(settings.get("DIRECTORY"))
                .setLogLevel("warning");
    }
}
