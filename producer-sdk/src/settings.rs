//! How a producer behaves. Fields that KPL has too bear its names, and its defaults unless they say otherwise.

use std::time::Duration;

use millstream_model::limits::{PUT_RECORDS_BYTES_MAX, PUT_RECORDS_ENTRIES_MAX, RECORD_BYTES_MAX};
use millstream_runtime::Backoff;

/// Which records are stored in the order in which they were put.
///
/// An order costs throughput, because whatever is in order has one call in flight at a time, and what failed holds back
/// what follows. It holds for records that were acknowledged: one that failed may leave a gap, and may still be stored
/// late if [`crate::PutError::copies_max`] is not 0. A retry can store records twice; the first copies are in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// None: fastest.
    #[default]
    None,
    /// Those with the same partition key. The keys of a shard are spread over so many
    /// [`ProducerSettings::order_lanes`], of which each has one container in flight.
    PartitionKey,
    /// All of one shard: it has one container in flight. When a shard is split, those of each child stay in order; when
    /// two are merged, those of either parent do.
    Shard,
}

/// Whether records bear a tag that consumers can know a repetition by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Idempotence {
    /// Those have one that were given one.
    #[default]
    AsGiven,
    /// Those that were given none get one of the producer's making, about 30 bytes: then repetitions by the producer's
    /// own retries can be known, though not those of an application that puts a record again.
    Generated,
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerSettings {
    /// Pack records of a shard into one (`AggregationEnabled`).
    pub aggregation_enabled: bool,
    /// Records in a container (`AggregationMaxCount`), at least 1.
    pub aggregation_max_count: u32,
    /// Bytes of a container (`AggregationMaxSize`), which one larger record exceeds by going alone.
    pub aggregation_max_size: usize,
    /// Containers and records in a call (`CollectionMaxCount`), 1 to 500.
    pub collection_max_count: usize,
    /// Their bytes (`CollectionMaxSize`), up to 10 MiB, which one larger record exceeds by going alone.
    pub collection_max_size: usize,
    /// Bytes of a record with its partition key (`MaxUserRecordSize`), up to 10 MiB. Streams take 1 MiB unless they were
    /// configured for more.
    pub max_user_record_size: usize,
    /// How long a record may wait for company (`RecordMaxBufferedTime`). 0 sends as soon as a call is free.
    pub record_max_buffered_time: Duration,
    /// How long a record may take from being admitted to being acknowledged (`RecordTtl`).
    pub record_ttl: Duration,
    /// Percent of a shard's quota on AWS to use (`RateLimit`), from 1; `None` does not limit, for services with other
    /// quotas, or none. Whatever it is, a shard that throttles gets less: without a limit, 150 % of the quota and from
    /// there on down, until it has not throttled for a while.
    pub rate_limit: Option<u32>,
    /// Give records up that are throttled (`FailIfThrottled`).
    pub fail_if_throttled: bool,
    /// Calls in flight at once (`MaxConnections`), at least 1.
    pub max_connections: usize,
    /// How long a call may take (`RequestTimeout`).
    pub request_timeout: Duration,

    /// Which records stay in order. KPL knows none.
    pub order: Order,
    /// For [`Order::PartitionKey`]: lanes of a shard, 1 to 64, of which each has one container in flight. More are
    /// faster, and make smaller containers.
    pub order_lanes: usize,
    /// Tags for consumers that leave repetitions out.
    pub idempotence: Idempotence,
    /// Records held at once; whoever puts more waits. KPL holds any number.
    pub outstanding_records_max: usize,
    /// Bytes held at once, of their data and keys; whoever puts more waits. At least
    /// [`Self::max_user_record_size`].
    pub outstanding_bytes_max: usize,
    /// How often the shards are listed. They are listed as well when a record arrived in another shard than expected,
    /// which is KPL's only reason.
    pub shard_map_refresh_interval: Duration,
    /// Waits before something is tried again, spread evenly from 0. KPL tries again at once.
    pub retry_backoff: Backoff,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            aggregation_enabled: true,
            aggregation_max_count: u32::MAX,
            aggregation_max_size: 51_200,
            collection_max_count: PUT_RECORDS_ENTRIES_MAX,
            collection_max_size: 5 * 1024 * 1024,
            max_user_record_size: RECORD_BYTES_MAX,
            record_max_buffered_time: Duration::from_millis(100),
            record_ttl: Duration::from_secs(30),
            rate_limit: Some(150),
            fail_if_throttled: false,
            max_connections: 24,
            request_timeout: Duration::from_secs(6),
            order: Order::None,
            order_lanes: 4,
            idempotence: Idempotence::AsGiven,
            outstanding_records_max: 500_000,
            outstanding_bytes_max: 64 * 1024 * 1024,
            shard_map_refresh_interval: Duration::from_secs(60),
            retry_backoff: Backoff { base: Duration::from_millis(50), cap: Duration::from_secs(1) },
        }
    }
}

