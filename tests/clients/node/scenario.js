// The scenario of a real client, with the AWS SDK for JavaScript v3: every step checks values. Says on which step
// it failed. CommonJS, because only that finds packages through NODE_PATH.

const assert = require("node:assert/strict");
const { createHash, randomUUID } = require("node:crypto");
const sdk = require("@aws-sdk/client-kinesis");

const ACCOUNT = "000000000000";
const SHARDS = [0, 1, 2].map((index) => `shardId-${String(index).padStart(12, "0")}`);
const HASH_KEYS = 1n << 128n;
const MIB = 1 << 20;
// What JSON and base64 have trouble with, if anything.
const BINARY = [[], [0], [0xff, 0xfe, 0x80], [...Array(256).keys()], [...Buffer.from("Grüße, 世界\r\n")]].map((bytes) =>
  Uint8Array.from(bytes),
);

const client = new sdk.KinesisClient({});
const impatient = new sdk.KinesisClient({ maxAttempts: 1 });
const StreamName = `orders-${randomUUID()}`;
const binary = `${StreamName}-binary`;
const busy = `${StreamName}-busy`;
const StreamARN = `arn:aws:kinesis:us-east-1:${ACCOUNT}:stream/${StreamName}`;
const waiting = { client, maxWaitTime: 20, minDelay: 1, maxDelay: 1 };

/** Calls an operation by its name. */
function call(operation, input, through = client) {
  return through.send(new sdk[`${operation}Command`](input));
}

function isRecent(time) {
  assert.ok(time instanceof Date);
  assert.ok(Math.abs(Date.now() - time.getTime()) < 60_000, time.toISOString());
}

/** The call fails with the client's own class for this error, and with this text in its message. */
async function refused(error, text, operation, input) {
  await rejected(error, text, call(operation, input));
}

async function rejected(error, text, promise) {
  await assert.rejects(promise, (failure) => {
    assert.equal(failure.name, error);
    assert.ok(failure instanceof sdk[error], `${failure} is not an ${error}`);
    assert.equal(failure.$metadata.httpStatusCode, 400);
    assert.ok(failure.message.includes(text), failure.message);
    return true;
  });
}

async function iterator(StreamName, ShardId, ShardIteratorType, more = {}) {
  return (await call("GetShardIterator", { StreamName, ShardId, ShardIteratorType, ...more })).ShardIterator;
}

/** Reads on until so many records are there, and no more. */
async function read(ShardIterator, count, more = {}) {
  const records = [];
  for (;;) {
    const page = await call("GetRecords", { ShardIterator, ...more });
    records.push(...page.Records);
    ShardIterator = page.NextShardIterator;
    if (records.length >= count) {
      assert.equal(records.length, count);
      return { records, page };
    }
  }
}

async function create() {
  await call("CreateStream", { StreamName, ShardCount: 3 });
  const { StreamDescriptionSummary } = await call("DescribeStreamSummary", { StreamName });
  // ACTIVE already, where the machine is slow.
  assert.ok(["CREATING", "ACTIVE"].includes(StreamDescriptionSummary.StreamStatus));
  await sdk.waitUntilStreamExists(waiting, { StreamName });
  await call("CreateStream", { StreamName: binary, ShardCount: 2, Tags: { kind: "binary" } });
  await sdk.waitUntilStreamExists(waiting, { StreamName: binary });
}

