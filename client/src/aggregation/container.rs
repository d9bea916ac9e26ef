//! A container as it is filled.
//!
//! Its size is known exactly at every moment, and so is what one more record would make of it. Members are encoded as
//! they come, so that nothing of the caller's stays in memory, and whoever fills a container pays for each record
//! once. The bytes are those that Amazon's libraries write for the same members.

use std::ops::Range;

use bytes::{BufMut, Bytes};
use indexmap::IndexSet;
use millstream_model::HashKey;

use super::digest::digests;
use super::key_table::KeyTable;
use super::tags::Tag;
use super::wire::{
    bytes_field_bytes, put_bytes_field, put_bytes_header, put_varint_field, varint_field_bytes,
};
use super::{FRAME_BYTES, MAGIC};
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

impl Member {
    /// The same, not owned.
    #[must_use]
    pub fn as_ref(&self) -> MemberRef<'_> {
        let NewRecord { partition_key, explicit_hash_key, data } = &self.record;
        MemberRef { partition_key, explicit_hash_key: *explicit_hash_key, data, tags: &self.tags }
    }
}

/// A user record that is to be copied into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberRef<'a> {
    pub partition_key: &'a str,
    pub explicit_hash_key: Option<HashKey>,
    pub data: &'a [u8],
    pub tags: &'a [Tag],
}

impl MemberRef<'_> {
    /// Whether nothing is lost when it is written without a container: it has no tags, and does not look like one.
    fn may_go_alone(&self) -> bool {
        self.tags.is_empty() && !self.data.starts_with(&MAGIC)
    }
}

/// User records that are to be written as one record.
#[derive(Clone, Debug, Default)]
pub struct Container {
    partition_keys: KeyTable,
    explicit_hash_keys: IndexSet<HashKey>,
    /// Bytes of the table of explicit hash keys.
    explicit_hash_keys_bytes: usize,
    /// The fields of the members, as they will be in the message.
    members: Vec<u8>,
    count: usize,
    /// Whether the first member has an explicit hash key.
    first_is_explicit: bool,
    /// Where in `members` the data of the only member are, if that may go alone.
    alone: Option<Range<usize>>,
}

/// How much memory the parts of a container take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    keys: usize,
    key_bytes: usize,
    member_bytes: usize,
}

/// A record that is being made of a container.
#[derive(Debug)]
enum Draft {
    Done(Option<NewRecord>),
    /// The digest is to follow.
    Open {
        hash_key: HashKey,
        data: Vec<u8>,
    },
}

impl Draft {
    fn message(&self) -> Option<&[u8]> {
        match self {
            Self::Open { data, .. } => data.get(MAGIC.len()..),
            Self::Done(_) => None,
        }
    }

    fn record(self) -> Option<NewRecord> {
        match self {
            Self::Done(record) => record,
            Self::Open { hash_key, data } => Some(NewRecord {
                partition_key: CONTAINER_PARTITION_KEY.to_owned(),
                explicit_hash_key: Some(hash_key),
                data: data.into(),
            }),
        }
    }
}

/// What a member adds to a container.
#[derive(Clone, Copy, Debug)]
struct Growth {
    /// Bytes of the member's own fields.
    fields: usize,
    /// Bytes of new entries in the tables of keys.
    partition_keys: usize,
    explicit_hash_keys: usize,
    partition_key_index: Option<usize>,
    partition_key_hash: u64,
    explicit_hash_key_index: Option<usize>,
}

impl Growth {
    fn bytes(&self) -> usize {
        self.partition_keys + self.explicit_hash_keys + bytes_field_bytes(self.fields)
    }
}

impl Container {
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that count towards the service's limits: [`NewRecord::size`] of what [`Self::finish`] makes, 0 for nothing.
    #[must_use]
    pub fn size(&self) -> usize {
        match (&self.alone, self.count) {
            (_, 0) => 0,
            (Some(data), _) => data.len() + self.partition_keys.first().map_or(0, str::len),
            (None, _) => container_size(self.message_bytes()),
        }
    }

    /// What [`Self::size`] is of a container with this member alone.
    #[must_use]
    pub fn size_of(member: &MemberRef<'_>) -> usize {
        if member.may_go_alone() {
            return member.data.len() + member.partition_key.len();
        }
        let nothing = Self::default();
        nothing.size_after(member, &nothing.growth(member))
    }

    /// What [`Self::size`] will be once this member is in.
    #[must_use]
    pub fn size_with(&self, member: &Member) -> usize {
        let member = member.as_ref();
        self.size_after(&member, &self.growth(&member))
    }

    /// Whether [`Self::finish`] gives the only member as it is, without a container around it.
    #[must_use]
    pub fn goes_alone(&self) -> bool {
        self.alone.is_some()
    }

    /// Where the container goes: the hash key of its first member.
    #[must_use]
    pub fn hash_key(&self) -> Option<HashKey> {
        match self.explicit_hash_keys.first() {
            Some(&key) if self.first_is_explicit => Some(key),
            _ => self.partition_keys.first().map(HashKey::of_partition_key),
        }
    }

    /// Adds a member behind the others.
    pub fn push(&mut self, member: Member) {
        let Member { record: NewRecord { partition_key, explicit_hash_key, data }, tags } = member;
        let member = MemberRef { partition_key: &partition_key, explicit_hash_key, data: &data, tags: &tags };
        self.add(&member, self.growth(&member));
    }

    /// Adds a member behind the others unless the container would then be larger than `size_max`. A first member is
    /// taken however large it is. Says whether it was taken.
    pub fn try_push(&mut self, member: MemberRef<'_>, size_max: usize) -> bool {
        let growth = self.growth(&member);
        if !self.is_empty() && self.size_after(&member, &growth) > size_max {
            return false;
        }
        self.add(&member, growth);
        true
    }

