//! Keys as bytes that sort as the keys do.
//!
//! Texts and binaries end with `00 01`, and each `00` in them becomes `00 FF`; numbers have their own
//! encoding. None is the beginning of another one, so whatever is stored behind a key does not disturb the
//! order, and what is below a hash key, or begins with a text, is a range of bytes.

use md5::{Digest, Md5};

use super::{Key, KeyValue};
use crate::expression::RangeCondition;

const ZERO: u8 = 0;
/// Behind [`ZERO`]: there was a zero byte.
const ESCAPED: u8 = 0xFF;
/// Behind [`ZERO`]: the end. Lower than [`ESCAPED`], so that the shorter of two is first.
const END: u8 = 1;

const PARTITION_BYTES: usize = size_of::<u64>();
/// Room for most keys, so that they are allocated once.
const ENCODED_BYTES_USUAL: usize = 64;

/// The bytes from `start` up to but without `end`; `None` is the end of all bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteRange {
    pub start: Vec<u8>,
    pub end: Option<Vec<u8>>,
}

impl KeyValue {
    pub fn encode(&self, to: &mut Vec<u8>) {
        match self {
            Self::N(number) => number.encode(to),
            Self::S(text) => put_terminated(to, text.as_bytes()),
            Self::B(bytes) => put_terminated(to, bytes),
        }
    }

    fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }

    /// What the encodings of everything that begins with this have in common.
    fn encoded_prefix(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::S(text) => put_escaped(&mut bytes, text.as_bytes()),
            Self::B(prefix) => put_escaped(&mut bytes, prefix),
            Self::N(number) => number.encode(&mut bytes),
        }
        bytes
    }
}

/// A hash that spreads keys evenly and never changes: where in a parallel scan a hash key is.
pub(crate) fn partition(hash: &[KeyValue]) -> u64 {
    u64::from_be_bytes(partition_of_encoded(&joined(hash)))
}

/// The same of what was encoded, in the order of its bytes.
fn partition_of_encoded(hash: &[u8]) -> [u8; PARTITION_BYTES] {
    let digest: [u8; 16] = Md5::digest(hash).into();
    std::array::from_fn(|at| digest[at])
}

fn joined(values: &[KeyValue]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ENCODED_BYTES_USUAL);
    values.iter().for_each(|value| value.encode(&mut bytes));
    bytes
}

impl Key {
    /// Where in a parallel scan the key is.
    pub(crate) fn partition(&self) -> u64 {
        partition(&self.hash)
    }

    /// The segment, below `total`, of a parallel scan of so many segments.
    pub fn segment(&self, total: u32) -> u32 {
        // The upper half of a product with 32 bits has at most 32 bits.
        #[allow(clippy::cast_possible_truncation)]
        let segment = ((u128::from(self.partition()) * u128::from(total)) >> 64) as u32;
        segment
    }

    /// Appends the hash key, then the range key.
    pub fn encode(&self, to: &mut Vec<u8>) {
        self.hash.iter().chain(&self.range).for_each(|value| value.encode(to));
    }

    /// The same behind the key's [`partition`].
    pub(crate) fn encode_placed(&self, to: &mut Vec<u8>) {
        let start = to.len();
        to.extend([0; PARTITION_BYTES]);
        self.hash.iter().for_each(|value| value.encode(to));
        let partition = partition_of_encoded(&to[start + PARTITION_BYTES..]);
        to[start..start + PARTITION_BYTES].copy_from_slice(&partition);
        self.range.iter().for_each(|value| value.encode(to));
    }

    #[cfg(test)]
    pub fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }
}

fn put_terminated(to: &mut Vec<u8>, bytes: &[u8]) {
    put_escaped(to, bytes);
    to.extend([ZERO, END]);
}

fn put_escaped(to: &mut Vec<u8>, bytes: &[u8]) {
    for part in bytes.split_inclusive(|byte| *byte == ZERO) {
        to.extend_from_slice(part);
        if part.ends_with(&[ZERO]) {
            to.push(ESCAPED);
        }
    }
}