async function describe() {
  const { StreamDescription } = await call("DescribeStream", { StreamName });
  const { StreamDescriptionSummary } = await call("DescribeStreamSummary", { StreamName });
  for (const answer of [StreamDescription, StreamDescriptionSummary]) {
    assert.equal(answer.StreamName, StreamName);
    assert.equal(answer.StreamARN, StreamARN);
    assert.equal(answer.StreamStatus, "ACTIVE");
    assert.deepEqual(answer.StreamModeDetails, { StreamMode: "PROVISIONED" });
    assert.equal(answer.RetentionPeriodHours, 24);
    assert.equal(answer.EncryptionType, "NONE");
    isRecent(answer.StreamCreationTimestamp);
  }
  assert.equal(StreamDescription.HasMoreShards, false);
  assert.deepEqual(StreamDescription.Shards.map((shard) => shard.ShardId), SHARDS);
  assert.equal(StreamDescriptionSummary.OpenShardCount, 3);
  let below = -1n;
  for (const { HashKeyRange, SequenceNumberRange } of StreamDescription.Shards) {
    assert.equal(BigInt(HashKeyRange.StartingHashKey), below + 1n);
    below = BigInt(HashKeyRange.EndingHashKey);
    assert.equal(SequenceNumberRange.EndingSequenceNumber, undefined);
  }
  assert.equal(below, HASH_KEYS - 1n);
}

async function list_streams() {
  const pages = [];
  for await (const page of sdk.paginateListStreams({ client, pageSize: 1 }, {})) {
    pages.push(page);
  }
  assert.deepEqual(pages.map((page) => page.StreamNames), [[StreamName], [binary]]);
  assert.deepEqual(pages.map((page) => page.HasMoreStreams), [true, false]);
  assert.equal(pages[0].StreamSummaries[0].StreamARN, StreamARN);
  isRecent(pages[0].StreamSummaries[0].StreamCreationTimestamp);
}

async function list_shards() {
  const ids = (page) => page.Shards.map((shard) => shard.ShardId);
  const first = await call("ListShards", { StreamName, MaxResults: 2 });
  assert.deepEqual(ids(first), SHARDS.slice(0, 2));
  const second = await call("ListShards", { NextToken: first.NextToken });
  assert.deepEqual(ids(second), SHARDS.slice(2));
  assert.equal(second.NextToken, undefined);
  for (const [ShardFilter, expected] of [
    [{ Type: "AT_LATEST" }, SHARDS],
    [{ Type: "AFTER_SHARD_ID", ShardId: SHARDS[0] }, SHARDS.slice(1)],
    [{ Type: "FROM_TIMESTAMP", Timestamp: new Date() }, SHARDS],
  ]) {
    assert.deepEqual(ids(await call("ListShards", { StreamName, ShardFilter })), expected);
  }
}

async function put_record() {
  const { Shards } = await call("ListShards", { StreamName });
  const starts = Shards.map((shard) => BigInt(shard.HashKeyRange.StartingHashKey));
  const newest = {};
  const keys = [...Array(12).keys()].map((number) => `N${number}`);
  for (const PartitionKey of [...keys, "ключ", "k".repeat(256)]) {
    const place = BigInt(`0x${createHash("md5").update(PartitionKey).digest("hex")}`);
    const shard = SHARDS[starts.findLastIndex((start) => start <= place)];
    const answer = await call("PutRecord", { StreamName, PartitionKey, Data: Buffer.from(PartitionKey) });
    assert.equal(answer.ShardId, shard);
    assert.equal(answer.EncryptionType, undefined);
    assert.ok(BigInt(answer.SequenceNumber) > (newest[shard] ?? 0n));
    newest[shard] = BigInt(answer.SequenceNumber);
  }
  assert.deepEqual(Object.keys(newest).sort(), SHARDS);
  for (const [index, start] of starts.entries()) {
    const shard = SHARDS[index];
    const answer = await call("PutRecord", {
      StreamName,
      PartitionKey: "explicit",
      ExplicitHashKey: String(start),
      Data: Buffer.from("explicit"),
      SequenceNumberForOrdering: String(newest[shard]),
    });
    assert.equal(answer.ShardId, shard);
    assert.ok(BigInt(answer.SequenceNumber) > newest[shard]);
  }
}

