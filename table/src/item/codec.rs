//! An item as it is stored.
//!
//! A byte for the version of this format, the number of attributes, then each attribute: its name, a byte for
//! its type, its value. Whatever has a length says it first, as a varint of seven bits a byte, lowest first.
//! Names and members of sets rise strictly, so an item has one encoding and anything else is corruption.
//!
//! The format is persisted: a change of it is a new version beside this one.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::Item;
use crate::number::Number;
use crate::value::{DEPTH_MAX, Type, Value};

const VERSION: u8 = 1;

/// What was stored is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored item is corrupt at byte {at}: {what}")]
pub struct CorruptItem {
    /// How many bytes into the item.
    pub at: usize,
    pub what: &'static str,
}

impl Item {
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Vec::with_capacity(self.size() + 4 * self.len() + 2);
        to.push(VERSION);
        put_members(&mut to, &self.0);
        to
    }

    /// The item that [`Item::encode`] made these bytes of.
    ///
    /// # Errors
    ///
    /// When it made no such bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, CorruptItem> {
        let mut reader = Reader { bytes, at: 0 };
        match reader.byte()? {
            VERSION => {}
            _ => return Err(CorruptItem { at: 0, what: "an unknown version" }),
        }
        let item = Self(reader.members(DEPTH_MAX + 1)?);
        if reader.at < bytes.len() { Err(reader.corrupt("bytes behind its end")) } else { Ok(item) }
    }
}

/// Types as they are stored; never to be changed.
fn tag(kind: Type) -> u8 {
    match kind {
        Type::S => 1,
        Type::N => 2,
        Type::B => 3,
        Type::Ss => 4,
        Type::Ns => 5,
        Type::Bs => 6,
        Type::M => 7,
        Type::L => 8,
        Type::Bool => 9,
        Type::Null => 10,
    }
}

fn put_length(to: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        to.push(low_seven_bits(length) | 0x80);
        length >>= 7;
    }
    to.push(low_seven_bits(length));
}

#[allow(clippy::cast_possible_truncation)] // seven bits fit
fn low_seven_bits(length: usize) -> u8 {
    (length & 0x7F) as u8
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_length(to, bytes.len());
    to.extend_from_slice(bytes);
}

fn put_members(to: &mut Vec<u8>, members: &BTreeMap<String, Value>) {
    put_length(to, members.len());
    for (name, value) in members {
        put_bytes(to, name.as_bytes());
        put_value(to, value);
    }
}

