"""A record processor that ends its process when it is given poison, and checkpoints everything else."""

import os
import sys

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor


class Poisoned(processor.RecordProcessorBase):
    def initialize(self, initialize_input):
        pass

    def process_records(self, process_records_input):
        for record in process_records_input.records:
            if record.binary_data == b"poison":
                os._exit(7)
            sys.stderr.write("Record (Partition Key: {}, \n".format(record.partition_key))
            sys.stderr.flush()
        process_records_input.checkpointer.checkpoint()

    def lease_lost(self, lease_lost_input):
        pass

    def shard_ended(self, shard_ended_input):
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input):
        shutdown_requested_input.checkpointer.checkpoint()


if __name__ == "__main__":
    kcl.KCLProcess(Poisoned()).run()
