//! Sequence numbers as those carry them who did not issue them: decimal text of some endpoint.
//!
//! A number is handed back exactly as it came, whatever its inner structure; it is compared, never computed
//! with. Numbers in the structure that AWS gives them can be looked into with [`IssuedNumber::decode`].

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::sequence_number::{Decoded, SequenceNumber};

/// Digits that the service model allows.
const DIGITS_MAX: usize = 129;

/// A record's place in its shard; later records of a shard have greater numbers.
/// Cheap to clone, for many user records may have come in one record.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IssuedNumber(Arc<str>);

impl IssuedNumber {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the number tells about its shard and its time, if it has AWS's structure.
    #[must_use]
    pub fn decode(&self) -> Option<Decoded> {
        self.0.parse().ok()
    }

    /// Whether it can be a number of the shard that gave `issued`. What has not AWS's present structure tells nothing of
    /// its shard.
    #[must_use]
    pub fn may_be_of_shard_of(&self, issued: &Self) -> bool {
        let shard = |number: &Self| number.0.parse().ok().map(|number: SequenceNumber| number.shard_index);
        shard(issued).is_none_or(|wanted| shard(self) == Some(wanted))
    }
}

/// Not a decimal number of at most 129 digits without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sequence number is a decimal number of at most 129 digits")]
pub struct InvalidIssuedNumber;

impl FromStr for IssuedNumber {
    type Err = InvalidIssuedNumber;

    fn from_str(text: &str) -> Result<Self, InvalidIssuedNumber> {
        let digits = (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let canonical = text == "0" || !text.starts_with('0');
        if digits && canonical { Ok(Self(text.into())) } else { Err(InvalidIssuedNumber) }
    }
}

impl Ord for IssuedNumber {
    /// Numeric order: without leading zeros the longer number is the greater one.
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for IssuedNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for IssuedNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IssuedNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_decimals_alone() {
        for text in ["0", "1", "49594189147623985939251953501666965394405037144469929986", &"9".repeat(129)] {
            assert_eq!(text.parse::<IssuedNumber>().unwrap().as_str(), text);
        }
        for text in ["", "01", "-1", "+1", "1.0", "TRIM_HORIZON", &"9".repeat(130)] {
            assert_eq!(text.parse::<IssuedNumber>(), Err(InvalidIssuedNumber), "{text}");
        }
    }

    #[test]
    fn decodes_what_has_the_structure() {
        let number = "49590338271490256608559692538361571095921575989136588898".parse::<IssuedNumber>();
        let decoded = number.unwrap().decode().unwrap();
        assert_eq!((decoded.number.shard_index, decoded.number.time_secs), (6, 1_545_084_650));
        assert_eq!("17".repeat(40).parse::<IssuedNumber>().unwrap().decode(), None);
    }

    proptest! {
        #[test]
        fn orders_as_numbers_do(a: u128, b: u128) {
            let number = |value: u128| value.to_string().parse::<IssuedNumber>().unwrap();
            prop_assert_eq!(number(a).cmp(&number(b)), a.cmp(&b));
            prop_assert_eq!(number(a % 1000).cmp(&number(b % 1000)), (a % 1000).cmp(&(b % 1000)));
        }
    }
}