    /// An empty one with room for what another held, so that it need not grow.
    #[must_use]
    pub fn with_room(room: Room) -> Self {
        Self {
            partition_keys: KeyTable::with_room(room.keys, room.key_bytes),
            members: Vec::with_capacity(room.member_bytes),
            ..Self::default()
        }
    }

    /// What this one takes: what comes next is often like it.
    #[must_use]
    pub fn room(&self) -> Room {
        Room {
            keys: self.partition_keys.len(),
            key_bytes: self.partition_keys.encoded().len(),
            member_bytes: self.members.len(),
        }
    }

    /// The record to be written; `None` where there is nothing to write.
    ///
    /// A member that is alone goes as it is, which spares its readers the work, unless something would be lost: its
    /// tags, or that it is one record although it looks like a container.
    #[must_use]
    pub fn finish(self) -> Option<NewRecord> {
        Self::finish_all([self]).pop().flatten()
    }

    /// What [`Self::finish`] makes of each. Together it takes a fraction of the time, which is that of their digests.
    #[must_use]
    pub fn finish_all(containers: impl IntoIterator<Item = Self>) -> Vec<Option<NewRecord>> {
        let mut drafts: Vec<_> = containers.into_iter().map(Self::draft).collect();
        let messages: Vec<_> = drafts.iter().filter_map(Draft::message).collect();
        let digests = digests(&messages);
        let opened = drafts.iter_mut().filter_map(|draft| match draft {
            Draft::Open { data, .. } => Some(data),
            Draft::Done(_) => None,
        });
        opened.zip(digests).for_each(|(data, digest)| data.put_slice(&digest));
        drafts.into_iter().map(Draft::record).collect()
    }

    fn draft(mut self) -> Draft {
        let Some(hash_key) = self.hash_key() else { return Draft::Done(None) };
        if let Some(data) = self.alone.take() {
            let key = self.partition_keys.first().map(str::to_owned);
            return Draft::Done(key.map(|partition_key| NewRecord {
                partition_key,
                explicit_hash_key: self.explicit_hash_keys.pop(),
                data: Bytes::from(self.members).slice(data),
            }));
        }
        Draft::Open { hash_key, data: self.encode() }
    }

    /// All but the digest, for which there is room.
    fn encode(&self) -> Vec<u8> {
        let mut buffer = Vec::with_capacity(FRAME_BYTES + self.message_bytes());
        buffer.put_slice(&MAGIC);
        buffer.put_slice(self.partition_keys.encoded());
        for key in &self.explicit_hash_keys {
            put_bytes_field(2, key.to_string().as_bytes(), &mut buffer);
        }
        buffer.put_slice(&self.members);
        buffer
    }

    fn message_bytes(&self) -> usize {
        self.partition_keys.encoded().len() + self.explicit_hash_keys_bytes + self.members.len()
    }

    fn size_after(&self, member: &MemberRef<'_>, growth: &Growth) -> usize {
        if self.is_empty() && member.may_go_alone() {
            return member.data.len() + member.partition_key.len();
        }
        container_size(self.message_bytes() + growth.bytes())
    }

    fn growth(&self, member: &MemberRef<'_>) -> Growth {
        let (partition_key_hash, partition_key_index) = self.partition_keys.find(member.partition_key);
        let mut growth = Growth {
            fields: bytes_field_bytes(member.data.len()),
            partition_keys: 0,
            explicit_hash_keys: 0,
            partition_key_index,
            partition_key_hash,
            explicit_hash_key_index: None,
        };
        growth.fields += varint_field_bytes(partition_key_index.unwrap_or(self.partition_keys.len()) as u64);
        if partition_key_index.is_none() {
            growth.partition_keys = bytes_field_bytes(member.partition_key.len());
        }
        if let Some(key) = member.explicit_hash_key {
            growth.explicit_hash_key_index = self.explicit_hash_keys.get_index_of(&key);
            let index = growth.explicit_hash_key_index.unwrap_or(self.explicit_hash_keys.len());
            growth.fields += varint_field_bytes(index as u64);
            if growth.explicit_hash_key_index.is_none() {
                growth.explicit_hash_keys = bytes_field_bytes(decimal_digits(key));
            }
        }
        growth.fields += member.tags.iter().map(|tag| bytes_field_bytes(tag_bytes(tag))).sum::<usize>();
        growth
    }

    fn add(&mut self, member: &MemberRef<'_>, growth: Growth) {
        if self.is_empty() {
            self.first_is_explicit = member.explicit_hash_key.is_some();
        }
        self.members.reserve(bytes_field_bytes(growth.fields));
        put_bytes_header(3, growth.fields, &mut self.members);
        let index = match growth.partition_key_index {
            Some(index) => index,
            None => self.partition_keys.insert(growth.partition_key_hash, member.partition_key),
        };
        put_varint_field(1, index as u64, &mut self.members);
        if let Some(key) = member.explicit_hash_key {
            let index = match growth.explicit_hash_key_index {
                Some(index) => index,
                None => self.explicit_hash_keys.insert_full(key).0,
            };
            self.explicit_hash_keys_bytes += growth.explicit_hash_keys;
            put_varint_field(2, index as u64, &mut self.members);
        }
        put_bytes_field(3, member.data, &mut self.members);
        let end = self.members.len();
        for tag in member.tags {
            put_bytes_header(4, tag_bytes(tag), &mut self.members);
            put_bytes_field(1, tag.key.as_bytes(), &mut self.members);
            if let Some(value) = &tag.value {
                put_bytes_field(2, value.as_bytes(), &mut self.members);
            }
        }
        let is_alone = self.is_empty() && member.may_go_alone();
        self.alone = is_alone.then(|| end - member.data.len()..end);
        self.count += 1;
    }
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
