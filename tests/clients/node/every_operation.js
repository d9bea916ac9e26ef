// Any operation with the AWS SDK for JavaScript v3: carries out what it is told in lines of JSON, and prints what the
// SDK shows in lines of JSON. The lines are explained in tests/src/told.rs.

const readline = require("node:readline");
const kinesis = require("@aws-sdk/client-kinesis");
const dynamodb = require("@aws-sdk/client-dynamodb");
const dynamodbstreams = require("@aws-sdk/client-dynamodb-streams");

const services = {
  kinesis: { sdk: kinesis, client: new kinesis.KinesisClient({}) },
  dynamodb: { sdk: dynamodb, client: new dynamodb.DynamoDBClient({}) },
  dynamodbstreams: { sdk: dynamodbstreams, client: new dynamodbstreams.DynamoDBStreamsClient({}) },
};

// The members that hold data, in records and in values of attributes. An attribute may be called so as well, but what
// stands behind its name is an object.
const BLOBS = ["Data", "B"];

/** What an operation takes: JSON has no type for data. */
function given(value, name) {
  if (typeof value === "string" && BLOBS.includes(name)) return Buffer.from(value, "base64");
  if (Array.isArray(value)) return value.map((item) => given(item, name === "BS" ? "B" : undefined));
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, given(item, key)]));
}

/** What an operation answers, without what the SDK adds. */
function shown(value) {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([name]) => name !== "$metadata");
  return Object.fromEntries(members.map(([name, item]) => [name, shown(item)]));
}

/** An answer that is a stream of events becomes a list: the first of them that has records. */
async function withEvents(output) {
  if (output.EventStream === undefined) return output;
  for await (const event of output.EventStream) {
    if (event.SubscribeToShardEvent?.Records.length > 0) return { EventStream: [event] };
  }
  return { EventStream: [] };
}

/** An error that the model knows has a class of its own, with what it says beside its message. */
function refused(error) {
  const { name, $fault, $service, $response, $retryable, ...members } = error;
  return { error: name ?? error.name, message: error.message, members: shown(members) };
}

async function carryOut({ service, operation, input }) {
  const { sdk, client } = services[service];
  const Command = sdk[`${operation}Command`];
  if (Command === undefined) return { unknown: operation };
  try {
    return { output: shown(await withEvents(await client.send(new Command(given(input))))) };
  } catch (error) {
    return refused(error);
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await carryOut(JSON.parse(line)))}\n`);
  }
}

main();
