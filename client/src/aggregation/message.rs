//! A container that was recognised: its message is whole, its members are read one after the other.

use bytes::Bytes;
use bytestring::ByteString;

use super::hash::Place;
use super::table::Table;
use super::user_record::MemberFault;
use super::wire::{Fields, Malformed, Value};
use super::{DIGEST_BYTES, MAGIC, digest, tags};

/// A message that has been checked from end to end, and whose keys are known.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) bytes: Bytes,
    partition_keys: Table,
    explicit_hash_keys: Table,
    pub(super) members: u64,
}

/// By which indexes a member names its keys. They may lie beyond the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyIndexes {
    partition_key: u64,
    explicit_hash_key: Option<u64>,
}

/// What a member is filed under.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) partition_key: ByteString,
    pub(super) explicit_hash_key: Option<ByteString>,
}

/// A member as it lies in the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawMember<'a> {
    pub(super) keys: KeyIndexes,
    pub(super) data: &'a [u8],
    /// The fields of this member, where it has tags; otherwise nothing.
    pub(super) tags: &'a [u8],
}

impl Message {
    /// The message in a record's data, or `None` where they are no container: the magic, the digest or the message is
    /// missing or wrong.
    pub(super) fn recognise(data: &Bytes) -> Option<Self> {
        let framed = data.strip_prefix(&MAGIC)?;
        let (message, expected) = framed.split_last_chunk::<DIGEST_BYTES>()?;
        if message.is_empty() || digest(message) != *expected {
            return None;
        }
        Self::check(&data.slice_ref(message)).ok()
    }

    fn check(bytes: &Bytes) -> Result<Self, Malformed> {
        let mut message = Self {
            bytes: bytes.clone(),
            partition_keys: Table::new(Place::of_partition_key),
            explicit_hash_keys: Table::new(Place::of_explicit_hash_key),
            members: 0,
        };
        let mut fields = Fields::of(bytes);
        while let Some(field) = fields.next() {
            let field = field?;
            let Value::Bytes(value) = field.value else { continue };
            match field.number {
                1 | 2 => {
                    let offset = |left: usize| u32::try_from(left).map_err(|_| Malformed);
                    let length = offset(value.len())?;
                    let start = offset(bytes.len() - fields.rest().len() - value.len())?;
                    let keys = if field.number == 1 {
                        &mut message.partition_keys
                    } else {
                        &mut message.explicit_hash_keys
                    };
                    keys.push(start, length);
                }
                3 => {
                    RawMember::read(value)?;
                    message.members += 1;
                }
                _ => {}
            }
        }
        Ok(message)
    }

    /// The first member at or behind a position in the message, and the position behind it.
    pub(super) fn member_from(&self, position: usize) -> Option<(RawMember<'_>, usize)> {
        let mut fields = Fields::of(self.bytes.get(position..)?);
        while let Some(Ok(field)) = fields.next() {
            if let (3, Value::Bytes(value)) = (field.number, field.value) {
                let member = RawMember::read(value).ok()?;
                return Some((member, self.bytes.len() - fields.rest().len()));
            }
        }
        None
    }

    pub(super) fn keys(&mut self, of: KeyIndexes) -> Result<Keys, MemberFault> {
        let partition_key = self.partition_keys.text(&self.bytes, of.partition_key);
        let partition_key = partition_key.ok_or(MemberFault::PartitionKeyIndex(of.partition_key))?;
        let Some(index) = of.explicit_hash_key else {
            return Ok(Keys { partition_key, explicit_hash_key: None });
        };
        let explicit_hash_key = self.explicit_hash_keys.text(&self.bytes, index);
        let explicit_hash_key = explicit_hash_key.ok_or(MemberFault::ExplicitHashKeyIndex(index))?;
        Ok(Keys { partition_key, explicit_hash_key: Some(explicit_hash_key) })
    }

    /// Where a member belongs: by its explicit hash key, if it has one.
    pub(super) fn place(&mut self, of: KeyIndexes) -> Result<Place, MemberFault> {
        self.keys(of)?;
        let place = match of.explicit_hash_key {
            Some(index) => self.explicit_hash_keys.place(&self.bytes, index),
            None => self.partition_keys.place(&self.bytes, of.partition_key),
        };
        place.ok_or(MemberFault::PartitionKeyIndex(of.partition_key))
    }
}

impl<'a> RawMember<'a> {
    /// Reads a member. Of a field that is there more than once, the last counts.
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (mut partition_key, mut explicit_hash_key, mut data) = (None, None, None);
        let mut tagged = false;
        for field in Fields::of(bytes) {
            let field = field?;
            match (field.number, field.value) {
                (1, Value::Varint(index)) => partition_key = Some(index),
                (2, Value::Varint(index)) => explicit_hash_key = Some(index),
                (3, Value::Bytes(bytes)) => data = Some(bytes),
                (4, Value::Bytes(tag)) => {
                    tags::read(tag)?;
                    tagged = true;
                }
                _ => {}
            }
        }
        Ok(Self {
            keys: KeyIndexes { partition_key: partition_key.ok_or(Malformed)?, explicit_hash_key },
            data: data.ok_or(Malformed)?,
            tags: if tagged { bytes } else { &[] },
        })
    }
}
