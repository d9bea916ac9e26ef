//! Where in the hash key space a member of a container belongs.

use millstream_model::{HashKey, HashKeyRange};

/// A member's place in the hash key space, by its explicit hash key or else its partition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    At(HashKey),
    /// By an explicit hash key that is a number below 0 or above 2^128 − 1: in no shard.
    Outside,
    /// By an explicit hash key that is no number.
    Unreadable,
}

impl Place {
    pub(super) fn of_partition_key(key: &str) -> Self {
        Self::At(HashKey::of_partition_key(key))
    }

    /// Reads a number as Java's `BigInteger` does, which the Kinesis Client Library uses: with leading zeros and a
    /// sign, if there are any. Digits of other scripts than ASCII's are not read.
    pub(super) fn of_explicit_hash_key(key: &str) -> Self {
        let (negative, digits) = match key.as_bytes() {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Self::Unreadable;
        }
        let number = digits
            .iter()
            .try_fold(0_u128, |number, digit| number.checked_mul(10)?.checked_add(u128::from(digit - b'0')));
        match number {
            Some(number) if !negative || number == 0 => Self::At(HashKey(number)),
            _ => Self::Outside,
        }
    }

    pub(super) fn is_in(self, range: &HashKeyRange) -> bool {
        matches!(self, Self::At(key) if range.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explicit_hash_keys_are_read_as_java_does() {
        let place = Place::of_explicit_hash_key;
        for (text, key) in [("0", 0), ("-0", 0), ("+7", 7), ("007", 7), (&u128::MAX.to_string(), u128::MAX)] {
            assert_eq!(place(text), Place::At(HashKey(key)), "{text}");
        }
        for text in ["-1", "340282366920938463463374607431768211456", &"9".repeat(1000)] {
            assert_eq!(place(text), Place::Outside, "{text}");
        }
        for text in ["", "-", "+", "--1", "1e3", " 1", "0x10"] {
            assert_eq!(place(text), Place::Unreadable, "{text}");
        }
    }
}
