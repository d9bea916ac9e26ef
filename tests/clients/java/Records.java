import static java.nio.charset.StandardCharsets.UTF_8;

import java.math.BigInteger;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.GetRecordsRequest;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.GetShardIteratorRequest;
import software.amazon.awssdk.services.kinesis.model.InvalidArgumentException;
import software.amazon.awssdk.services.kinesis.model.ProvisionedThroughputExceededException;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResultEntry;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ResourceInUseException;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.ValidationException;

/** Steps about records, and about errors. */
final class Records {
    private static final int MIB = 1 << 20;
    private static final String LAST_HASH_KEY = BigInteger.ONE.shiftLeft(128).subtract(BigInteger.ONE).toString();
    /** What encodings have trouble with, if anything. */
    private static final List<SdkBytes> BINARY = List.of(
            SdkBytes.fromByteArray(new byte[0]),
            SdkBytes.fromByteArray(new byte[1]),
            SdkBytes.fromByteArray(new byte[] {(byte) 0xff, (byte) 0xfe, (byte) 0x80}),
            SdkBytes.fromByteArray(everyByte(256)),
            SdkBytes.fromUtf8String("Grüße, 世界\r\n"));

    private final Scenario scenario;
    private final KinesisClient client;
    private final KinesisClient impatient = KinesisClient.builder()
            .overrideConfiguration(o -> o.retryStrategy(r -> r.maxAttempts(1)))
            .build();
    private final String stream;
    private final String binary;

    Records(Scenario scenario) {
        this.scenario = scenario;
        client = scenario.client;
        stream = scenario.stream;
        binary = scenario.binary;
    }

    private static byte[] everyByte(int length) {
        byte[] bytes = new byte[length];
        for (int index = 0; index < length; index++) {
            bytes[index] = (byte) index;
        }
        return bytes;
    }

    private String iterator(String name, String shard, Consumer<GetShardIteratorRequest.Builder> start) {
        GetShardIteratorRequest.Builder request = GetShardIteratorRequest.builder().streamName(name).shardId(shard);
        start.accept(request);
        return client.getShardIterator(request.build()).shardIterator();
    }

    /** Reads on until so many records are there, and no more. */
    private List<Record> read(int count, GetRecordsRequest request) {
        List<Record> records = new ArrayList<>();
        while (true) {
            GetRecordsResponse page = client.getRecords(request);
            records.addAll(page.records());
            if (records.size() >= count) {
                Scenario.equal(records.size(), count);
                Scenario.equal(page.millisBehindLatest(), 0L);
                return records;
            }
            request = request.toBuilder().shardIterator(page.nextShardIterator()).build();
        }
    }

    private List<Record> readFirst(int count, int limit, Consumer<GetShardIteratorRequest.Builder> start) {
        String iterator = iterator(binary, Scenario.SHARDS.get(0), start);
        return read(count, GetRecordsRequest.builder().shardIterator(iterator).limit(limit).build());
    }

    void putRecord() throws Exception {
        List<Shard> shards = client.listShards(r -> r.streamName(stream)).shards();
        Map<String, BigInteger> newest = new HashMap<>();
        List<String> keys = new ArrayList<>(List.of("ключ", "k".repeat(256)));
        IntStream.range(0, 12).forEach(number -> keys.add("N" + number));
        for (String key : keys) {
            BigInteger place = new BigInteger(1, MessageDigest.getInstance("MD5").digest(key.getBytes(UTF_8)));
            String expected = null;
            for (Shard shard : shards) {
                if (new BigInteger(shard.hashKeyRange().startingHashKey()).compareTo(place) <= 0) {
                    expected = shard.shardId();
                }
            }
            var put = client.putRecord(r -> r.streamName(stream).partitionKey(key).data(SdkBytes.fromUtf8String(key)));
            Scenario.equal(put.shardId(), expected);
            Scenario.equal(put.encryptionType(), null);
            BigInteger number = new BigInteger(put.sequenceNumber());
            BigInteger before = newest.put(expected, number);
            Scenario.require(before == null || number.compareTo(before) > 0, "sequence numbers fall");
        }
        Scenario.equal(newest.size(), 3);
        for (Shard shard : shards) {
            var put = client.putRecord(r -> r.streamName(stream)
                    .partitionKey("explicit")
                    .explicitHashKey(shard.hashKeyRange().startingHashKey())
                    .sequenceNumberForOrdering(newest.get(shard.shardId()).toString())
                    .data(SdkBytes.fromUtf8String("explicit")));
            Scenario.equal(put.shardId(), shard.shardId());
            boolean rises = new BigInteger(put.sequenceNumber()).compareTo(newest.get(shard.shardId())) > 0;
            Scenario.require(rises, "sequence numbers fall");
        }
    }

    void putRecords() {
        byte[] large = everyByte(MIB - 5);
        List<PutRecordsRequestEntry> entries = new ArrayList<>();
        for (SdkBytes data : BINARY) {
            String key = "b" + entries.size();
            var entry = PutRecordsRequestEntry.builder().data(data).partitionKey(key).explicitHashKey("0");
            entries.add(entry.build());
        }
        var largest = PutRecordsRequestEntry.builder().data(SdkBytes.fromByteArray(large)).partitionKey("large");
        entries.add(largest.explicitHashKey(LAST_HASH_KEY).build());
        var put = client.putRecords(r -> r.streamName(binary).records(entries));
        Scenario.equal(put.failedRecordCount(), 0);
        for (int index = 0; index < entries.size(); index++) {
            String shard = Scenario.SHARDS.get(index / BINARY.size());
            Scenario.equal(put.records().get(index).shardId(), shard);
        }
        String start = iterator(binary, Scenario.SHARDS.get(1), r -> r.shardIteratorType("TRIM_HORIZON"));
        Record found = read(1, GetRecordsRequest.builder().shardIterator(start).build()).get(0);
        Scenario.require(Arrays.equals(found.data().asByteArray(), large), "the large record changed");
    }