async function put_records() {
  const large = Uint8Array.from({ length: MIB - 5 }, (_, index) => index);
  const Records = BINARY.map((Data, place) => ({ Data, PartitionKey: `b${place}`, ExplicitHashKey: "0" }));
  Records.push({ Data: large, PartitionKey: "large", ExplicitHashKey: String(HASH_KEYS - 1n) });
  const answer = await call("PutRecords", { StreamName: binary, Records });
  assert.equal(answer.FailedRecordCount, 0);
  const shards = answer.Records.map((result) => result.ShardId);
  assert.deepEqual(shards, [...Array(5).fill(SHARDS[0]), SHARDS[1]]);
  const { records } = await read(await iterator(binary, SHARDS[1], "TRIM_HORIZON"), 1);
  assert.ok(Buffer.from(large).equals(records[0].Data));
}

async function get_records() {
  const { records, page } = await read(await iterator(binary, SHARDS[0], "TRIM_HORIZON"), 5, { Limit: 3 });
  assert.deepEqual(records.map((record) => [...record.Data]), BINARY.map((data) => [...data]));
  assert.deepEqual(records.map((record) => record.PartitionKey), ["b0", "b1", "b2", "b3", "b4"]);
  assert.equal(page.MillisBehindLatest, 0);
  for (const record of records) {
    isRecent(record.ApproximateArrivalTimestamp);
    assert.equal(record.EncryptionType, undefined);
  }
  const numbers = (found) => found.records.map((record) => record.SequenceNumber);
  const all = numbers({ records });
  const StartingSequenceNumber = all[2];
  const at = await iterator(binary, SHARDS[0], "AT_SEQUENCE_NUMBER", { StartingSequenceNumber });
  assert.deepEqual(numbers(await read(at, 3)), all.slice(2));
  const after = await iterator(binary, SHARDS[0], "AFTER_SEQUENCE_NUMBER", { StartingSequenceNumber });
  assert.deepEqual(numbers(await read(after, 2)), all.slice(3));
  const Timestamp = records[0].ApproximateArrivalTimestamp;
  assert.deepEqual(numbers(await read(await iterator(binary, SHARDS[0], "AT_TIMESTAMP", { Timestamp }), 5)), all);
  // On the other shard: one gives records five times a second.
  const latest = await iterator(binary, SHARDS[1], "LATEST");
  const [Data, ExplicitHashKey] = [Buffer.from("late"), String(HASH_KEYS - 1n)];
  await call("PutRecord", { StreamName: binary, PartitionKey: "late", ExplicitHashKey, Data });
  assert.equal(Buffer.from((await read(latest, 1)).records[0].Data).toString(), "late");
}

async function by_arn() {
  const put = await call("PutRecord", { StreamARN, PartitionKey: "by-arn", Data: Buffer.from("by ARN") });
  const summary = await call("DescribeStreamSummary", { StreamARN });
  assert.equal(summary.StreamDescriptionSummary.StreamName, StreamName);
  assert.equal((await call("ListShards", { StreamARN })).Shards.length, 3);
  const { ShardIterator } = await call("GetShardIterator", {
    StreamARN,
    ShardId: put.ShardId,
    ShardIteratorType: "AT_SEQUENCE_NUMBER",
    StartingSequenceNumber: put.SequenceNumber,
  });
  const { records } = await read(ShardIterator, 1, { StreamARN });
  assert.equal(Buffer.from(records[0].Data).toString(), "by ARN");
}

async function tags() {
  await call("AddTagsToStream", { StreamName, Tags: { team: "orders", stage: "test", ключ: "" } });
  const first = await call("ListTagsForStream", { StreamName, Limit: 2 });
  assert.equal(first.HasMoreTags, true);
  const rest = await call("ListTagsForStream", { StreamName, ExclusiveStartTagKey: first.Tags[1].Key });
  assert.equal(rest.HasMoreTags, false);
  const found = Object.fromEntries([...first.Tags, ...rest.Tags].map(({ Key, Value }) => [Key, Value]));
  assert.deepEqual(found, { team: "orders", stage: "test", ключ: "" });
  await call("RemoveTagsFromStream", { StreamName, TagKeys: ["stage", "ключ"] });
  assert.deepEqual((await call("ListTagsForStream", { StreamName })).Tags, [{ Key: "team", Value: "orders" }]);
}

