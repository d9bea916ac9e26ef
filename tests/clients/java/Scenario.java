import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Consumer;
import software.amazon.awssdk.core.waiters.WaiterOverrideConfiguration;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.EncryptionType;
import software.amazon.awssdk.services.kinesis.model.KinesisException;
import software.amazon.awssdk.services.kinesis.model.ListShardsRequest;
import software.amazon.awssdk.services.kinesis.model.ListShardsResponse;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardFilterType;
import software.amazon.awssdk.services.kinesis.model.StreamDescriptionSummary;
import software.amazon.awssdk.services.kinesis.model.StreamMode;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;
import software.amazon.awssdk.services.kinesis.model.Tag;

/**
 * The scenario of a real client, with the AWS SDK for Java v2: every step checks values. Says on which step it
 * failed. Steps about streams are here, those about records in {@link Records}, and the asynchronous client, which
 * speaks HTTP/2, in {@link Asynchronous}.
 */
public final class Scenario {
    static final String ACCOUNT = "000000000000";
    static final List<String> SHARDS =
            List.of("shardId-000000000000", "shardId-000000000001", "shardId-000000000002");

    final KinesisClient client = KinesisClient.create();
    final String stream = "orders-" + UUID.randomUUID();
    final String binary = stream + "-binary";
    final String busy = stream + "-busy";
    final String arn = "arn:aws:kinesis:us-east-1:" + ACCOUNT + ":stream/" + stream;

    interface Step {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        Scenario scenario = new Scenario();
        Records records = new Records(scenario);
        Map<String, Step> steps = new LinkedHashMap<>();
        steps.put("create", scenario::create);
        steps.put("describe", scenario::describe);
        steps.put("list_streams", scenario::listStreams);
        steps.put("list_shards", scenario::listShards);
        steps.put("put_record", records::putRecord);
        steps.put("put_records", records::putRecords);
        steps.put("get_records", records::getRecords);
        steps.put("by_arn", records::byArn);
        steps.put("tags", scenario::tags);
        steps.put("retention", scenario::retention);
        steps.put("errors", records::errors);
        steps.put("throttles", records::throttles);
        steps.put("delete", scenario::delete);
        steps.put("asynchronous", Asynchronous::run);
        for (Map.Entry<String, Step> step : steps.entrySet()) {
            try {
                step.getValue().run();
            } catch (Throwable failure) {
                failure.printStackTrace();
                System.err.println("step " + step.getKey() + " failed");
                System.exit(1);
            }
        }
        System.out.println(steps.size() + " steps passed");
        System.exit(0);
    }

    static void require(boolean holds, Object shown) {
        if (!holds) {
            throw new AssertionError(shown);
        }
    }

    static void equal(Object left, Object right) {
        require(Objects.equals(left, right), left + " is not " + right);
    }

    static void isRecent(Instant time) {
        require(Duration.between(time, Instant.now()).abs().toSeconds() < 60, time);
    }

    /** The call fails with the client's own class for this error, and with this text in its message. */
    static <E extends KinesisException> void refused(Class<E> error, String text, Step call) throws Exception {
        try {
            call.run();
        } catch (KinesisException failure) {
            require(error.isInstance(failure), failure + " is not a " + error.getSimpleName());
            equal(failure.awsErrorDetails().errorCode(), error.getSimpleName());
            equal(failure.statusCode(), 400);
            require(failure.requestId() != null, "no request id");
            require(failure.awsErrorDetails().errorMessage().contains(text), failure.getMessage());
            return;
        }
        throw new AssertionError("no " + error.getSimpleName());
    }