impl ByteRange {
    /// Everything that begins with the prefix.
    pub fn below(prefix: Vec<u8>) -> Self {
        let end = behind(prefix.clone());
        Self { start: prefix, end }
    }

    /// What a query reads: below a hash key, what meets the conditions on the range key. All of these but the last ask
    /// for one value.
    pub fn of_query(hash: &[KeyValue], range: &[RangeCondition]) -> Self {
        let mut prefix = joined(hash);
        let Some((last, fixed)) = range.split_last() else { return Self::below(prefix) };
        for condition in fixed {
            if let RangeCondition::Equal(value) = condition {
                value.encode(&mut prefix);
            }
        }
        Self::below(prefix).narrowed(last)
    }

    /// The part of everything below this range's start that meets the condition, which is on what comes next
    /// there.
    fn narrowed(self, condition: &RangeCondition) -> Self {
        let prefix = &self.start;
        let at = |value: &KeyValue| [prefix.as_slice(), &value.encoded()].concat();
        let after = |value: &KeyValue| behind(at(value));
        let (start, end) = match condition {
            RangeCondition::Equal(value) => (Some(at(value)), after(value)),
            RangeCondition::Less(value) => (Some(prefix.clone()), Some(at(value))),
            RangeCondition::LessOrEqual(value) => (Some(prefix.clone()), after(value)),
            RangeCondition::Greater(value) => (after(value), self.end.clone()),
            RangeCondition::GreaterOrEqual(value) => (Some(at(value)), self.end.clone()),
            RangeCondition::Between(lower, upper) => (Some(at(lower)), after(upper)),
            RangeCondition::BeginsWith(value) => {
                return Self::below([prefix.as_slice(), &value.encoded_prefix()].concat());
            }
        };
        // No encoding of a key is all FF, so there is always something behind it.
        let start = start.unwrap_or_default();
        // A range whose bounds are the wrong way round is empty.
        let end = end.map(|end| end.max(start.clone()));
        Self { start, end }
    }

    pub fn contains(&self, bytes: &[u8]) -> bool {
        self.start.as_slice() <= bytes && self.end.as_deref().is_none_or(|end| bytes < end)
    }
}

