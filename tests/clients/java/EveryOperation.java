import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.SdkField;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.core.protocol.MarshallingType;
import software.amazon.awssdk.core.traits.ListTrait;
import software.amazon.awssdk.core.traits.MapTrait;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardRequest;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;
import software.amazon.awssdk.utils.builder.Buildable;

/**
 * Any operation with the AWS SDK for Java v2, with its synchronous client where that has it: carries out what it is told in lines of JSON,
 * and prints what the SDK shows in lines of JSON. The lines are explained in tests/tests/every_client/told.rs.
 */
public final class EveryOperation {
    private static final String MODEL = "software.amazon.awssdk.services.kinesis.model.";

    private final KinesisClient client = KinesisClient.create();

    public static void main(String[] arguments) throws Exception {
        EveryOperation everything = new EveryOperation();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode told = JsonNode.parser().parse(line);
            String operation = told.field("operation").orElseThrow().asString();
            JsonWriter json = JsonWriter.create();
            write(json, everything.carryOut(operation, told.field("input").orElseThrow()));
            System.out.println(new String(json.getBytes(), StandardCharsets.UTF_8));
            System.out.flush();
        }
        System.exit(0);
    }

    private Map<String, Object> carryOut(String operation, JsonNode input) throws Exception {
        Class<?> type;
        try {
            type = Class.forName(MODEL + operation + "Request");
        } catch (ClassNotFoundException missing) {
            return Map.of("unknown", operation);
        }
        Object request = filled((SdkPojo) type.getMethod("builder").invoke(null), input);
        if (request instanceof SubscribeToShardRequest subscription) {
            return Map.of("output", Map.of("EventStream", firstRecords(subscription)));
        }
        String method = Character.toLowerCase(operation.charAt(0)) + operation.substring(1);
        try {
            return Map.of("output", KinesisClient.class.getMethod(method, type).invoke(client, request));
        } catch (InvocationTargetException failure) {
            if (failure.getCause() instanceof AwsServiceException refusal) {
                return Map.of("error", refusal.awsErrorDetails().errorCode(), "message", refusal.getMessage());
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

    /** What is built by a builder, once it has what the JSON has. */
    private static Object filled(SdkPojo builder, JsonNode json) {
        Map<String, JsonNode> members = new LinkedHashMap<>(json.asObject());
        for (SdkField<?> field : builder.sdkFields()) {
            JsonNode value = members.remove(field.memberName());
            if (value != null) {
                field.set(builder, given(field, value));
            }
        }
        if (!members.isEmpty()) {
            throw new IllegalArgumentException("the SDK has no " + members.keySet());
        }
        return ((Buildable) builder).build();
    }

    private static Object given(SdkField<?> field, JsonNode json) {
        MarshallingType<?> type = field.marshallingType();
        if (type == MarshallingType.INTEGER) {
            return Integer.valueOf(json.asNumber());
        } else if (type == MarshallingType.BOOLEAN) {
            return json.asBoolean();
        } else if (type == MarshallingType.SDK_BYTES) {
            return SdkBytes.fromByteArray(Base64.getDecoder().decode(json.asString()));
        } else if (type == MarshallingType.LIST) {
            SdkField<?> member = field.getTrait(ListTrait.class).memberFieldInfo();
            return json.asArray().stream().map(item -> given(member, item)).collect(Collectors.toList());
        } else if (type == MarshallingType.MAP) {
            SdkField<?> value = field.getTrait(MapTrait.class).valueFieldInfo();
            Map<String, Object> map = new LinkedHashMap<>();
            json.asObject().forEach((key, item) -> map.put(key, given(value, item)));
            return map;
        } else if (type == MarshallingType.SDK_POJO) {
            return filled(field.constructor().get(), json);
        }
        return json.asString();
    }

    private static void write(JsonWriter json, Object value) {
        if (value instanceof SdkPojo pojo) {
            json.writeStartObject();
            for (SdkField<?> field : pojo.sdkFields()) {
                Object member = field.getValueOrDefault(pojo);
                if (member != null) {
                    json.writeFieldName(field.memberName());
                    write(json, member);
                }
            }
            json.writeEndObject();
        } else if (value instanceof Map<?, ?> map) {
            json.writeStartObject();
            map.forEach((key, item) -> {
                json.writeFieldName(key.toString());
                write(json, item);
            });
            json.writeEndObject();
        } else if (value instanceof List<?> list) {
            json.writeStartArray();
            list.forEach(item -> write(json, item));
            json.writeEndArray();
        } else if (value instanceof Integer number) {
            json.writeValue(number);
        } else if (value instanceof Long number) {
            json.writeValue(number);
        } else if (value instanceof Boolean truth) {
            json.writeValue(truth);
        } else if (value instanceof SdkBytes bytes) {
            json.writeValue(Base64.getEncoder().encodeToString(bytes.asByteArray()));
        } else if (value instanceof Instant time) {
            json.writeValue(time.toString());
        } else {
            json.writeValue((String) value);
        }
    }
}