    static void everySecond(WaiterOverrideConfiguration.Builder waiter) {
        waiter.maxAttempts(20).backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofSeconds(1)));
    }

    void createAndWait(String name, int shards) {
        client.createStream(r -> r.streamName(name).shardCount(shards).tags(Map.of("kind", "binary")));
        client.waiter().waitUntilStreamExists(r -> r.streamName(name), Scenario::everySecond);
    }

    StreamDescriptionSummary summary() {
        return client.describeStreamSummary(r -> r.streamName(stream)).streamDescriptionSummary();
    }

    void create() {
        client.createStream(r -> r.streamName(stream).shardCount(3));
        StreamStatus status = summary().streamStatus();
        // ACTIVE already, where the machine is slow.
        require(status == StreamStatus.CREATING || status == StreamStatus.ACTIVE, status);
        client.waiter().waitUntilStreamExists(r -> r.streamName(stream), Scenario::everySecond);
        createAndWait(binary, 2);
    }

    void describe() {
        var description = client.describeStream(r -> r.streamName(stream)).streamDescription();
        StreamDescriptionSummary summary = summary();
        equal(description.streamName(), stream);
        equal(description.streamARN(), arn);
        equal(summary.streamARN(), arn);
        equal(description.streamStatus(), StreamStatus.ACTIVE);
        equal(summary.streamModeDetails().streamMode(), StreamMode.PROVISIONED);
        equal(description.retentionPeriodHours(), 24);
        equal(description.encryptionType(), EncryptionType.NONE);
        equal(summary.encryptionType(), EncryptionType.NONE);
        isRecent(description.streamCreationTimestamp());
        isRecent(summary.streamCreationTimestamp());
        equal(description.hasMoreShards(), false);
        equal(summary.openShardCount(), 3);
        equal(ids(description.shards()), SHARDS);
        BigInteger next = BigInteger.ZERO;
        for (Shard shard : description.shards()) {
            equal(new BigInteger(shard.hashKeyRange().startingHashKey()), next);
            next = new BigInteger(shard.hashKeyRange().endingHashKey()).add(BigInteger.ONE);
            equal(shard.sequenceNumberRange().endingSequenceNumber(), null);
        }
        equal(next, BigInteger.ONE.shiftLeft(128));
    }

    void listStreams() {
        var pages = client.listStreamsPaginator(r -> r.limit(1)).stream().toList();
        equal(pages.stream().map(page -> page.streamNames()).toList(), List.of(List.of(stream), List.of(binary)));
        equal(pages.get(0).streamSummaries().get(0).streamARN(), arn);
        isRecent(pages.get(0).streamSummaries().get(0).streamCreationTimestamp());
    }

    static List<String> ids(Collection<Shard> shards) {
        return shards.stream().map(Shard::shardId).toList();
    }

    List<String> filtered(Consumer<software.amazon.awssdk.services.kinesis.model.ShardFilter.Builder> filter) {
        return ids(client.listShards(r -> r.streamName(stream).shardFilter(filter)).shards());
    }

    void listShards() {
        ListShardsRequest request = ListShardsRequest.builder().streamName(stream).maxResults(2).build();
        ListShardsResponse first = client.listShards(request);
        equal(ids(first.shards()), SHARDS.subList(0, 2));
        ListShardsResponse second = client.listShards(r -> r.nextToken(first.nextToken()));
        equal(ids(second.shards()), SHARDS.subList(2, 3));
        equal(second.nextToken(), null);
        equal(filtered(f -> f.type(ShardFilterType.AT_LATEST)), SHARDS);
        List<String> after = filtered(f -> f.type(ShardFilterType.AFTER_SHARD_ID).shardId(SHARDS.get(0)));
        equal(after, SHARDS.subList(1, 3));
        equal(filtered(f -> f.type(ShardFilterType.FROM_TIMESTAMP).timestamp(Instant.now())), SHARDS);
    }

    void tags() {
        Map<String, String> tags = Map.of("team", "orders", "stage", "test", "ключ", "");
        client.addTagsToStream(r -> r.streamName(stream).tags(tags));
        var first = client.listTagsForStream(r -> r.streamName(stream).limit(2));
        equal(first.hasMoreTags(), true);
        String last = first.tags().get(1).key();
        var rest = client.listTagsForStream(r -> r.streamName(stream).exclusiveStartTagKey(last));
        equal(rest.hasMoreTags(), false);
        Map<String, String> found = new LinkedHashMap<>();
        for (List<Tag> page : List.of(first.tags(), rest.tags())) {
            page.forEach(tag -> found.put(tag.key(), tag.value()));
        }
        equal(found, tags);
        client.removeTagsFromStream(r -> r.streamName(stream).tagKeys("stage", "ключ"));
        List<Tag> left = client.listTagsForStream(r -> r.streamName(stream)).tags();
        equal(left, List.of(Tag.builder().key("team").value("orders").build()));
    }

    void retention() {
        client.increaseStreamRetentionPeriod(r -> r.streamName(stream).retentionPeriodHours(48));
        equal(summary().retentionPeriodHours(), 48);
        client.decreaseStreamRetentionPeriod(r -> r.streamName(stream).retentionPeriodHours(24));
        equal(summary().retentionPeriodHours(), 24);
    }

    void delete() throws Exception {
        for (String name : List.of(stream, binary, busy)) {
            client.deleteStream(r -> r.streamName(name));
            client.waiter().waitUntilStreamNotExists(r -> r.streamName(name), Scenario::everySecond);
            refused(ResourceNotFoundException.class, name,
                    () -> client.describeStreamSummary(r -> r.streamName(name)));
        }
        equal(client.listStreams().streamNames(), List.of());
    }
}
