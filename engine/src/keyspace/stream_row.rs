//! `02 ‖ account ‖ 0 ‖ region ‖ 0 ‖ name` → a stream.

use std::collections::BTreeMap;

use bytes::Bytes;
use millstream_model::{Span, StreamArn, Timestamp};
use millstream_storage::KeyRange;
use prost::Message;

use super::capacity_row::CapacityRow;
use super::{STREAM, StreamUid, corrupt};
use crate::Result;
use crate::encryption::Epoch;
use crate::encryption::state::Encryption;
use crate::monitoring::ShardMetricSet;
use crate::rolling_day::RollingDay;
use crate::stream::{Mode, Phase, StreamMeta};

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(uint32, tag = "1")]
    uid: StreamUid,
    #[prost(uint64, tag = "2")]
    created_millis: u64,
    #[prost(uint32, tag = "3")]
    retention_hours: u32,
    /// What an increase of the retention must not bring back.
    #[prost(uint64, tag = "4")]
    horizon_floor_millis: u64,
    /// 0 provisioned, 1 on demand.
    #[prost(uint32, tag = "5")]
    mode: u32,
    /// 0 steady, 1 creating, 2 updating, 3 deleting.
    #[prost(uint32, tag = "6")]
    phase: u32,
    /// When a phase other than steady ends.
    #[prost(uint64, tag = "7")]
    phase_until_millis: u64,
    #[prost(uint64, tag = "12")]
    phase_since_millis: u64,
    #[prost(btree_map = "string, string", tag = "8")]
    tags: BTreeMap<String, String>,
    #[prost(uint32, tag = "9")]
    max_record_kib: u32,
    /// 0 in rows from before shards could close: all that were made are there.
    #[prost(uint32, tag = "10")]
    next_shard: u32,
    #[prost(uint64, repeated, tag = "11")]
    count_updates_millis: Vec<u64>,
    /// [`ShardMetricSet::bits`].
    #[prost(uint32, tag = "25")]
    monitored: u32,
    #[prost(string, optional, tag = "26")]
    policy: Option<String>,
    /// The KMS key by name; empty while records are not encrypted.
    #[prost(string, tag = "20")]
    key_id: String,
    /// The newest epoch of data keys; 0 if there never was one.
    #[prost(uint32, tag = "21")]
    epoch: u32,
    #[prost(uint64, repeated, tag = "22")]
    encryption_starts_millis: Vec<u64>,
    #[prost(uint64, repeated, tag = "23")]
    encryption_stops_millis: Vec<u64>,
    /// Absent in rows from before streams grew on demand.
    #[prost(message, optional, tag = "30")]
    capacity: Option<CapacityRow>,
}