    void getRecords() {
        List<Record> records = readFirst(5, 3, r -> r.shardIteratorType(ShardIteratorType.TRIM_HORIZON));
        for (int index = 0; index < records.size(); index++) {
            Record record = records.get(index);
            Scenario.equal(record.data(), BINARY.get(index));
            Scenario.equal(record.partitionKey(), "b" + index);
            Scenario.equal(record.encryptionType(), null);
            Scenario.isRecent(record.approximateArrivalTimestamp());
        }
        String third = records.get(2).sequenceNumber();
        List<Record> at = readFirst(3, 10, r -> r
                .shardIteratorType(ShardIteratorType.AT_SEQUENCE_NUMBER).startingSequenceNumber(third));
        Scenario.equal(at, records.subList(2, 5));
        List<Record> after = readFirst(2, 10, r -> r
                .shardIteratorType(ShardIteratorType.AFTER_SEQUENCE_NUMBER).startingSequenceNumber(third));
        Scenario.equal(after, records.subList(3, 5));
        List<Record> since = readFirst(5, 10, r -> r
                .shardIteratorType(ShardIteratorType.AT_TIMESTAMP)
                .timestamp(records.get(0).approximateArrivalTimestamp()));
        Scenario.equal(since, records);
        // On the other shard: one gives records five times a second.
        String shard = Scenario.SHARDS.get(1);
        String latest = iterator(binary, shard, r -> r.shardIteratorType(ShardIteratorType.LATEST));
        SdkBytes data = SdkBytes.fromUtf8String("late");
        client.putRecord(r -> r.streamName(binary).partitionKey("late").explicitHashKey(LAST_HASH_KEY).data(data));
        GetRecordsRequest fromLatest = GetRecordsRequest.builder().shardIterator(latest).build();
        Scenario.equal(read(1, fromLatest).get(0).data(), data);
    }

    void byArn() {
        SdkBytes data = SdkBytes.fromUtf8String("by ARN");
        var put = client.putRecord(r -> r.streamARN(scenario.arn).partitionKey("by-arn").data(data));
        Scenario.equal(client.listShards(r -> r.streamARN(scenario.arn)).shards().size(), 3);
        var start = client.getShardIterator(r -> r.streamARN(scenario.arn)
                .shardId(put.shardId())
                .shardIteratorType(ShardIteratorType.AT_SEQUENCE_NUMBER)
                .startingSequenceNumber(put.sequenceNumber()));
        var request = GetRecordsRequest.builder().streamARN(scenario.arn).shardIterator(start.shardIterator());
        Scenario.equal(read(1, request.build()).get(0).data(), data);
    }

    void errors() throws Exception {
        Scenario.refused(ResourceNotFoundException.class,
                "Stream nothing under account " + Scenario.ACCOUNT + " not found.",
                () -> client.describeStream(r -> r.streamName("nothing")));
        Scenario.refused(ResourceInUseException.class,
                "Stream " + stream + " under account " + Scenario.ACCOUNT + " already exists.",
                () -> client.createStream(r -> r.streamName(stream).shardCount(1)));
        Scenario.refused(InvalidArgumentException.class,
                "can not be longer than existing retention period (24 hours)",
                () -> client.decreaseStreamRetentionPeriod(r -> r.streamName(stream).retentionPeriodHours(25)));
        String shard = Scenario.SHARDS.get(0);
        Scenario.refused(InvalidArgumentException.class,
                "Invalid StartingSequenceNumber. It encodes shardId-000000000123, while it was used in a call to a shard",
                () -> iterator(stream, shard, r -> r
                        .shardIteratorType(ShardIteratorType.AT_SEQUENCE_NUMBER).startingSequenceNumber("123")));
        Scenario.refused(InvalidArgumentException.class, "Invalid ShardIterator.",
                () -> client.getRecords(r -> r.shardIterator("AAAA")));
        String key = "k".repeat(257);
        SdkBytes data = SdkBytes.fromByteArray(new byte[0]);
        Scenario.refused(ValidationException.class,
                "Value '" + key + "' at 'partitionKey' failed to satisfy constraint",
                () -> client.putRecord(r -> r.streamName(stream).partitionKey(key).data(data)));
    }

    void throttles() throws Exception {
        String busy = scenario.busy;
        scenario.createAndWait(busy, 1);
        String text = "Rate exceeded for shard " + Scenario.SHARDS.get(0) + " in stream " + busy + " under account "
                + Scenario.ACCOUNT + ".";
        var entry = PutRecordsRequestEntry.builder().partitionKey("k").data(SdkBytes.fromByteArray(new byte[700_000]));
        var entries = List.of(entry.build(), entry.build(), entry.build());
        var put = impatient.putRecords(r -> r.streamName(busy).records(entries));
        Scenario.equal(put.failedRecordCount(), 2);
        Scenario.equal(put.records().get(0).errorCode(), null);
        for (PutRecordsResultEntry result : put.records().subList(1, 3)) {
            Scenario.equal(result.errorCode(), "ProvisionedThroughputExceededException");
            Scenario.equal(result.errorMessage(), text);
            Scenario.equal(result.sequenceNumber(), null);
        }
        SdkBytes large = SdkBytes.fromByteArray(new byte[1_000_000]);
        Scenario.refused(ProvisionedThroughputExceededException.class, text, () -> {
            // Several, for a slow machine leaves the shard time to recover.
            for (int count = 0; count < 10; count++) {
                impatient.putRecord(r -> r.streamName(busy).partitionKey("k").data(large));
            }
        });
    }
}
