//! Where to begin: what `--from` says, and what it means for each shard.

use std::str::FromStr;
use std::time::Duration;

use millstream_client::{SequenceNumber, Shard, ShardFilter, StartingPosition};
use millstream_model::{ShardId, Timestamp};

use crate::moment::{InvalidMoment, parse_duration, parse_time};

/// Fewer digits than any sequence number in AWS's structure, more than any time.
const SEQUENCE_NUMBER_DIGITS_MIN: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    TrimHorizon,
    Latest,
    Ago(Duration),
    At(Timestamp),
    AtRecord { number: SequenceNumber, shard: ShardId, second: Timestamp },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidStart {
    #[error(transparent)]
    Moment(#[from] InvalidMoment),
    #[error("a sequence number tells its shard only in AWS's structure, which this one does not have")]
    SequenceNumber,
}

impl FromStr for Start {
    type Err = InvalidStart;

    fn from_str(text: &str) -> Result<Self, InvalidStart> {
        match text {
            "trim-horizon" => Ok(Self::TrimHorizon),
            "latest" => Ok(Self::Latest),
            _ if text.len() >= SEQUENCE_NUMBER_DIGITS_MIN && text.bytes().all(|b| b.is_ascii_digit()) => {
                at_record(text).ok_or(InvalidStart::SequenceNumber)
            }
            _ => match text.strip_prefix('-') {
                Some(ago) => Ok(Self::Ago(parse_duration(ago)?)),
                None => Ok(Self::At(parse_time(text)?)),
            },
        }
    }
}

fn at_record(text: &str) -> Option<Start> {
    let number = text.parse::<SequenceNumber>().ok()?;
    let decoded = number.decode()?.number;
    let shard = ShardId::new(decoded.shard_index)?;
    let second = Timestamp::from_millis(decoded.time_secs * 1000);
    Some(Start::AtRecord { number, shard, second })
}

impl Start {
    /// The same start with a time ago as a point in time.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Ago(ago) => Self::At(now.minus(ago)),
            other => other,
        }
    }

    /// The shards that hold records from here on, as far as the service can tell.
    pub(crate) fn filter(&self) -> ShardFilter {
        match self {
            Self::TrimHorizon | Self::Ago(_) => ShardFilter::FromTrimHorizon,
            Self::Latest => ShardFilter::AtLatest,
            Self::At(time) | Self::AtRecord { second: time, .. } => ShardFilter::FromTimestamp(*time),
        }
    }

    /// Whether a listed shard is to be read. Old endpoints list closed shards whatever the filter.
    pub(crate) fn wants(&self, shard: &Shard) -> bool {
        shard.is_open() || *self != Self::Latest
    }

    /// Where to begin in a shard that exists when the tail starts.
    pub(crate) fn position(&self, of: ShardId) -> StartingPosition {
        match self {
            Self::TrimHorizon | Self::Ago(_) => StartingPosition::TrimHorizon,
            Self::Latest => StartingPosition::Latest,
            Self::At(time) => StartingPosition::AtTimestamp(*time),
            Self::AtRecord { number, shard, .. } if *shard == of => {
                StartingPosition::AtSequenceNumber(number.clone())
            }
            Self::AtRecord { second, .. } => StartingPosition::AtTimestamp(*second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_read() {
        let now = Timestamp::from_millis(10_000_000);
        let start = |text: &str| text.parse::<Start>().map(|start| start.at(now));
        assert_eq!(start("trim-horizon"), Ok(Start::TrimHorizon));
        assert_eq!(start("latest"), Ok(Start::Latest));
        assert_eq!(start("-1h"), Ok(Start::At(Timestamp::from_millis(6_400_000))));
        assert_eq!(start("1970-01-01T00:00:01Z"), Ok(Start::At(Timestamp::from_millis(1000))));
        for wrong in ["", "-", "-x", "yesterday", "LATEST", "17", &"1".repeat(40)] {
            assert!(start(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sequence_number_starts_its_own_shard_exactly() {
        let text = "49590338271490256608559692538361571095921575989136588898";
        let start = text.parse::<Start>().unwrap();
        let (own, other) = (ShardId::new(6).unwrap(), ShardId::new(0).unwrap());
        assert_eq!(start.position(own), StartingPosition::AtSequenceNumber(text.parse().unwrap()));
        let second = Timestamp::from_millis(1_545_084_650_000);
        assert_eq!(start.position(other), StartingPosition::AtTimestamp(second));
        assert_eq!(start.filter(), ShardFilter::FromTimestamp(second));
    }
}
