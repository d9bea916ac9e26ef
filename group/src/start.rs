//! What a member wants to be: the first request, checked.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use millstream_client::StreamRef;
use millstream_consumer_sdk::{
    AfterRetries, CheckpointPolicy, ConsumerSettings, FailurePolicy, InitialPosition, MeasureWhere,
    MemberPolicy, Retrieval, WorkerId,
};
use millstream_model::{ConsumerName, Timestamp};
use millstream_proto::convert::{is_moment, timestamp};
use millstream_proto::v1;

use crate::error::{Error, Result};

const STREAMS_MAX: usize = 50;
const APPLICATION_CHARS: RangeInclusive<usize> = 3..=255;
const WORKER_BYTES_MAX: usize = 256;
const TIMEOUT_MILLIS: RangeInclusive<i64> = 1_000..=600_000;
const LEASES: RangeInclusive<i32> = 1..=10_000;
const RECORDS: RangeInclusive<i32> = 1..=10_000;
const WINDOW_BYTES: RangeInclusive<i32> = 64 * 1024..=64 * 1024 * 1024;

const FAILOVER_MILLIS: i64 = 10_000;
const HANDOFF_MILLIS: i64 = 30_000;
const RECORDS_DEFAULT: i32 = 1_000;
const WINDOW_BYTES_DEFAULT: i32 = 1024 * 1024;

/// Bytes read ahead of a shard, before they are sent.
const READ_AHEAD_BYTES_PER_SHARD: usize = 1024 * 1024;
/// The same for all shards of a member; each may have one reply in any case.
const READ_AHEAD_BYTES: usize = 8 * 1024 * 1024;

/// What a member wants to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub(crate) streams: Vec<StreamRef>,
    pub(crate) application: String,
    pub(crate) worker: Option<WorkerId>,
    pub(crate) initial_position: InitialPosition,
    pub(crate) retrieval: Retrieval,
    pub(crate) failover: Duration,
    pub(crate) handoff: Duration,
    pub(crate) leases_max: Option<usize>,
    pub(crate) records_max: usize,
    pub(crate) window_bytes: usize,
    pub(crate) members: MemberPolicy,
    pub(crate) unreadable: Unreadable,
}

/// What becomes of records that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    StopShard,
    Skip,
}

impl Start {
    /// Reads the first request of a call.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a request that is no start, and for one that lacks something or is out of range.
    pub fn read(request: v1::JoinRequest) -> Result<Self> {
        let Some(v1::join_request::Request::Start(start)) = request.request else {
            return Err(invalid("The first request must be a start."));
        };
        Self::of(&start)
    }

    fn of(message: &v1::JoinStart) -> Result<Self> {
        let failover = in_range("failover_time_millis", message.failover_time_millis, TIMEOUT_MILLIS)?;
        let handoff = in_range("handoff_timeout_millis", message.handoff_timeout_millis, TIMEOUT_MILLIS)?;
        let leases_max = in_range("leases_max", message.leases_max, LEASES)?;
        let records_max = in_range("records_max", message.records_max, RECORDS)?;
        let window_bytes = in_range("window_bytes", message.window_bytes, WINDOW_BYTES)?;
        Ok(Self {
            streams: streams(&message.streams)?,
            application: application(message.application_name.as_deref())?,
            worker: message.worker_id.as_deref().map(worker).transpose()?,
            initial_position: initial_position(message)?,
            retrieval: retrieval(message)?,
            failover: millis(failover.unwrap_or(FAILOVER_MILLIS)),
            handoff: millis(handoff.unwrap_or(HANDOFF_MILLIS)),
            leases_max: leases_max.map(count),
            records_max: count(records_max.unwrap_or(RECORDS_DEFAULT)),
            window_bytes: count(window_bytes.unwrap_or(WINDOW_BYTES_DEFAULT)),
            members: members(message)?,
            unreadable: unreadable(message)?,
        })
    }

    /// # Errors
    /// [`Error::InvalidArgument`] if it is to begin later than `now`, the streams' time: no record could be read.
    pub fn check_moment(&self, now: Timestamp) -> Result<()> {
        match self.initial_position {
            InitialPosition::AtTimestamp(millis) if millis > now.as_millis() => {
                Err(invalid("initial_timestamp lies in the future."))
            }
            _ => Ok(()),
        }
    }

    /// The fleet, and the name of its lease table.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The member's name, if it brings one.
    #[must_use]
    pub fn worker(&self) -> Option<&str> {
        self.worker.as_ref().map(WorkerId::as_str)
    }