/// The lowest bytes that are higher than all that begin with the prefix; `None` if there are none.
fn behind(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generators::{number, scalar};

    fn text() -> impl Strategy<Value = KeyValue> {
        "[\\x00\\x01ab\u{10FFFF}]{0,4}".prop_map(KeyValue::S)
    }

    fn binary() -> impl Strategy<Value = KeyValue> {
        let byte = prop_oneof![Just(0_u8), Just(1), Just(0xFE), Just(0xFF), any::<u8>()];
        prop::collection::vec(byte, 0..5).prop_map(|bytes| KeyValue::B(bytes.into()))
    }

    /// Two values of one type, as two keys of a table are.
    fn pair() -> impl Strategy<Value = (KeyValue, KeyValue)> {
        prop_oneof![
            (text(), text()),
            (binary(), binary()),
            (number().prop_map(KeyValue::N), number().prop_map(KeyValue::N)),
        ]
    }

    fn triple() -> impl Strategy<Value = [KeyValue; 3]> {
        let number = || number().prop_map(KeyValue::N);
        prop_oneof![[text(), text(), text()], [binary(), binary(), binary()], [number(), number(), number()],]
    }

    fn conditions(a: &KeyValue, b: &KeyValue) -> Vec<RangeCondition> {
        vec![
            RangeCondition::Equal(a.clone()),
            RangeCondition::Less(a.clone()),
            RangeCondition::LessOrEqual(a.clone()),
            RangeCondition::Greater(a.clone()),
            RangeCondition::GreaterOrEqual(a.clone()),
            RangeCondition::Between(a.clone(), b.clone()),
            RangeCondition::BeginsWith(a.clone()),
        ]
    }

    proptest! {
        #[test]
        fn bytes_sort_as_values_do((a, b) in pair(), behind_a: Vec<u8>, behind_b: Vec<u8>) {
            let bytes = |value: &KeyValue, behind: &[u8]| [&value.encoded(), behind].concat();
            prop_assert_eq!(a.encoded().cmp(&b.encoded()), a.cmp(&b));
            if a != b {
                prop_assert_eq!(bytes(&a, &behind_a).cmp(&bytes(&b, &behind_b)), a.cmp(&b));
            }
        }

        #[test]
        fn a_query_reads_what_meets_its_condition((hash, other) in pair(), [a, b, range] in triple(), rest: Vec<u8>) {
            let is_number = matches!(a, KeyValue::N(_));
            for condition in conditions(&a, &b) {
                if is_number && matches!(condition, RangeCondition::BeginsWith(_)) {
                    continue;
                }
                let read = ByteRange::of_query(std::slice::from_ref(&hash), std::slice::from_ref(&condition));
                let stored = |hash: &KeyValue| {
                    let key = Key { hash: vec![hash.clone()], range: vec![range.clone()] };
                    [key.encoded(), rest.clone()].concat()
                };
                let expected = condition.holds(&range);
                prop_assert_eq!(read.contains(&stored(&hash)), expected, "{:?}", condition);
                prop_assert!(hash == other || !read.contains(&stored(&other)));
            }
            let all = ByteRange::of_query(std::slice::from_ref(&hash), &[]);
            let key = Key { hash: vec![hash], range: vec![range] };
            prop_assert!(all.contains(&key.encoded()));
        }

        #[test]
        fn keys_of_several_attributes_sort_one_after_the_other_and_are_read_so(
            [(a1, b1), (a2, b2)] in [pair(), pair()],
            [lower, upper, last] in triple(),
        ) {
            let key = |first: &KeyValue, second: &KeyValue, last: &KeyValue| Key {
                hash: vec![first.clone(), second.clone()],
                range: vec![second.clone(), last.clone()],
            };
            let (a, b) = (key(&a1, &a2, &lower), key(&b1, &b2, &upper));
            prop_assert_eq!(a.encoded().cmp(&b.encoded()), a.cmp(&b));
            let is_number = matches!(last, KeyValue::N(_));
            let stored = key(&a1, &a2, &last).encoded();
            for condition in conditions(&lower, &upper) {
                if is_number && matches!(condition, RangeCondition::BeginsWith(_)) {
                    continue;
                }
                let expected = condition.holds(&last);
                let wanted = [RangeCondition::Equal(a2.clone()), condition];
                let read = ByteRange::of_query(&[a1.clone(), a2.clone()], &wanted);
                prop_assert_eq!(read.contains(&stored), expected, "{:?}", wanted);
                prop_assert!(a2 == b2 || !read.contains(&key(&a1, &b2, &last).encoded()));
            }
        }

        #[test]
        fn each_key_is_in_one_segment_and_they_follow_one_another(value in scalar(), total in 1_u32..=1_000_000) {
            let key = Key::of_hash(vec![KeyValue::of(&value).unwrap()]);
            prop_assert!(key.segment(total) < total);
            prop_assert_eq!(key.segment(1), 0);
            prop_assert_eq!(key.segment(total), key.segment(total * 2) / 2);
        }

        #[test]
        fn a_placed_key_is_its_partition_and_itself((hash, range) in pair(), before: Vec<u8>) {
            let key = Key { hash: vec![hash], range: vec![range] };
            let mut placed = before.clone();
            key.encode_placed(&mut placed);
            prop_assert_eq!(placed, [&before, &key.partition().to_be_bytes()[..], &key.encoded()].concat());
        }
    }

    #[test]
    fn partitions_stay_where_they_are() {
        assert_eq!(KeyValue::S("a".to_owned()).encoded(), b"a\x00\x01");
        let digest: [u8; 16] = Md5::digest(b"a\x00\x01").into();
        assert_eq!(partition(&[KeyValue::S("a".to_owned())]).to_be_bytes(), digest[..8]);
    }
}
