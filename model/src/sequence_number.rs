//! Sequence numbers in the structure that AWS gives them ("version 2").
//!
//! A number is 186 bits wide and always shown with 56 decimal digits, so within a shard the order of
//! numbers, of texts and of records is one order. From the top: a 2, the second in which the shard was
//! created (36 bits), the low nibble of the shard's index, the record's index in the shard (64 bits, the
//! highest unset), 8 zero bits, the second in which the record arrived (36 bits), the shard's index (32
//! bits) and a 2. Issuing indexes is the shard writer's business.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::shard::ShardIndex;

/// The largest record index; it marks the end of a closed shard.
pub const INDEX_MAX: u64 = (1 << 63) - 1;
/// AWS refuses numbers whose shard creation lies after this second.
const CREATED_SECS_END: u64 = 16_025_175_000;

const LEADING_DIGIT: u64 = 2;
const VERSION: u64 = 2;
const SECS_MASK: u64 = (1 << 36) - 1;
/// 10^19, the largest power of ten in a `u64`.
const CHUNK: u64 = 10_000_000_000_000_000_000;
const TEXT_DIGITS: usize = 56;

/// A sequence number that this service issued or could have issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SequenceNumber {
    /// When the shard was created, seconds since the epoch.
    pub shard_created_secs: u64,
    pub shard_index: ShardIndex,
    /// The record's place in its shard, from 1; 0 is the start of the shard, [`INDEX_MAX`] its end.
    pub index: u64,
    /// When the record arrived, seconds since the epoch.
    pub time_secs: u64,
}

impl SequenceNumber {
    /// Where a shard begins: below every record in it.
    #[must_use]
    pub const fn shard_start(shard_index: ShardIndex, created_secs: u64) -> Self {
        Self { shard_created_secs: created_secs, shard_index, index: 0, time_secs: created_secs }
    }

    /// Where a closed shard ends: above every record in it.
    #[must_use]
    pub const fn shard_end(shard_index: ShardIndex, created_secs: u64, closed_secs: u64) -> Self {
        Self { shard_created_secs: created_secs, shard_index, index: INDEX_MAX, time_secs: closed_secs }
    }

    /// The number as 192 bits, most significant word first.
    fn words(self) -> [u64; 3] {
        let Self { shard_created_secs, shard_index, index, time_secs } = self;
        let time = time_secs & SECS_MASK;
        [
            LEADING_DIGIT << 56
                | (shard_created_secs & SECS_MASK) << 20
                | u64::from(shard_index & 0xf) << 16
                | index >> 48,
            index << 16 | time >> 28,
            time << 36 | u64::from(shard_index) << 4 | VERSION,
        ]
    }

    /// The 56 decimal digits, without an allocation.
    #[must_use]
    pub fn to_digits(self) -> [u8; TEXT_DIGITS] {
        let mut words = self.words();
        let mut digits = [b'0'; TEXT_DIGITS];
        for chunk in digits.rchunks_mut(19) {
            write_decimal(divide_by_chunk(&mut words), chunk);
        }
        digits
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.words().cmp(&other.words())
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_digits()).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for SequenceNumber {
    type Err = InvalidSequenceNumber;

    fn from_str(text: &str) -> Result<Self, InvalidSequenceNumber> {
        match Decoded::from_str(text)? {
            Decoded { number, version: 2 } => Ok(number),
            Decoded { .. } => Err(InvalidSequenceNumber),
        }
    }
}

/// A sequence number as a client may send it: besides today's form, the two that AWS issued before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// For older versions, which carry no record index, the index is 0: the start of the shard.
    pub number: SequenceNumber,
    /// 0, 1 or 2.
    pub version: u8,
}

/// Not a sequence number in any of the forms that AWS issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sequence number")]
pub struct InvalidSequenceNumber;

impl FromStr for Decoded {
    type Err = InvalidSequenceNumber;

    fn from_str(text: &str) -> Result<Self, InvalidSequenceNumber> {
        let mut words = parse_decimal(text).ok_or(InvalidSequenceNumber)?;
        if words[0] == 0 && words[1] < 1 << 60 {
            // AWS adds 2^124 to short numbers, which makes "0" a number of version 0.
            words[1] += 1 << 60;
        }
        let decoded = match (words, words[2] & 0xf) {
            (words, _) if words[0] == 0 && words[1] >> 60 == 1 => decode_v0(words),
            (words, 1) if words[0] >> 56 == LEADING_DIGIT => decode_v1(words),
            (words, VERSION) if words[0] >> 56 == LEADING_DIGIT => decode_v2(words)?,
            _ => return Err(InvalidSequenceNumber),
        };
        if decoded.number.shard_created_secs >= CREATED_SECS_END {
            return Err(InvalidSequenceNumber);
        }
        Ok(decoded)
    }
}

/// 32 hex digits: a 1, creation (9), a byte, 16 random digits, shard (4).
#[allow(clippy::cast_possible_truncation)] // masked to the field's width
fn decode_v0(words: [u64; 3]) -> Decoded {
    let number = SequenceNumber::shard_start((words[2] & 0xffff) as u32, words[1] >> 24 & SECS_MASK);
    Decoded { number, version: 0 }
}

/// 47 hex digits: a 2, creation (9), nibble, a byte, time (9), 14 random, index (2), shard (8), a 1.
#[allow(clippy::cast_possible_truncation)] // masked to the field's width
fn decode_v1(words: [u64; 3]) -> Decoded {
    let mut number =
        SequenceNumber::shard_start((words[2] >> 4 & 0xffff_ffff) as u32, words[0] >> 20 & SECS_MASK);
    number.time_secs = (words[0] & 0xff) << 28 | words[1] >> 36;
    Decoded { number, version: 1 }
}

