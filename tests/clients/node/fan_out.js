// Enhanced fan-out with the AWS SDK for JavaScript v3: does what it is told in lines of JSON, and prints what the SDK
// shows in lines of JSON. The lines are explained in tests/tests/fan_out/driver.rs. What is right is not known here.

const readline = require("node:readline");
const sdk = require("@aws-sdk/client-kinesis");

const client = new sdk.KinesisClient({});

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** How the SDK shows a failure; an error that the model knows has a class of its own. */
function failure(error) {
  const known = sdk[error.name];
  return {
    class: error.constructor.name,
    code: known !== undefined && error instanceof known ? error.name : null,
    message: error.message,
    status: error.$metadata?.httpStatusCode ?? null,
  };
}

function consumer({ ConsumerName, ConsumerARN, ConsumerStatus, ConsumerCreationTimestamp, StreamARN }) {
  return {
    name: ConsumerName,
    arn: ConsumerARN,
    status: ConsumerStatus,
    created: ConsumerCreationTimestamp.getTime(),
    stream: StreamARN ?? null,
  };
}

function event({ Records, ContinuationSequenceNumber, MillisBehindLatest, ChildShards }) {
  return {
    records: Records.map((record) => ({
      number: record.SequenceNumber,
      key: record.PartitionKey,
      data: Buffer.from(record.Data).toString("base64"),
      arrival: record.ApproximateArrivalTimestamp.getTime(),
      encryption: record.EncryptionType ?? null,
    })),
    continuation: ContinuationSequenceNumber ?? null,
    behind: MillisBehindLatest,
    children: (ChildShards ?? []).map((child) => ({
      shard: child.ShardId,
      parents: child.ParentShards,
      range: [child.HashKeyRange.StartingHashKey, child.HashKeyRange.EndingHashKey],
    })),
  };
}

/** Gives every event as it comes, and how the stream of them ended. */
async function follow(from, stream) {
  try {
    for await (const shown of stream) {
      say({ from, event: event(shown.SubscribeToShardEvent) });
    }
    say({ from, end: null });
  } catch (error) {
    say({ from, end: failure(error) });
  }
}

const commands = {
  async register({ stream, name }) {
    const input = { StreamARN: stream, ConsumerName: name };
    return consumer((await client.send(new sdk.RegisterStreamConsumerCommand(input))).Consumer);
  },

  async describe({ consumer: ConsumerARN }) {
    const answer = await client.send(new sdk.DescribeStreamConsumerCommand({ ConsumerARN }));
    return consumer(answer.ConsumerDescription);
  },

  async list({ stream }) {
    const answer = await client.send(new sdk.ListStreamConsumersCommand({ StreamARN: stream }));
    return answer.Consumers.map(consumer);
  },

  async deregister({ consumer: ConsumerARN }) {
    await client.send(new sdk.DeregisterStreamConsumerCommand({ ConsumerARN }));
    return {};
  },

  async subscribe({ as, consumer: ConsumerARN, shard: ShardId, type: Type, number, timestamp, dryRun }) {
    const StartingPosition = { Type, SequenceNumber: number };
    if (timestamp !== undefined) {
      StartingPosition.Timestamp = new Date(timestamp);
    }
    const input = { ConsumerARN, ShardId, StartingPosition, DryRun: dryRun };
    const answer = await client.send(new sdk.SubscribeToShardCommand(input));
    follow(as, answer.EventStream);
    return {};
  },
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    const reply = await commands[command.do](command).catch((error) => ({ error: failure(error) }));
    say({ reply });
  }
  process.exit(0);
}

main();
