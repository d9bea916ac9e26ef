//! How far an application is behind its stream.
//!
//! The record after a shard's checkpoint is read, one call a shard: it is the oldest one that was not processed, and
//! its age is the lag. Each read counts against the five a second that a shard gives to everybody who polls it, which
//! is why nobody gets a lag unasked.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use millstream_client::{Error, StartingPosition, StreamApi, StreamRef};
use millstream_lease::{Lease, LeaseKey, Position};
use millstream_model::{ShardId, Timestamp};
use millstream_runtime::Clock;

/// Shards that are asked at one time.
const REQUESTS_MAX: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lag {
    /// The age of the oldest record that was not processed; zero when caught up.
    Behind(Duration),
    /// It cannot be known, and why.
    Unknown(String),
    /// The service says that the checkpoint is no place in the shard.
    Refused(String),
    /// The stream does not have the shard any more.
    NoSuchShard,
}

impl Lag {
    pub(super) fn millis(&self) -> Option<u64> {
        match self {
            Self::Behind(behind) => Some(u64::try_from(behind.as_millis()).unwrap_or(u64::MAX)),
            Self::Unknown(_) | Self::Refused(_) | Self::NoSuchShard => None,
        }
    }

    pub(super) fn why_unknown(&self) -> Option<String> {
        match self {
            Self::Behind(_) => None,
            Self::Unknown(why) | Self::Refused(why) => Some(why.clone()),
            Self::NoSuchShard => Some("the stream has no such shard any more".to_owned()),
        }
    }
}

/// The lag of each lease, or of none where nobody asked. `stream` is the one of leases that name none.
pub(super) async fn of_leases(
    api: Option<&dyn StreamApi>,
    clock: &dyn Clock,
    leases: &[Lease],
    stream: Option<&StreamRef>,
) -> BTreeMap<LeaseKey, Lag> {
    let Some(api) = api else { return BTreeMap::new() };
    let lag = async |lease: Lease| (lease.key.clone(), of_lease(api, clock, &lease, stream).await);
    stream::iter(leases.iter().cloned()).map(lag).buffer_unordered(REQUESTS_MAX).collect().await
}

async fn of_lease(api: &dyn StreamApi, clock: &dyn Clock, lease: &Lease, stream: Option<&StreamRef>) -> Lag {
    let unknown = |why: &str| Lag::Unknown(why.to_owned());
    let from = match start(&lease.checkpoint.position) {
        Ok(from) => from,
        Err(why) => return unknown(why),
    };
    let Some(stream) = stream_of(lease, stream) else {
        return unknown("its stream is not known: --stream names it");
    };
    let Some(shard) = ShardId::parse_lenient(lease.shard().as_str()) else {
        return unknown("its shard is none of Kinesis's");
    };
    let read = async {
        let iterator = api.get_shard_iterator(&stream, shard, &from).await?;
        api.get_records(&stream, &iterator, 1).await
    };
    match read.await {
        Ok(page) => {
            let now = Timestamp::from_unix(clock.now());
            let age = page
                .records
                .first()
                .map_or(0, |next| now.as_millis().saturating_sub(next.approximate_arrival.as_millis()));
            Lag::Behind(Duration::from_millis(age.max(page.millis_behind_latest)))
        }
        Err(Error::ResourceNotFound(_)) => Lag::NoSuchShard,
        Err(Error::InvalidArgument(why) | Error::Validation(why)) => Lag::Refused(why),
        Err(error) => Lag::Unknown(error.to_string()),
    }
}

/// The stream of a lease, if it can be told.
pub(super) fn stream_of(lease: &Lease, stream: Option<&StreamRef>) -> Option<StreamRef> {
    match &lease.stream {
        Some(of) => of.stream.stream.parse().ok().map(StreamRef::Name),
        None => stream.cloned(),
    }
}

/// Where the next record is looked for.
fn start(position: &Position) -> Result<StartingPosition, &'static str> {
    match position {
        Position::TrimHorizon => Ok(StartingPosition::TrimHorizon),
        Position::At(number) => Ok(StartingPosition::AfterSequenceNumber(number.clone())),
        Position::Latest => Err("it has not begun, and will begin with what is newest then"),
        Position::AtTimestamp => {
            Err("it has not begun, and its application knows from which time on it will")
        }
        Position::ShardEnd => Err("its shard was processed to its end"),
    }
}

#[cfg(test)]
mod tests {
    use millstream_lease::{Checkpoint, StreamIdentifier};

    use super::*;
    use crate::fake::{FakeStream, Fate, JumpingClock};

    fn lease(checkpoint: Checkpoint) -> Lease {
        Lease::new("shardId-000000000000".parse().unwrap(), checkpoint)
    }

    async fn lag(stream: &FakeStream, lease: Lease) -> Lag {
        let name = "orders".parse().unwrap();
        let lags = of_leases(Some(stream), &JumpingClock::default(), &[lease], Some(&name)).await;
        lags.into_values().next().unwrap()
    }

    #[tokio::test]
    async fn the_lag_is_the_age_of_the_first_record_behind_the_checkpoint() {
        let stream = FakeStream::new(1, || Fate::Stored);
        // Two records, which arrived at 1 ms and at 2 ms and have these numbers.
        stream.append("k", "a");
        stream.append("k", "b");
        let now = 1_700_000_000_000;
        let at = |number: &str| lease(Checkpoint::at(number.parse().unwrap(), 0));
        assert_eq!(lag(&stream, lease(Checkpoint::TRIM_HORIZON)).await.millis(), Some(now - 1));
        assert_eq!(lag(&stream, at("1")).await.millis(), Some(now - 2));
        assert_eq!(lag(&stream, at("2")).await, Lag::Behind(Duration::ZERO));
        assert_eq!(stream.reads().len(), 3, "one read a shard");
    }

    #[tokio::test]
    async fn what_cannot_be_known_is_not_asked() {
        let stream = FakeStream::new(1, || Fate::Stored);
        for checkpoint in [Checkpoint::LATEST, Checkpoint::AT_TIMESTAMP, Checkpoint::SHARD_END] {
            let lag = lag(&stream, lease(checkpoint)).await;
            assert!(matches!(lag, Lag::Unknown(_)) && lag.why_unknown().is_some(), "{lag:?}");
        }
        assert!(stream.reads().is_empty());
    }

    #[test]
    fn a_lease_of_many_streams_names_its_own() {
        let mut lease = lease(Checkpoint::LATEST);
        assert_eq!(stream_of(&lease, None), None);
        let stream: StreamIdentifier = "123456789012:flights:0".parse().unwrap();
        lease.stream = Some(millstream_lease::StreamOfLease { stream, shard: lease.shard() });
        let other = "orders".parse().unwrap();
        assert_eq!(stream_of(&lease, Some(&other)).unwrap().name().as_str(), "flights");
    }
}