impl ProducerSettings {
    /// Sends each record by itself, at once.
    #[must_use]
    pub fn low_latency() -> Self {
        Self { aggregation_enabled: false, record_max_buffered_time: Duration::ZERO, ..Self::default() }
    }

    /// How far flushes may be early so that those of many shards go together (as KPL's collector waits).
    pub(crate) fn grace(&self) -> Duration {
        (self.record_max_buffered_time / 5).min(Duration::from_millis(50))
    }

    /// Lanes of each shard.
    pub(crate) fn lanes(&self) -> usize {
        if self.order == Order::PartitionKey { self.order_lanes } else { 1 }
    }

    /// What makes no sense, if anything does.
    pub(crate) fn nonsense(&self) -> Option<&'static str> {
        let checks = [
            (self.aggregation_max_count == 0, "aggregation_max_count is 0"),
            (self.aggregation_max_size > PUT_RECORDS_BYTES_MAX, "aggregation_max_size is above 10 MiB"),
            (
                !(1..=PUT_RECORDS_ENTRIES_MAX).contains(&self.collection_max_count),
                "collection_max_count is not between 1 and 500",
            ),
            (
                !(1..=PUT_RECORDS_BYTES_MAX).contains(&self.collection_max_size),
                "collection_max_size is not between 1 and 10 MiB",
            ),
            (
                !(1..=PUT_RECORDS_BYTES_MAX).contains(&self.max_user_record_size),
                "max_user_record_size is not between 1 and 10 MiB",
            ),
            (
                self.record_ttl <= self.record_max_buffered_time,
                "record_ttl is not above record_max_buffered_time",
            ),
            (self.rate_limit == Some(0), "rate_limit is 0"),
            (self.max_connections == 0, "max_connections is 0"),
            (self.request_timeout.is_zero(), "request_timeout is 0"),
            (!(1..=64).contains(&self.order_lanes), "order_lanes is not between 1 and 64"),
            (self.outstanding_records_max == 0, "outstanding_records_max is 0"),
            (self.outstanding_records_max > u32::MAX as usize, "outstanding_records_max is above 4294967295"),
            (
                self.outstanding_bytes_max < self.max_user_record_size,
                "outstanding_bytes_max is below one record",
            ),
            (self.outstanding_bytes_max > 1 << 40, "outstanding_bytes_max is above 1 TiB"),
            (self.shard_map_refresh_interval.is_zero(), "shard_map_refresh_interval is 0"),
            (self.retry_backoff.cap.is_zero(), "retry_backoff never waits"),
        ];
        checks.into_iter().find_map(|(is_wrong, what)| is_wrong.then_some(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense_and_nonsense_is_named() {
        assert_eq!(ProducerSettings::default().nonsense(), None);
        assert_eq!(ProducerSettings::low_latency().nonsense(), None);
        let small = ProducerSettings { outstanding_bytes_max: 1_000, ..ProducerSettings::default() };
        assert!(small.nonsense().unwrap().contains("outstanding_bytes_max"));
        let hasty =
            ProducerSettings { record_ttl: Duration::from_millis(100), ..ProducerSettings::default() };
        assert!(hasty.nonsense().unwrap().contains("record_ttl"));
    }
}
