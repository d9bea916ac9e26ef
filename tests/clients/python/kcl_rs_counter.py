"""A worker of kcl-rs that does nothing with its records but count them, and checkpoints every 5 seconds.

Settings are those of kcl_rs_worker.py, without QUICK all as kcl-rs has them. What is printed is told in
tests/src/bin/consumer_counter.rs, which does the same.
"""

import json
import os
import sys
import threading
import time

from kcl_rs import CheckpointError, RecordProcessorBase, Scheduler

SAY_INTERVAL_SECONDS = 0.05
CHECKPOINT_INTERVAL_SECONDS = 5
LOCK = threading.Lock()
NEWEST = {}
records = 0
said = 0


def say():
    global said
    with LOCK:
        if records != said:
            said = records
            print(json.dumps({"records": records, "newest": NEWEST}), flush=True)


class Counter(RecordProcessorBase):
    def initialize(self, initialize_input):
        self.shard = initialize_input.shard_id
        self.checkpointed_at = time.monotonic()

    def process_records(self, process_records_input):
        global records
        given = process_records_input.records
        if not given:
            return
        with LOCK:
            is_first = records == 0
            records += len(given)
            NEWEST[self.shard] = given[-1].timestamp_millis
        if is_first:
            say()
        if time.monotonic() - self.checkpointed_at >= CHECKPOINT_INTERVAL_SECONDS:
            self.checkpointed_at = time.monotonic()
            self.checkpoint(process_records_input)

    def lease_lost(self, lease_lost_input):
        pass

    def shard_ended(self, shard_ended_input):
        self.checkpoint(shard_ended_input)

    def shutdown_requested(self, shutdown_requested_input):
        self.checkpoint(shutdown_requested_input)

    def checkpoint(self, told):
        try:
            told.checkpointer.checkpoint()
        except CheckpointError as failure:
            print("not checkpointed:", failure, file=sys.stderr)


def main(settings):
    polls = settings["RETRIEVAL"] == "polling"
    quick = "QUICK" in settings
    scheduler = Scheduler(
        stream_name=settings["STREAM"],
        application_name=settings["APPLICATION"],
        record_processor_factory=Counter,
        worker_identifier=settings["WORKER"],
        region="us-east-1",
        endpoint_url=settings["ENDPOINT"],
        initial_position="TRIM_HORIZON",
        access_key_id="test",
        secret_access_key="test",
        retrieval_mode="POLLING" if polls else "FANOUT",
        **({"shard_sync_interval_millis": 1000} if quick else {}),
        **({"idle_time_between_reads_millis": 250} if polls and quick else {}),
    )
    scheduler.start()
    while True:
        time.sleep(SAY_INTERVAL_SECONDS)
        say()


main(os.environ)
