//! The 128-bit hash key space that the open shards of a stream divide among themselves.
//!
//! A record's hash key is the MD5 of its partition key's UTF-8 bytes, read as a big-endian number, unless
//! the producer names an explicit one. Which shard owns a key at a given moment is decided in the engine.

use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};

/// A point of the hash key space, 0 to 2^128 − 1, written in decimal on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashKey(pub u128);

impl HashKey {
    pub const MIN: Self = Self(0);
    pub const MAX: Self = Self(u128::MAX);

    /// Where a record with this partition key goes (AWS: MD5 of the UTF-8 bytes, big-endian).
    #[must_use]
    pub fn of_partition_key(partition_key: impl AsRef<[u8]>) -> Self {
        Self(u128::from_be_bytes(Md5::digest(partition_key).into()))
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Not a decimal number without leading zeros, or 2^128 and above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash key is a decimal number from 0 to 2^128-1")]
pub struct InvalidHashKey;

impl FromStr for HashKey {
    type Err = InvalidHashKey;

    fn from_str(text: &str) -> Result<Self, InvalidHashKey> {
        let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
        if !canonical {
            return Err(InvalidHashKey);
        }
        text.parse().map(Self).map_err(|_| InvalidHashKey)
    }
}

/// Both ends included, as Kinesis shows it; `start <= end` always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashKeyRange {
    start: HashKey,
    end: HashKey,
}

impl HashKeyRange {
    pub const FULL: Self = Self { start: HashKey::MIN, end: HashKey::MAX };

    /// `None` when `start` lies above `end`.
    #[must_use]
    pub fn new(start: HashKey, end: HashKey) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// The ranges of a stream created with `shard_count` shards, by AWS's formula: each is
    /// floor(2^128 / n) wide and the last one takes the remainder. Empty for 0.
    pub fn uniform(shard_count: u32) -> impl ExactSizeIterator<Item = Self> {
        let count = u128::from(shard_count);
        (0..shard_count).map(move |index| {
            if count == 1 {
                return Self::FULL;
            }
            // floor(2^128 / n) without a 129-bit number: 2^128 - n wraps to (2^128 - n) and is n less.
            let width = 1 + count.wrapping_neg() / count;
            let start = u128::from(index) * width;
            let end = if u128::from(index) + 1 == count { u128::MAX } else { start + (width - 1) };
            Self { start: HashKey(start), end: HashKey(end) }
        })
    }

    #[must_use]
    pub const fn start(&self) -> HashKey {
        self.start
    }

    #[must_use]
    pub const fn end(&self) -> HashKey {
        self.end
    }

    #[must_use]
    pub fn contains(&self, key: HashKey) -> bool {
        self.start <= key && key <= self.end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hashes_like_aws() {
        let vectors = [
            ("a", 16955237001963240173058271559858726497),
            ("partitionKey", 193318062818912349798954611745638949166),
            ("é", 136732923097551493579404309126273812335),
            ("user-1", 285573413173782752570879317399258818820),
        ];
        for (partition_key, hash) in vectors {
            assert_eq!(HashKey::of_partition_key(partition_key), HashKey(hash), "{partition_key}");
        }
    }

    #[test]
    fn divides_like_aws() {
        let starts = |n| HashKeyRange::uniform(n).map(|range| range.start().0).collect::<Vec<_>>();
        assert_eq!(starts(1), [0]);
        assert_eq!(starts(2), [0, 170141183460469231731687303715884105728]);
        assert_eq!(
            starts(3),
            [0, 113427455640312821154458202477256070485, 226854911280625642308916404954512140970]
        );
        assert_eq!(
            starts(5),
            [
                0,
                68056473384187692692674921486353642291,
                136112946768375385385349842972707284582,
                204169420152563078078024764459060926873,
                272225893536750770770699685945414569164
            ]
        );
    }

    #[test]
    fn parses_only_canonical_decimals() {
        assert_eq!("0".parse(), Ok(HashKey::MIN));
        assert_eq!("340282366920938463463374607431768211455".parse(), Ok(HashKey::MAX));
        for wrong in ["", "00", "01", "-1", "+1", "1e3", "340282366920938463463374607431768211456"] {
            assert_eq!(wrong.parse::<HashKey>(), Err(InvalidHashKey), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn uniform_ranges_tile_the_space(shard_count in 1_u32..2_000) {
            let ranges: Vec<_> = HashKeyRange::uniform(shard_count).collect();
            prop_assert_eq!(ranges[0].start(), HashKey::MIN);
            prop_assert_eq!(ranges[ranges.len() - 1].end(), HashKey::MAX);
            for pair in ranges.windows(2) {
                prop_assert_eq!(pair[0].end().0 + 1, pair[1].start().0);
            }
        }

        #[test]
        fn text_round_trips(key in any::<u128>()) {
            prop_assert_eq!(HashKey(key).to_string().parse(), Ok(HashKey(key)));
        }
    }
}