pub(crate) fn stream_key(arn: &StreamArn) -> Bytes {
    let StreamArn { account, region, name } = arn;
    let mut key = vec![STREAM];
    key.extend_from_slice(account.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(region.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(name.as_str().as_bytes());
    key.into()
}

pub(crate) fn all() -> KeyRange {
    KeyRange::prefix(&[STREAM])
}

pub(crate) fn encode(meta: &StreamMeta) -> Bytes {
    let (phase, span) = match meta.phase {
        Phase::Steady => (0, Span { since: Timestamp::EPOCH, until: Timestamp::EPOCH }),
        Phase::Creating(span) => (1, span),
        Phase::Updating(span) => (2, span),
        Phase::Deleting(span) => (3, span),
    };
    let row = Row {
        uid: meta.uid,
        created_millis: meta.created.as_millis(),
        retention_hours: meta.retention_hours,
        horizon_floor_millis: meta.horizon_floor.as_millis(),
        mode: match meta.mode {
            Mode::Provisioned => 0,
            Mode::OnDemand => 1,
        },
        phase,
        phase_until_millis: span.until.as_millis(),
        phase_since_millis: span.since.as_millis(),
        tags: meta.tags.clone(),
        max_record_kib: meta.record_kib_max,
        next_shard: meta.next_shard,
        count_updates_millis: millis(&meta.count_updates),
        monitored: meta.monitored.bits(),
        policy: meta.policy.clone(),
        key_id: meta.encryption.key_id.clone().unwrap_or_default(),
        epoch: meta.encryption.epoch.map_or(0, Epoch::get),
        encryption_starts_millis: millis(&meta.encryption.starts),
        encryption_stops_millis: millis(&meta.encryption.stops),
        capacity: Some(CapacityRow::of(&meta.capacity)),
    };
    row.encode_to_vec().into()
}

/// The stream that a row speaks of.
pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<(StreamArn, StreamMeta)> {
    try_decode(key, row).ok_or_else(|| corrupt("a stream's row", key))
}

fn try_decode(key: &[u8], row: &[u8]) -> Option<(StreamArn, StreamMeta)> {
    let mut parts = std::str::from_utf8(key.get(1..)?).ok()?.split('\0');
    let arn = StreamArn {
        account: parts.next()?.parse().ok()?,
        region: parts.next()?.parse().ok()?,
        name: parts.next()?.parse().ok()?,
    };
    let row = Row::decode(row).ok()?;
    let span = Span {
        since: Timestamp::from_millis(row.phase_since_millis),
        until: Timestamp::from_millis(row.phase_until_millis),
    };
    let meta = StreamMeta {
        uid: row.uid,
        created: Timestamp::from_millis(row.created_millis),
        retention_hours: row.retention_hours,
        horizon_floor: Timestamp::from_millis(row.horizon_floor_millis),
        mode: match row.mode {
            0 => Mode::Provisioned,
            1 => Mode::OnDemand,
            _ => return None,
        },
        phase: match row.phase {
            0 => Phase::Steady,
            1 => Phase::Creating(span),
            2 => Phase::Updating(span),
            3 => Phase::Deleting(span),
            _ => return None,
        },
        tags: row.tags,
        record_kib_max: row.max_record_kib,
        next_shard: row.next_shard,
        count_updates: rolling_day(row.count_updates_millis),
        monitored: ShardMetricSet::from_bits(row.monitored)?,
        policy: row.policy,
        encryption: Encryption {
            key_id: Some(row.key_id).filter(|key_id| !key_id.is_empty()),
            epoch: Epoch::new(row.epoch),
            starts: rolling_day(row.encryption_starts_millis),
            stops: rolling_day(row.encryption_stops_millis),
        },
        capacity: row.capacity.unwrap_or_default().capacity()?,
    };
    // Records would be written in clear.
    let is_without_epoch = meta.encryption.key_id.is_some() && meta.encryption.epoch.is_none();
    (!is_without_epoch).then_some((arn, meta))
}

fn millis(day: &RollingDay) -> Vec<u64> {
    day.0.iter().map(|time| time.as_millis()).collect()
}

fn rolling_day(millis: Vec<u64>) -> RollingDay {
    RollingDay(millis.into_iter().map(Timestamp::from_millis).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::capacity_row::tests::any_capacity;
    use super::*;
    use crate::capacity::StreamCapacity;

    fn any_phase() -> impl Strategy<Value = Phase> {
        (0..4, any::<[u64; 2]>()).prop_map(|(phase, [since, until])| {
            let span = Span { since: Timestamp::from_millis(since), until: Timestamp::from_millis(until) };
            match phase {
                0 => Phase::Steady,
                1 => Phase::Creating(span),
                2 => Phase::Updating(span),
                _ => Phase::Deleting(span),
            }
        })
    }

    fn any_encryption() -> impl Strategy<Value = Encryption> {
        let times = || prop::collection::vec(any::<u64>(), 0..4).prop_map(rolling_day);
        (prop::option::of("[a-z/-]{1,9}"), 1_u32.., times(), times()).prop_map(
            |(key_id, epoch, starts, stops)| Encryption { key_id, epoch: Epoch::new(epoch), starts, stops },
        )
    }

    prop_compose! {
        fn any_meta()(uid: u32, created: u64, retention_hours: u32, floor: u64, on_demand: bool, phase in any_phase(),
                      tags in prop::collection::btree_map(".{0,9}", ".{0,9}", 0..5), record_kib_max: u32, next_shard: u32,
                      count_updates: Vec<u64>, monitored in 0_u32..128, policy in prop::option::of(".{0,50}"),
                      encryption in prop_oneof![Just(Encryption::default()), any_encryption()]) -> StreamMeta {
            StreamMeta {
                uid, created: Timestamp::from_millis(created), retention_hours,
                horizon_floor: Timestamp::from_millis(floor),
                mode: if on_demand { Mode::OnDemand } else { Mode::Provisioned }, phase, tags, record_kib_max,
                next_shard, count_updates: rolling_day(count_updates),
                monitored: ShardMetricSet::from_bits(monitored).unwrap(), policy, encryption,
                capacity: StreamCapacity::default(),
            }
        }
    }

    proptest! {
        #[test]
        fn round_trips(meta in any_meta(), capacity in any_capacity(), account in "[0-9]{12}", region in "[a-z0-9-]{1,20}", name in "[a-zA-Z0-9_.-]{1,128}") {
            let meta = StreamMeta { capacity, ..meta };
            let arn = StreamArn { account: account.parse().unwrap(), region: region.parse().unwrap(), name: name.parse().unwrap() };
            prop_assert_eq!(decode(&stream_key(&arn), &encode(&meta)), Ok((arn, meta)));
        }

        #[test]
        fn other_bytes_are_refused(key in prop::collection::vec(any::<u8>(), 0..40), row in prop::collection::vec(any::<u8>(), 0..50)) {
            let _ = decode(&key, &row);
        }
    }
}
