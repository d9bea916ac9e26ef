// Puts each line of standard input into a stream, over one streaming call, and prints where it is stored.
//
//     node producer.js localhost:4566 orders < lines
//
// @grpc/proto-loader reads the files when it starts; MILLSTREAM_PROTO says where they are.
'use strict';

const readline = require('readline');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { credentials } = require('./connect');

const [address, stream] = process.argv.slice(2);
const definition = loader.loadSync('millstream/v1/records.proto', {
  includeDirs: [process.env.MILLSTREAM_PROTO || '../../../proto/proto'],
  keepCase: true, defaults: true,
  longs: Number,
});
const { Records } = grpc.loadPackageDefinition(definition).millstream.v1;

const call = new Records(address, credentials).PutStream();

// Answers come in the order of the requests while further ones are sent: nothing waits for anything.
call.on('data', ({ refusal, records }) => {
  if (refusal) {
    console.log(`refused ${refusal.reason}: ${refusal.message}`);
    process.exitCode = 1;
  }
  for (const { error_code: failure, shard_id: shard, sequence_number: number } of records) {
    // A shard's throughput is used up, say: a producer of yours would put the record again.
    console.log(failure ? `failed ${failure}` : `${shard} ${number}`);
    process.exitCode ||= failure ? 1 : 0;
  }
});
call.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    // The first word is the partition key.
    const entry = { partition_key: line.split(' ')[0] || '-', data: Buffer.from(line) };
    // When the server has enough, it stops reading, and then so does this.
    if (!call.write({ stream_name: stream, records: [entry] })) {
      await new Promise((resolve) => call.once('drain', resolve));
    }
  }
  call.end();
}

main();
