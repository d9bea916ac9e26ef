//! Tags of a member: pairs of texts, of which the format has room and most producers make no use.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;

use super::wire::{Fields, Malformed, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub key: ByteString,
    pub value: Option<ByteString>,
}

/// The tags of a member, in their order. They are read from the container when asked for.
#[derive(Clone, Default)]
pub struct Tags {
    /// The member's fields, which were checked.
    member: Bytes,
}

impl Tags {
    pub(super) fn of(member: Bytes) -> Self {
        Self { member }
    }

    pub fn iter(&self) -> impl Iterator<Item = Tag> {
        let tags = Fields::of(&self.member).filter_map(|field| match field {
            Ok(field) if field.number == 4 => match field.value {
                Value::Bytes(tag) => read(tag).ok(),
                _ => None,
            },
            _ => None,
        });
        tags.map(|(key, value)| Tag { key: self.text(key), value: value.map(|value| self.text(value)) })
    }

    /// What is not UTF-8 is replaced, as in Java.
    fn text(&self, bytes: &[u8]) -> ByteString {
        ByteString::try_from(self.member.slice_ref(bytes))
            .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Tags {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Tags {}

/// The key and the value of a tag; of a field that is there more than once, the last counts.
pub(super) fn read(tag: &[u8]) -> Result<(&[u8], Option<&[u8]>), Malformed> {
    let (mut key, mut value) = (None, None);
    for field in Fields::of(tag) {
        let field = field?;
        match (field.number, field.value) {
            (1, Value::Bytes(bytes)) => key = Some(bytes),
            (2, Value::Bytes(bytes)) => value = Some(bytes),
            _ => {}
        }
    }
    Ok((key.ok_or(Malformed)?, value))
}
