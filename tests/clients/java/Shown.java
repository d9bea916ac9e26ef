import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.services.kinesis.model.ChildShard;
import software.amazon.awssdk.services.kinesis.model.Consumer;
import software.amazon.awssdk.services.kinesis.model.ConsumerDescription;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;

/** What the SDK for Java shows, as the JSON that {@link FanOut} prints. */
final class Shown {
    private Shown() {}

    /** Nothing, or a failure: an error that the model knows has a class of its own. */
    static void failure(JsonWriter json, Throwable failure) {
        while (failure instanceof CompletionException || failure instanceof ExecutionException) {
            failure = failure.getCause();
        }
        if (failure == null) {
            json.writeNull();
            return;
        }
        String code = null;
        String message = String.valueOf(failure.getMessage());
        int status = 0;
        if (failure instanceof AwsServiceException) {
            AwsServiceException refusal = (AwsServiceException) failure;
            code = refusal.awsErrorDetails().errorCode();
            message = refusal.awsErrorDetails().errorMessage();
            status = refusal.statusCode();
        }
        json.writeStartObject();
        field(json, "class", failure.getClass().getSimpleName());
        field(json, "code", code);
        field(json, "message", message);
        json.writeFieldName("status");
        if (status == 0) {
            json.writeNull();
        } else {
            json.writeValue(status);
        }
        json.writeEndObject();
    }

    static void consumer(JsonWriter json, Consumer consumer) {
        json.writeStartObject();
        field(json, "name", consumer.consumerName());
        field(json, "arn", consumer.consumerARN());
        field(json, "status", consumer.consumerStatusAsString());
        json.writeFieldName("created").writeValue(consumer.consumerCreationTimestamp().toEpochMilli());
        json.writeFieldName("stream").writeNull();
        json.writeEndObject();
    }

    static void description(JsonWriter json, ConsumerDescription consumer) {
        json.writeStartObject();
        field(json, "name", consumer.consumerName());
        field(json, "arn", consumer.consumerARN());
        field(json, "status", consumer.consumerStatusAsString());
        json.writeFieldName("created").writeValue(consumer.consumerCreationTimestamp().toEpochMilli());
        field(json, "stream", consumer.streamARN());
        json.writeEndObject();
    }

    static void event(JsonWriter json, SubscribeToShardEvent event) {
        json.writeStartObject().writeFieldName("records").writeStartArray();
        event.records().forEach(record -> record(json, record));
        json.writeEndArray();
        field(json, "continuation", event.continuationSequenceNumber());
        json.writeFieldName("behind").writeValue(event.millisBehindLatest());
        json.writeFieldName("children").writeStartArray();
        event.childShards().forEach(child -> child(json, child));
        json.writeEndArray().writeEndObject();
    }

    private static void record(JsonWriter json, Record record) {
        json.writeStartObject();
        field(json, "number", record.sequenceNumber());
        field(json, "key", record.partitionKey());
        byte[] data = Base64.getEncoder().encode(record.data().asByteArrayUnsafe());
        field(json, "data", new String(data, StandardCharsets.US_ASCII));
        json.writeFieldName("arrival").writeValue(record.approximateArrivalTimestamp().toEpochMilli());
        field(json, "encryption", record.encryptionTypeAsString());
        json.writeEndObject();
    }

    private static void child(JsonWriter json, ChildShard child) {
        json.writeStartObject();
        field(json, "shard", child.shardId());
        json.writeFieldName("parents").writeStartArray();
        child.parentShards().forEach(json::writeValue);
        json.writeEndArray().writeFieldName("range").writeStartArray();
        json.writeValue(child.hashKeyRange().startingHashKey()).writeValue(child.hashKeyRange().endingHashKey());
        json.writeEndArray().writeEndObject();
    }

    private static void field(JsonWriter json, String name, String value) {
        json.writeFieldName(name);
        if (value == null) {
            json.writeNull();
        } else {
            json.writeValue(value);
        }
    }
}
