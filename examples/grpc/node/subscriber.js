// Has the records of a stream pushed and prints them, going on where it stopped when a connection breaks.
//
//     node subscriber.js localhost:4566 orders my-reader
'use strict';

const { promisify } = require('util');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { credentials } = require('./connect');

const [address, stream, name] = process.argv.slice(2);
const definition = loader.loadSync('millstream/v1/records.proto', {
  includeDirs: [process.env.MILLSTREAM_PROTO || '../../../proto/proto'],
  keepCase: true, defaults: true,
  longs: Number,
  enums: String,
});
const { Records, Streams } = grpc.loadPackageDefinition(definition).millstream.v1;
const [records, streams] = [Records, Streams].map((Service) => new Service(address, credentials));
const call = (method, request) => promisify(streams[method]).call(streams, request);
const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

// The ARN of a registered consumer, once it can subscribe.
async function consumer() {
  const { stream_description_summary: summary } = await call('DescribeStreamSummary', { stream_name: stream });
  const request = { stream_arn: summary.stream_arn, consumer_name: name };
  await call('RegisterStreamConsumer', request).catch((error) => {
    if (error.code !== grpc.status.FAILED_PRECONDITION) throw error; // else it is registered already
  });
  for (;;) {
    const { consumer_description: described } = await call('DescribeStreamConsumer', request);
    if (described.consumer_status === 'CONSUMER_STATUS_ACTIVE') return described.consumer_arn;
    await pause(200);
  }
}

// Prints a shard from the oldest record to its end.
async function follow(arn, shard) {
  let position = { type: 'SHARD_ITERATOR_TYPE_TRIM_HORIZON' };
  for (;;) {
    try {
      for await (const event of records.Subscribe({ consumer_arn: arn, shard_id: shard, starting_position: position })) {
        event.records.forEach((record) => console.log(record.partition_key, record.data.toString()));
        const number = event.continuation_sequence_number;
        position = { type: 'SHARD_ITERATOR_TYPE_AFTER_SEQUENCE_NUMBER', sequence_number: number };
      }
      return;
    } catch (error) {
      console.error(`${shard}: ${error.message}; once more`);
      await pause(1000);
    }
  }
}

(async () => {
  const arn = await consumer();
  const { shards } = await call('ListShards', { stream_name: stream });
  await Promise.all(shards.map(({ shard_id: shard }) => follow(arn, shard)));
})();
