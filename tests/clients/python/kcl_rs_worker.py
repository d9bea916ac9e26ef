"""A worker of kcl-rs, the Kinesis Client Library in Rust for Python: settings and lines are those of tests/clients/kcl.

APPLICATION, STREAM, WORKER and ENDPOINT are needed. RETRIEVAL is `polling` or `fan-out`. Of what makes the KCL quick only
the sync of shards can be set here. SIGTERM stops it gracefully.
"""

import json
import os
import signal
import sys
import threading

from kcl_rs import CheckpointError, RecordProcessorBase, Scheduler

SAYING = threading.Lock()


def say(event, **more):
    with SAYING:
        print(json.dumps({"event": event} | more), flush=True)


class Processor(RecordProcessorBase):
    """Prints what it is told, and checkpoints after every batch, so that a graceful end repeats nothing."""

    def initialize(self, initialize_input):
        self.shard = initialize_input.shard_id
        say("initialized", shard=self.shard, **{"from": initialize_input.sequence_number})

    def process_records(self, process_records_input):
        for record in process_records_input.records:
            text = record.binary_data.decode()
            place = {"sequence_number": record.sequence_number, "sub_sequence_number": record.sub_sequence_number}
            say("record", shard=self.shard, key=record.partition_key, data=text, **place)
        if process_records_input.records:
            self.checkpoint(process_records_input)

    def lease_lost(self, lease_lost_input):
        say("lost", shard=self.shard)

    def shard_ended(self, shard_ended_input):
        self.checkpoint(shard_ended_input)
        say("ended", shard=self.shard)

    def shutdown_requested(self, shutdown_requested_input):
        self.checkpoint(shutdown_requested_input)
        say("shutdown requested", shard=self.shard)

    def checkpoint(self, told):
        try:
            told.checkpointer.checkpoint()
        except CheckpointError as failure:
            # Whoever lost the lease meanwhile may not: that is how it should be.
            say("not checkpointed", shard=self.shard, why=str(failure))


def main(settings):
    polls = settings.get("RETRIEVAL") != "fan-out"
    scheduler = Scheduler(
        stream_name=settings["STREAM"],
        application_name=settings["APPLICATION"],
        record_processor_factory=Processor,
        worker_identifier=settings["WORKER"],
        region="us-east-1",
        endpoint_url=settings["ENDPOINT"],
        initial_position="TRIM_HORIZON",
        access_key_id="test",
        secret_access_key="test",
        retrieval_mode="POLLING" if polls else "FANOUT",
        shard_sync_interval_millis=1000 if "QUICK" in settings else None,
        **({"idle_time_between_reads_millis": 250} if polls else {}),
    )
    # Until it comes, signals wait for whoever asks for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    scheduler.start()
    say("started")
    signal.sigwait([signal.SIGTERM])
    scheduler.shutdown()
    say("stopped", graceful=True)


main(os.environ)
sys.stdout.flush()