async function retention() {
  for (const [operation, hours] of [["IncreaseStreamRetentionPeriod", 48], ["DecreaseStreamRetentionPeriod", 24]]) {
    await call(operation, { StreamName, RetentionPeriodHours: hours });
    const { StreamDescriptionSummary } = await call("DescribeStreamSummary", { StreamName });
    assert.equal(StreamDescriptionSummary.RetentionPeriodHours, hours);
  }
}

async function errors() {
  const unknown = `Stream nothing under account ${ACCOUNT} not found.`;
  await refused("ResourceNotFoundException", unknown, "DescribeStream", { StreamName: "nothing" });
  const exists = `Stream ${StreamName} under account ${ACCOUNT} already exists.`;
  await refused("ResourceInUseException", exists, "CreateStream", { StreamName, ShardCount: 1 });
  const longer = "can not be longer than existing retention period (24 hours)";
  const change = { StreamName, RetentionPeriodHours: 25 };
  await refused("InvalidArgumentException", longer, "DecreaseStreamRetentionPeriod", change);
  const wrong = {
    StreamName,
    ShardId: SHARDS[0],
    ShardIteratorType: "AT_SEQUENCE_NUMBER",
    StartingSequenceNumber: "123",
  };
  const text = "Invalid StartingSequenceNumber. It encodes shardId-000000000123, while it was used in a call to";
  await refused("InvalidArgumentException", text, "GetShardIterator", wrong);
  await refused("InvalidArgumentException", "Invalid ShardIterator.", "GetRecords", { ShardIterator: "AAAA" });
  const PartitionKey = "k".repeat(257);
  const constraint = `Value '${PartitionKey}' at 'partitionKey' failed to satisfy constraint`;
  await refused("ValidationException", constraint, "PutRecord", { StreamName, PartitionKey, Data: new Uint8Array() });
}

async function throttles() {
  await call("CreateStream", { StreamName: busy, ShardCount: 1 });
  await sdk.waitUntilStreamExists(waiting, { StreamName: busy });
  const text = `Rate exceeded for shard ${SHARDS[0]} in stream ${busy} under account ${ACCOUNT}.`;
  const Records = ["0", "1", "2"].map((PartitionKey) => ({ Data: new Uint8Array(700_000), PartitionKey }));
  const answer = await call("PutRecords", { StreamName: busy, Records }, impatient);
  assert.equal(answer.FailedRecordCount, 2);
  assert.equal(answer.Records[0].ErrorCode, undefined);
  for (const { ErrorCode, ErrorMessage, SequenceNumber } of answer.Records.slice(1)) {
    assert.equal(ErrorCode, "ProvisionedThroughputExceededException");
    assert.equal(ErrorMessage, text);
    assert.equal(SequenceNumber, undefined);
  }
  const large = { StreamName: busy, PartitionKey: "k", Data: new Uint8Array(1_000_000) };
  const putTooMuch = async () => {
    // Several, for a slow machine leaves the shard time to recover.
    for (let count = 0; count < 10; count++) {
      await call("PutRecord", large, impatient);
    }
  };
  await rejected("ProvisionedThroughputExceededException", text, putTooMuch());
}

async function remove() {
  for (const name of [StreamName, binary, busy]) {
    await call("DeleteStream", { StreamName: name });
    await sdk.waitUntilStreamNotExists(waiting, { StreamName: name });
    await refused("ResourceNotFoundException", name, "DescribeStreamSummary", { StreamName: name });
  }
  assert.deepEqual((await call("ListStreams", {})).StreamNames, []);
}

const STEPS = [
  create, describe, list_streams, list_shards, put_record, put_records, get_records, by_arn, tags, retention,
  errors, throttles, remove,
];

async function main() {
  for (const step of STEPS) {
    try {
      await step();
    } catch (failure) {
      console.error(failure);
      console.error(`step ${step.name} failed`);
      process.exit(1);
    }
  }
  console.log(`${STEPS.length} steps passed`);
}

main();
