//! How far a shard has been processed.
//!
//! Positions are ordered as KCL orders them: the sentinels that stand before any number, the numbers by value, and
//! `SHARD_END` behind everything. A checkpoint never moves back in this order.

use std::fmt;
use std::str::FromStr;

use millstream_model::IssuedNumber;

/// Where in a shard processing stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Position {
    /// At the first record of a time, which the application's configuration holds.
    AtTimestamp,
    /// At the oldest record that is kept.
    TrimHorizon,
    /// After the newest record.
    Latest,
    /// This record was processed.
    At(IssuedNumber),
    /// Every record was processed, and the shard will get no more.
    ShardEnd,
}

impl Position {
    /// Whether no record was processed yet.
    #[must_use]
    pub fn is_initial(&self) -> bool {
        matches!(self, Self::AtTimestamp | Self::TrimHorizon | Self::Latest)
    }
}

/// Neither a sentinel nor a decimal number of at most 129 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a checkpoint is TRIM_HORIZON, LATEST, AT_TIMESTAMP, SHARD_END or a decimal sequence number")]
pub struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        Ok(match text {
            "AT_TIMESTAMP" => Self::AtTimestamp,
            "TRIM_HORIZON" => Self::TrimHorizon,
            "LATEST" => Self::Latest,
            "SHARD_END" => Self::ShardEnd,
            _ => Self::At(text.parse().map_err(|_| InvalidPosition)?),
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtTimestamp => "AT_TIMESTAMP",
            Self::TrimHorizon => "TRIM_HORIZON",
            Self::Latest => "LATEST",
            Self::At(number) => number.as_str(),
            Self::ShardEnd => "SHARD_END",
        })
    }
}

/// A position, and which user record of an aggregated one; 0 for records that are not aggregated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checkpoint {
    pub position: Position,
    pub sub_sequence: u64,
}

impl Checkpoint {
    pub const AT_TIMESTAMP: Self = Self { position: Position::AtTimestamp, sub_sequence: 0 };
    pub const TRIM_HORIZON: Self = Self { position: Position::TrimHorizon, sub_sequence: 0 };
    pub const LATEST: Self = Self { position: Position::Latest, sub_sequence: 0 };
    pub const SHARD_END: Self = Self { position: Position::ShardEnd, sub_sequence: 0 };

    #[must_use]
    pub fn at(number: IssuedNumber, sub_sequence: u64) -> Self {
        Self { position: Position::At(number), sub_sequence }
    }

    #[must_use]
    pub fn is_shard_end(&self) -> bool {
        self.position == Position::ShardEnd
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sub_sequence {
            0 => self.position.fmt(f),
            sub_sequence => write!(f, "{}/{sub_sequence}", self.position),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sentinels_stand_around_the_numbers() {
        let texts = ["AT_TIMESTAMP", "TRIM_HORIZON", "LATEST", "0", "9", "10", "SHARD_END"];
        let positions: Vec<Position> = texts.iter().map(|text| text.parse().unwrap()).collect();
        assert!(positions.is_sorted_by(|a, b| a < b));
        assert!(positions.iter().map(ToString::to_string).eq(texts));
        for text in ["", "01", "-1", "1.5", "trim_horizon", &"9".repeat(130)] {
            assert_eq!(text.parse::<Position>(), Err(InvalidPosition), "{text}");
        }
    }

    proptest! {
        #[test]
        fn checkpoints_are_ordered_as_their_numbers(a: (u128, u64), b: (u128, u64)) {
            let checkpoint = |(number, sub): (u128, u64)| Checkpoint::at(number.to_string().parse().unwrap(), sub);
            prop_assert_eq!(checkpoint(a).cmp(&checkpoint(b)), a.cmp(&b));
        }
    }
}