#[allow(clippy::cast_possible_truncation)] // masked to the field's width
fn decode_v2(words: [u64; 3]) -> Result<Decoded, InvalidSequenceNumber> {
    let number = SequenceNumber {
        shard_created_secs: words[0] >> 20 & SECS_MASK,
        shard_index: (words[2] >> 4 & 0xffff_ffff) as u32,
        index: words[0] << 48 | words[1] >> 16,
        time_secs: (words[1] & 0xff) << 28 | words[2] >> 36,
    };
    if number.index > INDEX_MAX { Err(InvalidSequenceNumber) } else { Ok(Decoded { number, version: 2 }) }
}

/// Divides 192 bits by 10^19 in place and returns the remainder.
#[allow(clippy::cast_possible_truncation)] // quotient and remainder of a word by a larger word fit a word
fn divide_by_chunk(words: &mut [u64; 3]) -> u64 {
    let mut remainder = 0_u128;
    for word in words {
        let dividend = remainder << 64 | u128::from(*word);
        *word = (dividend / u128::from(CHUNK)) as u64;
        remainder = dividend % u128::from(CHUNK);
    }
    remainder as u64
}

/// The digits of the numbers below a hundred.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number: u8 = 0;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

/// Fills `digits` with the lowest decimal digits of `value`, two for each division: the texts of sequence numbers took 3.6 %
/// of what a Subscribe costs, and take 2.0 % (`perf record`).
fn write_decimal(mut value: u64, digits: &mut [u8]) {
    let mut pairs = digits.rchunks_exact_mut(2);
    for pair in &mut pairs {
        pair.copy_from_slice(&PAIRS[usize::try_from(value % 100).unwrap_or(0)]);
        value /= 100;
    }
    if let [digit] = pairs.into_remainder() {
        *digit = PAIRS[usize::try_from(value % 10).unwrap_or(0)][1];
    }
}

/// `None` for anything but decimal digits without a leading zero, and for 2^192 and above.
#[allow(clippy::cast_possible_truncation)] // the low half of a product is meant
fn parse_decimal(text: &str) -> Option<[u64; 3]> {
    if text.is_empty() || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    let mut words = [0_u64; 3];
    for byte in text.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        let mut carry = u128::from(byte - b'0');
        for word in words.iter_mut().rev() {
            let sum = u128::from(*word) * 10 + carry;
            *word = sum as u64;
            carry = sum >> 64;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(created: u64, shard: u32, index: u64, time: u64) -> SequenceNumber {
        SequenceNumber { shard_created_secs: created, shard_index: shard, index, time_secs: time }
    }

    #[test]
    fn reads_and_writes_numbers_that_aws_issued() {
        let vectors = [
            (
                "49594189147623985939251953501666965394405037144469929986",
                number(1_553_568_712, 0, 195, 1_553_568_735),
            ),
            (
                "49590338271490256608559692538361571095921575989136588898",
                number(1_542_776_258, 6, 1_734_642_199, 1_545_084_650),
            ),
            (
                "49646437577175378652512468275250536580403374760793210930",
                SequenceNumber::shard_start(3, 1_700_000_000),
            ),
            (
                "49646437577186529025111733586820095513720331702487744562",
                SequenceNumber::shard_end(3, 1_700_000_000, 1_700_003_600),
            ),
            (
                "49646437577130777162115407028973509772956159636150419730",
                number(1_700_000_000, 17, 5, 1_700_000_123),
            ),
        ];
        for (text, expected) in vectors {
            assert_eq!(text.parse(), Ok(expected));
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn accepts_zero_as_aws_does() {
        let decoded = "0".parse::<Decoded>().unwrap();
        assert_eq!((decoded.version, decoded.number.shard_index), (0, 0));
    }

    #[test]
    fn refuses_what_nobody_issued() {
        let too_late = number(CREATED_SECS_END, 0, 1, 0).to_string();
        let index_too_high = number(1_700_000_000, 3, INDEX_MAX + 1, 1_700_000_000).to_string();
        for text in ["", "00", "x", "1.5", "-1", &"9".repeat(129), &too_late, &index_too_high] {
            assert_eq!(text.parse::<SequenceNumber>(), Err(InvalidSequenceNumber), "{text}");
        }
    }

    #[test]
    fn shard_bounds_enclose_its_records() {
        let first = number(1_700_000_000, 9, 1, 1_700_000_000);
        assert!(SequenceNumber::shard_start(9, 1_700_000_000) < first);
        assert!(
            number(1_700_000_000, 9, INDEX_MAX - 1, 1 << 35) < SequenceNumber::shard_end(9, 1_700_000_000, 0)
        );
    }

    prop_compose! {
        fn any_number()(created in 0..CREATED_SECS_END, shard in any::<u32>(), index in 0..=INDEX_MAX, time in 0..=SECS_MASK)
            -> SequenceNumber { number(created, shard, index, time) }
    }

    proptest! {
        #[test]
        fn text_round_trips(number in any_number()) {
            let text = number.to_string();
            prop_assert_eq!(text.len(), TEXT_DIGITS);
            prop_assert_eq!(text.parse(), Ok(number));
        }

        #[test]
        fn text_order_is_number_order(a in any_number(), b in any_number()) {
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        }

        #[test]
        fn any_text_is_refused_or_read(text in "[0-9]{0,130}") {
            let _ = text.parse::<Decoded>();
        }
    }
}