    /// How the worker behaves that stands for the member.
    pub(crate) fn apply_to(&self, settings: &mut ConsumerSettings) {
        settings.initial_position = self.initial_position;
        settings.retrieval = self.retrieval.clone();
        settings.checkpoints = CheckpointPolicy::Manual;
        // A processor fails only where it is about to be told why; nothing may be given up on meanwhile. What cannot be
        // read is given up on without a try.
        let then = match self.unreadable {
            Unreadable::StopShard => AfterRetries::StopShard,
            Unreadable::Skip => AfterRetries::Skip,
        };
        settings.failures = FailurePolicy { retries_max: u32::MAX, then, ..FailurePolicy::default() };
        settings.members = self.members;
        settings.failover_time = self.failover;
        settings.graceful_lease_handoff_timeout = self.handoff;
        settings.shutdown_grace = self.handoff;
        settings.prefetch_bytes_per_shard = READ_AHEAD_BYTES_PER_SHARD;
        settings.prefetch_bytes = READ_AHEAD_BYTES;
        // What is busy here is the server's machine, not the member's.
        settings.worker_metrics.measure = MeasureWhere::Nowhere;
        if let Some(max) = self.leases_max {
            settings.assignment.leases_per_worker_max = max;
        }
    }
}

pub(crate) fn invalid(text: impl Into<String>) -> Error {
    Error::InvalidArgument(text.into())
}

/// The value, if there is one, when it lies within its range.
fn in_range<T: PartialOrd + Display>(
    field: &str,
    value: Option<T>,
    range: RangeInclusive<T>,
) -> Result<Option<T>> {
    match value {
        Some(value) if !range.contains(&value) => {
            let (low, high) = (range.start(), range.end());
            Err(invalid(format!("{field} is {value}, which is not between {low} and {high}.")))
        }
        value => Ok(value),
    }
}

/// What was found to be in a range of positive numbers.
fn count(value: i32) -> usize {
    usize::try_from(value).unwrap_or_default()
}

fn millis(value: i64) -> Duration {
    Duration::from_millis(u64::try_from(value).unwrap_or_default())
}

fn streams(names: &[String]) -> Result<Vec<StreamRef>> {
    if !(1..=STREAMS_MAX).contains(&names.len()) {
        return Err(invalid(format!("streams has {} names, and must have 1 to {STREAMS_MAX}.", names.len())));
    }
    names.iter().map(|name| name.parse().map_err(|error| invalid(format!("streams: {error}")))).collect()
}

fn application(name: Option<&str>) -> Result<String> {
    let name = name.ok_or_else(|| invalid("application_name is missing."))?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if !APPLICATION_CHARS.contains(&name.len()) || !name.chars().all(allowed) {
        return Err(invalid("application_name must have 3 to 255 characters of [a-zA-Z0-9_.-]."));
    }
    Ok(name.to_owned())
}

fn worker(name: &str) -> Result<WorkerId> {
    let parsed = name.parse().ok().filter(|_| name.len() <= WORKER_BYTES_MAX);
    parsed.ok_or_else(|| invalid(format!("worker_id must have 1 to {WORKER_BYTES_MAX} bytes.")))
}

fn initial_position(message: &v1::JoinStart) -> Result<InitialPosition> {
    let kind = known::<v1::InitialPosition>("initial_position", message.initial_position)?;
    match (kind.unwrap_or_default(), &message.initial_timestamp) {
        (v1::InitialPosition::AtTimestamp, Some(time)) => {
            if !is_moment(time.seconds, time.nanos.into()) {
                return Err(invalid("initial_timestamp is no moment of the years 1 to 9999."));
            }
            Ok(InitialPosition::AtTimestamp(timestamp(time).as_millis()))
        }
        (v1::InitialPosition::AtTimestamp, None) => Err(invalid("AT_TIMESTAMP needs an initial_timestamp.")),
        (_, Some(_)) => Err(invalid("initial_timestamp is for AT_TIMESTAMP and for no other.")),
        (v1::InitialPosition::TrimHorizon, None) => Ok(InitialPosition::TrimHorizon),
        (v1::InitialPosition::Latest | v1::InitialPosition::Unspecified, None) => Ok(InitialPosition::Latest),
    }
}

fn retrieval(message: &v1::JoinStart) -> Result<Retrieval> {
    let kind = known::<v1::Retrieval>("retrieval", message.retrieval)?;
    match (kind.unwrap_or_default(), message.consumer_name.as_deref()) {
        (v1::Retrieval::Polling, None) => Ok(Retrieval::Polling),
        (v1::Retrieval::Polling, Some(_)) => Err(invalid("consumer_name is for FAN_OUT and for no other.")),
        (v1::Retrieval::FanOut | v1::Retrieval::Unspecified, name) => {
            let name = name.map(str::parse::<ConsumerName>).transpose();
            let consumer_name = name.map_err(|error| invalid(format!("consumer_name: {error}")))?;
            Ok(Retrieval::FanOut { consumer_name })
        }
    }
}

