//! How shards are named: by a number that only grows over the life of a stream, shown with twelve digits.

use std::fmt;

/// The number of a shard in its stream, 0 to 2^31 − 1, never used twice.
pub type ShardIndex = u32;

/// A shard's name on the wire, `shardId-000000000042`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(ShardIndex);

/// Highest index that AWS accepts in a shard id.
pub const SHARD_INDEX_MAX: ShardIndex = 2_147_483_647;

impl ShardId {
    pub const MAX: Self = Self(SHARD_INDEX_MAX);

    /// `None` above [`SHARD_INDEX_MAX`].
    #[must_use]
    pub fn new(index: ShardIndex) -> Option<Self> {
        (index <= SHARD_INDEX_MAX).then_some(Self(index))
    }

    #[must_use]
    pub const fn index(self) -> ShardIndex {
        self.0
    }

    /// Reads a shard id as leniently as AWS does: whatever stands before the first `-` is ignored and the
    /// rest need not have twelve digits, so `foo-5`, `5` and `shardId-5` all name index 5.
    #[must_use]
    pub fn parse_lenient(text: &str) -> Option<Self> {
        let digits = text.split_once('-').map_or(text, |(_, rest)| rest);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse::<u32>().ok().and_then(Self::new)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shardId-{:012}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_aws_accepts() {
        for text in ["shardId-000000000005", "shardId-5", "5", "foo-5", "-5"] {
            assert_eq!(ShardId::parse_lenient(text), ShardId::new(5), "{text}");
        }
        assert_eq!(ShardId::parse_lenient("shardId-2147483647"), ShardId::new(SHARD_INDEX_MAX));
        for text in ["", "shardId-", "shardId-2147483648", "shardId-99999999999999999999", "a-b-5", "five"] {
            assert_eq!(ShardId::parse_lenient(text), None, "{text}");
        }
    }

    #[test]
    fn shows_twelve_digits() {
        assert_eq!(ShardId(7).to_string(), "shardId-000000000007");
    }
}
