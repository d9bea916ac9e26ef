// Processes the records of a stream as a member of a group: start it as often as you like, and the shards are shared.
//
//     node group_consumer.js localhost:4566 orders my-application
//
// The server keeps the leases and reads the shards. SIGTERM gives them back once everything in work is done.
'use strict';

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { credentials } = require('./connect');

const [address, stream, application] = process.argv.slice(2);
const definition = loader.loadSync('millstream/v1/consumers.proto', {
  includeDirs: [process.env.MILLSTREAM_PROTO || '../../../proto/proto'],
  keepCase: true, defaults: true,
  longs: Number,
  enums: String,
  oneofs: true,
});
const { Consumers } = grpc.loadPackageDefinition(definition).millstream.v1;
const consumers = new Consumers(address, credentials);

async function process_record(shard, record) {
  console.log(shard, record.partition_key, record.data.toString());
}

let call, leaving;
process.once('SIGTERM', () => (leaving = true) && call?.write({ leave: {} }));

// One call: it ends well if it was asked to leave.
async function member() {
  call = consumers.Join();
  call.write({ start: { streams: [stream], application_name: application, initial_position: 'INITIAL_POSITION_TRIM_HORIZON' } });
  const shards = new Map();
  for await (const { response: kind, ...response } of call) {
    const { assignment_id: id, ...message } = response[kind] || {};
    if (kind === 'shard_assigned') {
      shards.set(id, message.shard_id);
    } else if (kind === 'records') {
      for (const record of message.records) await process_record(shards.get(id), record);
      // What is not acknowledged comes again, here or at another member.
      const { sequence_number, sub_sequence_number } = message.records.at(-1);
      call.write({ checkpoint: { assignment_id: id, sequence_number, sub_sequence_number } });
    } else if (kind === 'shard_ended') {
      call.write({ checkpoint: { assignment_id: id, shard_end: true } }); // its children begin once this is stored
    } else if (kind === 'shard_revoked' || kind === 'checkpoint_refused') {
      console.error(`${shards.get(id)}: ${kind} ${message.reason}`);
    }
  }
}

(async () => {
  while (!leaving) {
    await member().catch((error) => console.error(`${error.message}; once more`));
    call = call.cancel(); // what failed is no member any more
    if (!leaving) await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  consumers.close();
})();