fn put_value(to: &mut Vec<u8>, value: &Value) {
    to.push(tag(value.kind()));
    match value {
        Value::S(text) => put_bytes(to, text.as_bytes()),
        Value::N(number) => number.encode(to),
        Value::B(bytes) => put_bytes(to, bytes),
        Value::Ss(members) => {
            put_length(to, members.len());
            members.iter().for_each(|member| put_bytes(to, member.as_bytes()));
        }
        Value::Ns(members) => {
            put_length(to, members.len());
            members.iter().for_each(|member| member.encode(to));
        }
        Value::Bs(members) => {
            put_length(to, members.len());
            members.iter().for_each(|member| put_bytes(to, member));
        }
        Value::M(members) => put_members(to, members),
        Value::L(members) => {
            put_length(to, members.len());
            members.iter().for_each(|member| put_value(to, member));
        }
        Value::Bool(value) => to.push(u8::from(*value)),
        Value::Null => {}
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn corrupt(&self, what: &'static str) -> CorruptItem {
        CorruptItem { at: self.at, what }
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn byte(&mut self) -> Result<u8, CorruptItem> {
        let byte = *self.rest().first().ok_or_else(|| self.corrupt("it ends too early"))?;
        self.at += 1;
        Ok(byte)
    }

    fn length(&mut self) -> Result<usize, CorruptItem> {
        let mut length = 0;
        // Four groups are 256 MB, far more than any item has.
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                let is_shortest = byte != 0 || shift == 0;
                return if is_shortest { Ok(length) } else { Err(self.corrupt("a length that is padded")) };
            }
        }
        Err(self.corrupt("a length that no item has"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], CorruptItem> {
        let length = self.length()?;
        let bytes = self.rest().get(..length).ok_or_else(|| self.corrupt("it ends too early"))?;
        self.at += length;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, CorruptItem> {
        let bytes = self.bytes()?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.corrupt("a text that is not UTF-8"))?;
        Ok(text.to_owned())
    }

    fn number(&mut self) -> Result<Number, CorruptItem> {
        let (number, length) =
            Number::decode(self.rest()).ok_or_else(|| self.corrupt("a number that is none"))?;
        self.at += length;
        Ok(number)
    }

    fn members(&mut self, levels: usize) -> Result<BTreeMap<String, Value>, CorruptItem> {
        let mut members = BTreeMap::new();
        for _ in 0..self.length()? {
            let name = self.text()?;
            if members.last_key_value().is_some_and(|(last, _)| *last >= name) {
                return Err(self.corrupt("names that do not rise"));
            }
            let value = self.value(levels - 1)?;
            members.insert(name, value);
        }
        Ok(members)
    }

    fn set<T: Ord>(
        &mut self,
        member: impl Fn(&mut Self) -> Result<T, CorruptItem>,
    ) -> Result<BTreeSet<T>, CorruptItem> {
        let mut members = BTreeSet::new();
        for _ in 0..self.length()? {
            let next = member(self)?;
            if members.last().is_some_and(|last| *last >= next) {
                return Err(self.corrupt("members of a set that do not rise"));
            }
            members.insert(next);
        }
        Ok(members)
    }

    /// A value of at most so many levels.
    fn value(&mut self, levels: usize) -> Result<Value, CorruptItem> {
        if levels == 0 {
            return Err(self.corrupt("more levels than an item may have"));
        }
        let found = self.byte()?;
        let kind = Type::ALL.into_iter().find(|kind| tag(*kind) == found);
        Ok(match kind.ok_or_else(|| self.corrupt("an unknown type"))? {
            Type::S => Value::S(self.text()?),
            Type::N => Value::N(self.number()?),
            Type::B => Value::B(Bytes::copy_from_slice(self.bytes()?)),
            Type::Ss => Value::Ss(self.set(Self::text)?),
            Type::Ns => Value::Ns(self.set(Self::number)?),
            Type::Bs => Value::Bs(self.set(|reader| Ok(Bytes::copy_from_slice(reader.bytes()?)))?),
            Type::M => Value::M(self.members(levels)?),
            Type::L => {
                let count = self.length()?;
                let mut members = Vec::new();
                for _ in 0..count {
                    members.push(self.value(levels - 1)?);
                }
                Value::L(members)
            }
            Type::Bool => match self.byte()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(self.corrupt("neither true nor false")),
            },
            Type::Null => Value::Null,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generators::item;

    proptest! {
        #[test]
        fn items_come_back(item in item()) {
            prop_assert_eq!(Item::decode(&item.encode()), Ok(item));
        }

        #[test]
        fn an_item_that_is_cut_off_is_corrupt(item in item(), cut: prop::sample::Index) {
            let bytes = item.encode();
            prop_assert!(Item::decode(&bytes[..cut.index(bytes.len())]).is_err());
        }

        #[test]
        fn whatever_is_decoded_has_one_encoding(bytes: Vec<u8>) {
            let bytes = [&[VERSION][..], &bytes].concat();
            if let Ok(item) = Item::decode(&bytes) {
                prop_assert_eq!(item.encode(), bytes);
            }
        }

        #[test]
        fn a_changed_byte_gives_another_item_or_none(item in item(), at: prop::sample::Index, change in 1_u8..) {
            let mut bytes = item.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            if let Ok(other) = Item::decode(&bytes) {
                prop_assert_eq!(other.encode(), bytes);
                prop_assert_ne!(other, item);
            }
        }
    }

    #[test]
    fn the_first_version_stays_readable() {
        let item: Item =
            [("id", Value::from("a")), ("n", Value::from(12)), ("x", Value::Null)].into_iter().collect();
        let stored = b"\x01\x03\x02id\x01\x01a\x01n\x02\xC0\x83\x0D\x00\x01x\x0A";
        assert_eq!(item.encode(), stored);
        assert_eq!(Item::decode(stored), Ok(item));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |count| (0..count).fold(Value::Null, |inner, _| Value::L(vec![inner]));
        let deepest = Item::from_iter([("a", nested(31))]);
        assert_eq!(Item::decode(&deepest.encode()), Ok(deepest));
        let error = Item::decode(&Item::from_iter([("a", nested(32))]).encode()).unwrap_err();
        assert_eq!(error.what, "more levels than an item may have");
        assert!(Item::decode(&[&[VERSION, 1, 0][..], &[8, 1].repeat(100_000)].concat()).is_err());
    }

    #[test]
    fn corruption_is_named() {
        for (bytes, what) in [
            (&b""[..], "it ends too early"),
            (b"\x02\x00", "an unknown version"),
            (b"\x01\x00\x00", "bytes behind its end"),
            (b"\x01\x02\x01b\x0A\x01a\x0A", "names that do not rise"),
            (b"\x01\x01\x01a\x63", "an unknown type"),
            (b"\x01\x01\x01a\x09\x02", "neither true nor false"),
            (b"\x01\x01\x01\xFF\x0A", "a text that is not UTF-8"),
            (b"\x01\x80\x00", "a length that is padded"),
            (b"\x01\xFF\xFF\xFF\xFF\x01", "a length that no item has"),
        ] {
            assert_eq!(Item::decode(bytes).unwrap_err().what, what, "{bytes:?}");
        }
    }
}
