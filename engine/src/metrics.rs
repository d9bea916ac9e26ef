//! What a stream and its consumers have done since the process started, counted where it happens.
//!
//! Names mirror CloudWatch's metrics for a stream and for its consumers. How they are shown is the server's business.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the counters once, for counting and for reading.
macro_rules! counters {
    ($(#[$about:meta])* $counters:ident, $metrics:ident { $($(#[$doc:meta])* $name:ident,)* }) => {
        #[derive(Debug, Default)]
        pub(crate) struct $counters {
            $(pub(crate) $name: Counter,)*
        }

        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $metrics {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl $counters {
            pub(crate) fn read(&self) -> $metrics {
                $metrics { $($name: self.$name.read(),)* }
            }
        }
    };
}

counters! {
    /// The counters of one stream at one moment.
    StreamCounters, StreamMetrics {
        /// Data and partition keys of accepted records, bytes (IncomingBytes).
        incoming_bytes,
        /// Accepted records (IncomingRecords).
        incoming_records,
        /// Calls that stored their record (PutRecord.Success).
        put_record_success,
        /// Calls that stored at least one record (PutRecords.Success).
        put_records_success,
        /// Entries of PutRecords calls (PutRecords.TotalRecords).
        put_records_total_records,
        /// Entries that were stored (PutRecords.SuccessfulRecords).
        put_records_successful_records,
        /// Entries that were not stored because of a failure of ours (PutRecords.FailedRecords).
        put_records_failed_records,
        /// Entries over a shard's limit (PutRecords.ThrottledRecords).
        put_records_throttled_records,
        /// Records over a shard's write limit (WriteProvisionedThroughputExceeded).
        write_provisioned_throughput_exceeded,
        /// Data and partition keys of delivered records, bytes (GetRecords.Bytes).
        get_records_bytes,
        /// Delivered records (GetRecords.Records).
        get_records_records,
        /// Calls that were answered (GetRecords.Success).
        get_records_success,
        /// Age of the last record of the newest reply, milliseconds (GetRecords.IteratorAgeMilliseconds). A
        /// gauge: the present value, not a sum.
        get_records_iterator_age_millis,
        /// Calls over a shard's read limit (ReadProvisionedThroughputExceeded).
        read_provisioned_throughput_exceeded,
    }
}

counters! {
    /// The counters of one consumer at one moment.
    ConsumerCounters, ConsumerMetrics {
        /// Subscriptions that began (SubscribeToShard.Success).
        subscribe_to_shard_success,
        /// Calls that came too soon after another (SubscribeToShard.RateExceeded).
        subscribe_to_shard_rate_exceeded,
        /// Events that were delivered, empty ones too (SubscribeToShardEvent.Success).
        subscribe_to_shard_event_success,
        /// Data and partition keys of delivered records, bytes (SubscribeToShardEvent.Bytes).
        subscribe_to_shard_event_bytes,
        /// Delivered records (SubscribeToShardEvent.Records).
        subscribe_to_shard_event_records,
        /// How far the newest event was behind the end of its shard, milliseconds
        /// (SubscribeToShardEvent.MillisBehindLatest). A gauge: the present value, not a sum.
        subscribe_to_shard_event_millis_behind_latest,
    }
}

/// A number that only grows, or the latest of something.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
