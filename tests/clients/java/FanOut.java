import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.StartingPosition;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardRequest;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/**
 * Enhanced fan-out with the asynchronous client of the AWS SDK for Java v2: does what it is told in lines of JSON, and
 * prints what the SDK shows in lines of JSON, made by {@link Shown}. The lines are explained in
 * tests/tests/fan_out/driver.rs. What is right is not known here. This version of the SDK knows no DryRun.
 */
public final class FanOut {
    private final KinesisAsyncClient client = KinesisAsyncClient.create();

    public static void main(String[] arguments) throws Exception {
        FanOut fanOut = new FanOut();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Consumer<JsonWriter> reply = fanOut.reply(JsonNode.parser().parse(line));
            say(json -> {
                json.writeFieldName("reply");
                reply.accept(json);
            });
        }
        System.exit(0);
    }

    private static void say(Consumer<JsonWriter> fields) {
        JsonWriter json = JsonWriter.create();
        json.writeStartObject();
        fields.accept(json);
        json.writeEndObject();
        String line = new String(json.getBytes(), StandardCharsets.UTF_8);
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }

    private Consumer<JsonWriter> reply(JsonNode command) throws Exception {
        try {
            return carryOut(command);
        } catch (ExecutionException failure) {
            return json -> {
                json.writeStartObject().writeFieldName("error");
                Shown.failure(json, failure);
                json.writeEndObject();
            };
        }
    }

    private Consumer<JsonWriter> carryOut(JsonNode command) throws Exception {
        switch (text(command, "do")) {
            case "register": {
                var answer = client.registerStreamConsumer(
                        r -> r.streamARN(text(command, "stream")).consumerName(text(command, "name"))).get();
                return json -> Shown.consumer(json, answer.consumer());
            }
            case "describe": {
                var answer = client.describeStreamConsumer(r -> r.consumerARN(text(command, "consumer"))).get();
                return json -> Shown.description(json, answer.consumerDescription());
            }
            case "list": {
                var answer = client.listStreamConsumers(r -> r.streamARN(text(command, "stream"))).get();
                return json -> {
                    json.writeStartArray();
                    answer.consumers().forEach(consumer -> Shown.consumer(json, consumer));
                    json.writeEndArray();
                };
            }
            case "deregister":
                client.deregisterStreamConsumer(r -> r.consumerARN(text(command, "consumer"))).get();
                break;
            default:
                subscribe(command).get();
        }
        return json -> json.writeStartObject().writeEndObject();
    }

    /** Completes when the service has answered, be it with a failure. */
    private CompletableFuture<Void> subscribe(JsonNode command) {
        String name = text(command, "as");
        var position = StartingPosition.builder().type(text(command, "type"));
        command.field("number").ifPresent(number -> position.sequenceNumber(number.asString()));
        command.field("timestamp").ifPresent(
                millis -> position.timestamp(Instant.ofEpochMilli(Long.parseLong(millis.asNumber()))));
        var request = SubscribeToShardRequest.builder()
                .consumerARN(text(command, "consumer"))
                .shardId(text(command, "shard"))
                .startingPosition(position.build());
        CompletableFuture<Void> answered = new CompletableFuture<>();
        var visitor = SubscribeToShardResponseHandler.Visitor.builder()
                .onSubscribeToShardEvent(event -> say(json -> {
                    json.writeFieldName("from").writeValue(name).writeFieldName("event");
                    Shown.event(json, event);
                }))
                .build();
        var handler = SubscribeToShardResponseHandler.builder()
                .onResponse(response -> answered.complete(null))
                .subscriber(visitor)
                .build();
        client.subscribeToShard(request.build(), handler).whenComplete((nothing, failure) -> {
            if (failure != null && answered.completeExceptionally(failure)) {
                return;
            }
            say(json -> {
                json.writeFieldName("from").writeValue(name).writeFieldName("end");
                Shown.failure(json, failure);
            });
        });
        return answered;
    }

    private static String text(JsonNode command, String field) {
        return command.field(field).orElseThrow().asString();
    }
}
