// A record processor on aws-kcl: shows each record, and checkpoints behind every batch.
'use strict';

const kcl = require('aws-kcl');

kcl({
  initialize(input, done) {
    done();
  },

  processRecords(input, done) {
    const records = input.records;
    for (const record of records) {
      process.stderr.write(`Record (Partition Key: ${record.partitionKey}, \n`);
    }
    if (records.length === 0) {
      done();
      return;
    }
    const last = records[records.length - 1].sequenceNumber;
    input.checkpointer.checkpoint(last, () => done());
  },

  leaseLost(input, done) {
    process.stderr.write('Lease has been lost\n');
    done();
  },

  shardEnded(input, done) {
    process.stderr.write('Shard has ended\n');
    input.checkpointer.checkpoint(() => done());
  },

  shutdownRequested(input, done) {
    input.checkpointer.checkpoint(() => done());
  },
}).run();
