//! A container as it is filled.
//!
//! Its size is known exactly at every moment, and so is what one more record would make of it; nothing is encoded
//! before it is finished, and data are copied once, then. The bytes are those that Amazon's libraries write for the
//! same members.

use bytes::{BufMut, Bytes};
use indexmap::IndexSet;
use millstream_model::HashKey;

use super::tags::Tag;
use super::wire::{
    bytes_field_bytes, put_bytes_field, put_bytes_header, put_varint_field, varint_field_bytes,
};
use super::{FRAME_BYTES, MAGIC, digest};
use crate::api::NewRecord;

/// The partition key of every container: the explicit hash key says where it goes.
const CONTAINER_PARTITION_KEY: &str = "a";

/// A user record that is to go into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub record: NewRecord,
    /// What readers see beside the record; most make no use of it, and the Kinesis Client Library shows none.
    pub tags: Vec<Tag>,
}

impl From<NewRecord> for Member {
    fn from(record: NewRecord) -> Self {
        Self { record, tags: Vec::new() }
    }
}

/// User records that are to be written as one record.
#[derive(Clone, Debug, Default)]
pub struct Container {
    partition_keys: IndexSet<String>,
    explicit_hash_keys: IndexSet<HashKey>,
    members: Vec<Packed>,
    /// Bytes of the message that [`Container::finish`] makes.
    message_bytes: usize,
}

/// A member whose keys are in the tables.
#[derive(Clone, Debug)]
struct Packed {
    partition_key: usize,
    explicit_hash_key: Option<usize>,
    data: Bytes,
    tags: Vec<Tag>,
    /// Of its fields.
    bytes: usize,
}

impl Container {
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Bytes that count towards the service's limits: [`NewRecord::size`] of what [`Self::finish`] makes, 0 for nothing.
    #[must_use]
    pub fn size(&self) -> usize {
        match self.members.as_slice() {
            [] => 0,
            [only] if only.may_go_alone() => {
                only.data.len() + self.partition_keys.first().map_or(0, String::len)
            }
            _ => container_size(self.message_bytes),
        }
    }

    /// What [`Self::size`] will be once this member is in.
    #[must_use]
    pub fn size_with(&self, member: &Member) -> usize {
        let (fields, keys) = self.growth(member);
        if self.is_empty() && may_go_alone(&member.record.data, &member.tags) {
            return member.record.size();
        }
        container_size(self.message_bytes + keys + bytes_field_bytes(fields))
    }

    /// Where the container goes: the hash key of its first member.
    #[must_use]
    pub fn hash_key(&self) -> Option<HashKey> {
        let first = self.members.first()?;
        match first.explicit_hash_key {
            Some(index) => self.explicit_hash_keys.get_index(index).copied(),
            None => self.partition_keys.get_index(first.partition_key).map(HashKey::of_partition_key),
        }
    }

    /// Adds a member behind the others.
    pub fn push(&mut self, member: Member) {
        let (bytes, keys) = self.growth(&member);
        self.message_bytes += keys + bytes_field_bytes(bytes);
        let Member { record: NewRecord { partition_key, explicit_hash_key, data }, tags } = member;
        let (partition_key, _) = self.partition_keys.insert_full(partition_key);
        let explicit_hash_key = explicit_hash_key.map(|key| self.explicit_hash_keys.insert_full(key).0);
        self.members.push(Packed { partition_key, explicit_hash_key, data, tags, bytes });
    }

    /// The record to be written; `None` where there is nothing to write.
    ///
    /// A member that is alone goes as it is, which spares its readers the work, unless something would be lost: its
    /// tags, or that it is one record although it looks like a container.
    #[must_use]
    pub fn finish(mut self) -> Option<NewRecord> {
        let hash_key = self.hash_key()?;
        if self.members.len() == 1
            && let Some(only) = self.members.pop_if(|only| only.may_go_alone())
        {
            return Some(NewRecord {
                partition_key: self.partition_keys.pop()?,
                explicit_hash_key: self.explicit_hash_keys.pop(),
                data: only.data,
            });
        }
        let partition_key = CONTAINER_PARTITION_KEY.to_owned();
        Some(NewRecord { partition_key, explicit_hash_key: Some(hash_key), data: self.encode() })
    }

    fn encode(&self) -> Bytes {
        let mut buffer = Vec::with_capacity(FRAME_BYTES + self.message_bytes);
        buffer.put_slice(&MAGIC);
        for key in &self.partition_keys {
            put_bytes_field(1, key.as_bytes(), &mut buffer);
        }
        for key in &self.explicit_hash_keys {
            put_bytes_field(2, key.to_string().as_bytes(), &mut buffer);
        }
        for member in &self.members {
            put_bytes_header(3, member.bytes, &mut buffer);
            member.put(&mut buffer);
        }
        let digest = digest(&buffer[MAGIC.len()..]);
        buffer.put_slice(&digest);
        buffer.into()
    }

    /// Bytes of the fields that a member will have, and of the entries in the tables for keys that are not there yet.
    fn growth(&self, Member { record, tags }: &Member) -> (usize, usize) {
        let (mut fields, mut keys) = (bytes_field_bytes(record.data.len()), 0);
        let known = self.partition_keys.get_index_of(&record.partition_key);
        fields += varint_field_bytes(known.unwrap_or(self.partition_keys.len()) as u64);
        if known.is_none() {
            keys += bytes_field_bytes(record.partition_key.len());
        }
        if let Some(key) = record.explicit_hash_key {
            let known = self.explicit_hash_keys.get_index_of(&key);
            fields += varint_field_bytes(known.unwrap_or(self.explicit_hash_keys.len()) as u64);
            if known.is_none() {
                keys += bytes_field_bytes(decimal_digits(key));
            }
        }
        fields += tags.iter().map(|tag| bytes_field_bytes(tag_bytes(tag))).sum::<usize>();
        (fields, keys)
    }
}

impl Packed {
    fn may_go_alone(&self) -> bool {
        may_go_alone(&self.data, &self.tags)
    }

    fn put(&self, buffer: &mut Vec<u8>) {
        put_varint_field(1, self.partition_key as u64, buffer);
        if let Some(index) = self.explicit_hash_key {
            put_varint_field(2, index as u64, buffer);
        }
        put_bytes_field(3, &self.data, buffer);
        for tag in &self.tags {
            put_bytes_header(4, tag_bytes(tag), buffer);
            put_bytes_field(1, tag.key.as_bytes(), buffer);
            if let Some(value) = &tag.value {
                put_bytes_field(2, value.as_bytes(), buffer);
            }
        }
    }
}

fn may_go_alone(data: &[u8], tags: &[Tag]) -> bool {
    tags.is_empty() && !data.starts_with(&MAGIC)
}

fn container_size(message_bytes: usize) -> usize {
    FRAME_BYTES + message_bytes + CONTAINER_PARTITION_KEY.len()
}

fn tag_bytes(tag: &Tag) -> usize {
    bytes_field_bytes(tag.key.len()) + tag.value.as_ref().map_or(0, |value| bytes_field_bytes(value.len()))
}

fn decimal_digits(HashKey(key): HashKey) -> usize {
    1 + key.checked_ilog10().unwrap_or(0) as usize
}
