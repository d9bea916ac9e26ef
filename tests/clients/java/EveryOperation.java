import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardRequest;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/**
 * Any operation with the AWS SDK for Java v2, with its synchronous clients where they have it: carries out what it is
 * told in lines of JSON, and prints what the SDK shows in lines of JSON. The lines are explained in tests/src/told.rs.
 */
public final class EveryOperation {
    /** A service's client, and the package of its operations' requests. */
    private record Service(Class<?> type, Object client, String model) {}

    private static final String DYNAMODB_MODEL = "software.amazon.awssdk.services.dynamodb.model.";
    private static final String KINESIS_MODEL = "software.amazon.awssdk.services.kinesis.model.";

    private final Map<String, Service> services = Map.of(
            "kinesis", new Service(KinesisClient.class, KinesisClient.create(), KINESIS_MODEL),
            "dynamodb", new Service(DynamoDbClient.class, DynamoDbClient.create(), DYNAMODB_MODEL),
            "dynamodbstreams",
            new Service(DynamoDbStreamsClient.class, DynamoDbStreamsClient.create(), DYNAMODB_MODEL));

    public static void main(String[] arguments) throws Exception {
        EveryOperation everything = new EveryOperation();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode told = JsonNode.parser().parse(line);
            Service service = everything.services.get(told.field("service").orElseThrow().asString());
            String operation = told.field("operation").orElseThrow().asString();
            JsonWriter json = JsonWriter.create();
            Values.write(json, carryOut(service, operation, told.field("input").orElseThrow()));
            System.out.println(new String(json.getBytes(), StandardCharsets.UTF_8));
            System.out.flush();
        }
        System.exit(0);
    }

    private static Map<String, Object> carryOut(Service service, String operation, JsonNode input) throws Exception {
        Class<?> type;
        try {
            type = Class.forName(service.model + operation + "Request");
        } catch (ClassNotFoundException missing) {
            return Map.of("unknown", operation);
        }
        Object request = Values.filled((SdkPojo) type.getMethod("builder").invoke(null), input);
        if (request instanceof SubscribeToShardRequest subscription) {
            return Map.of("output", Map.of("EventStream", firstRecords(subscription)));
        }
        String method = Character.toLowerCase(operation.charAt(0)) + operation.substring(1);
        try {
            return Map.of("output", service.type.getMethod(method, type).invoke(service.client, request));
        } catch (InvocationTargetException failure) {
            if (failure.getCause() instanceof AwsServiceException refusal) {
                var details = refusal.awsErrorDetails();
                return Map.of("error", details.errorCode(), "message", details.errorMessage(), "members", refusal);
            }
            return Map.of("error", "none", "message", failure.getCause().toString());
        }
    }

    /**
     * An answer that is a stream of events becomes a list: the first of them that has records. It is the asynchronous
     * client that has this operation.
     */
    private static List<Object> firstRecords(SubscribeToShardRequest request) throws Exception {
        CompletableFuture<SubscribeToShardEvent> first = new CompletableFuture<>();
        var visitor = SubscribeToShardResponseHandler.Visitor.builder()
                .onSubscribeToShardEvent(event -> {
                    if (event.hasRecords() && !event.records().isEmpty()) {
                        first.complete(event);
                    }
                })
                .build();
        var handler = SubscribeToShardResponseHandler.builder().subscriber(visitor).build();
        try (KinesisAsyncClient client = KinesisAsyncClient.create()) {
            client.subscribeToShard(request, handler).whenComplete((nothing, failure) ->
                    first.completeExceptionally(failure != null ? failure : new IllegalStateException("no records")));
            return List.of(Map.of("SubscribeToShardEvent", first.get()));
        }
    }
}