fn members(message: &v1::JoinStart) -> Result<MemberPolicy> {
    use v1::AggregateMembers as Members;
    let kind = known::<Members>("aggregate_members", message.aggregate_members)?;
    Ok(match kind.unwrap_or_default() {
        Members::KeepAll | Members::Unspecified => MemberPolicy::KeepAll,
        Members::FilterMember => MemberPolicy::FilterMember,
        Members::KclStrict => MemberPolicy::KclStrict,
    })
}

fn unreadable(message: &v1::JoinStart) -> Result<Unreadable> {
    use v1::UnreadableRecords as Records;
    let kind = known::<Records>("unreadable_records", message.unreadable_records)?;
    Ok(match kind.unwrap_or_default() {
        Records::StopShard | Records::Unspecified => Unreadable::StopShard,
        Records::Skip => Unreadable::Skip,
    })
}

/// A choice that this server knows.
fn known<T: TryFrom<i32>>(field: &str, number: Option<i32>) -> Result<Option<T>> {
    let of = |number| T::try_from(number).map_err(|_| invalid(format!("{field} cannot be {number}.")));
    number.map(of).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn least() -> v1::JoinStart {
        v1::JoinStart {
            streams: vec!["orders".to_owned()],
            application_name: Some("billing".to_owned()),
            ..v1::JoinStart::default()
        }
    }

    fn refusal(change: impl FnOnce(&mut v1::JoinStart)) -> String {
        let mut start = least();
        change(&mut start);
        match Start::of(&start) {
            Err(Error::InvalidArgument(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let start = Start::of(&least()).unwrap();
        assert_eq!(start.initial_position, InitialPosition::Latest);
        assert_eq!(start.retrieval, Retrieval::FanOut { consumer_name: None });
        assert_eq!((start.records_max, start.window_bytes), (1000, 1024 * 1024));
        let mut settings = ConsumerSettings::default();
        start.apply_to(&mut settings);
        assert_eq!(settings.checkpoints, CheckpointPolicy::Manual);
        assert_eq!(settings.failover_time, Duration::from_secs(10));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (part, text) in [
            ("streams", refusal(|start| start.streams.clear())),
            ("streams", refusal(|start| start.streams = vec!["a".to_owned(); 51])),
            ("streams", refusal(|start| start.streams = vec!["no stream".to_owned()])),
            ("application_name", refusal(|start| start.application_name = None)),
            ("application_name", refusal(|start| start.application_name = Some("a/b".to_owned()))),
            ("application_name", refusal(|start| start.application_name = Some("x".repeat(256)))),
            ("worker_id", refusal(|start| start.worker_id = Some(String::new()))),
            ("worker_id", refusal(|start| start.worker_id = Some("x".repeat(257)))),
            ("initial_position", refusal(|start| start.initial_position = Some(9))),
            ("initial_timestamp", refusal(|start| start.initial_position = Some(3))),
            ("initial_timestamp", refusal(|start| start.initial_timestamp = Some(Default::default()))),
            ("retrieval", refusal(|start| start.retrieval = Some(-1))),
            ("consumer_name", refusal(|start| start.consumer_name = Some("a b".to_owned()))),
            ("failover_time_millis", refusal(|start| start.failover_time_millis = Some(999))),
            ("handoff_timeout_millis", refusal(|start| start.handoff_timeout_millis = Some(i64::MAX))),
            ("leases_max", refusal(|start| start.leases_max = Some(0))),
            ("records_max", refusal(|start| start.records_max = Some(10_001))),
            ("window_bytes", refusal(|start| start.window_bytes = Some(65_535))),
            ("aggregate_members", refusal(|start| start.aggregate_members = Some(4))),
            ("unreadable_records", refusal(|start| start.unreadable_records = Some(3))),
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_moment_is_one_that_there_can_be() {
        let at = |seconds, nanos| v1::JoinStart {
            initial_position: Some(v1::InitialPosition::AtTimestamp.into()),
            initial_timestamp: Some(prost_types::Timestamp { seconds, nanos }),
            ..least()
        };
        let start = Start::of(&at(1, 999_999_999)).unwrap();
        assert_eq!(start.initial_position, InitialPosition::AtTimestamp(1_999));
        assert!(start.check_moment(Timestamp::from_millis(1_999)).is_ok());
        assert!(matches!(start.check_moment(Timestamp::from_millis(1_998)), Err(Error::InvalidArgument(_))));
        for (seconds, nanos) in [(1, -1), (1, 1_000_000_000), (i64::MAX, 0), (253_402_300_800, 0)] {
            assert!(Start::of(&at(seconds, nanos)).is_err(), "{seconds} {nanos}");
        }
    }

    #[test]
    fn only_a_start_is_one() {
        let leave = v1::join_request::Request::Leave(v1::LeaveRequest {});
        for request in [None, Some(leave)] {
            assert!(matches!(Start::read(v1::JoinRequest { request }), Err(Error::InvalidArgument(_))));
        }
    }
}
