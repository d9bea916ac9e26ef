//! Records of a stream into user records.
//!
//! Members are given one after the other, so what is in memory at a time is the container, its table of keys, and
//! what the caller keeps. Nothing is left out without being counted.

use millstream_model::{HashKeyRange, Timestamp};

use super::hash::Place;
use super::message::{KeyIndexes, Keys, Message};
use super::tags::Tags;
use super::user_record::{BrokenMember, MemberFault, UserRecord};
use crate::api::{Record, SequenceNumber};

/// What becomes of members that belong to another shard by their hash key.
///
/// There are such members where a shard was split or merged while a container was on its way, and where a producer
/// does not look at shards at all. A producer like Amazon's writes them again to their own shards; the others do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MemberPolicy {
    /// They are kept: nothing is ever lost, and what such a producer wrote again comes twice.
    #[default]
    KeepAll,
    /// They are left out, unless by their hash key they belong to no shard: then no other reader would have them.
    /// Nothing comes twice, and what other producers wrote is lost.
    FilterMember,
    /// What the Kinesis Client Library for Java does: one of them, and the whole container is left out; a member that
    /// cannot be read, and those behind it are.
    KclStrict,
}

/// How records are taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deaggregation {
    pub policy: MemberPolicy,
    /// The range of the shard that is read. Where it is not known, every member belongs to the shard.
    pub range: Option<HashKeyRange>,
}

impl Deaggregation {
    /// The user records in a record, in their order. What is no container is one user record, whatever it looks like.
    #[must_use]
    pub fn take_apart(&self, record: Record) -> UserRecords {
        let Some(message) = Message::recognise(&record.data) else {
            return UserRecords(Content::Alone(Some(record)));
        };
        let mut members = Members {
            sequence_number: record.sequence_number,
            approximate_arrival: record.approximate_arrival,
            message,
            position: 0,
            index: 0,
            how: *self,
            tally: Tally::default(),
        };
        if self.policy == MemberPolicy::KclStrict {
            // Java compares with the whole range where it knows no other.
            let range = *members.how.range.get_or_insert(HashKeyRange::FULL);
            members.drop_all_if_one_is_foreign(&range);
        }
        UserRecords(Content::Members(Box::new(members)))
    }
}

/// What became of the members of a container, as far as they were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Members that were given.
    pub given: u64,
    /// Those of them that belong to another shard, and so may come twice.
    pub foreign: u64,
    /// Members that were left out by policy.
    pub dropped: u64,
    /// Members that cannot be read.
    pub broken: u64,
}

/// The user records in one record of a stream.
#[derive(Debug)]
pub struct UserRecords(Content);

#[derive(Debug)]
enum Content {
    Alone(Option<Record>),
    Members(Box<Members>),
}

impl UserRecords {
    #[must_use]
    pub fn is_container(&self) -> bool {
        matches!(self.0, Content::Members(_))
    }

    /// What became of the members; complete once there are no more. A record that came alone is none.
    #[must_use]
    pub fn tally(&self) -> Tally {
        match &self.0 {
            Content::Alone(_) => Tally::default(),
            Content::Members(members) => members.tally,
        }
    }
}

impl Iterator for UserRecords {
    type Item = Result<UserRecord, BrokenMember>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Content::Alone(record) => record.take().map(|record| Ok(record.into())),
            Content::Members(members) => members.next(),
        }
    }
}

#[derive(Debug)]
struct Members {
    sequence_number: SequenceNumber,
    approximate_arrival: Timestamp,
    message: Message,
    /// Where in the message the next member is looked for.
    position: usize,
    /// Of the next member.
    index: u64,
    how: Deaggregation,
    tally: Tally,
}

impl Members {
    fn next(&mut self) -> Option<Result<UserRecord, BrokenMember>> {
        loop {
            let (member, position) = self.message.member_from(self.position)?;
            let container = &self.message.bytes;
            let (data, tags) = (container.slice_ref(member.data), Tags::of(container.slice_ref(member.tags)));
            let (keys, sub_sequence_number) = (member.keys, self.index);
            (self.position, self.index) = (position, self.index + 1);
            match self.admit(keys) {
                Ok(Some(Keys { partition_key, explicit_hash_key })) => {
                    return Some(Ok(UserRecord {
                        sequence_number: self.sequence_number.clone(),
                        sub_sequence_number,
                        is_member: true,
                        approximate_arrival: self.approximate_arrival,
                        partition_key,
                        explicit_hash_key,
                        data,
                        tags,
                    }));
                }
                Ok(None) => {}
                Err(fault) => {
                    let sequence_number = self.sequence_number.clone();
                    return Some(Err(BrokenMember { sequence_number, sub_sequence_number, fault, data }));
                }
            }
        }
    }

    /// The keys of the member that is next, `None` where it is left out. It is counted either way.
    fn admit(&mut self, indexes: KeyIndexes) -> Result<Option<Keys>, MemberFault> {
        let judged = self.judge(indexes);
        match &judged {
            Ok(Some(_)) => self.tally.given += 1,
            Ok(None) => self.tally.dropped += 1,
            Err(_) => {
                self.tally.broken += 1;
                if self.how.policy == MemberPolicy::KclStrict {
                    self.drop_rest();
                }
            }
        }
        judged
    }

    fn judge(&mut self, indexes: KeyIndexes) -> Result<Option<Keys>, MemberFault> {
        let keys = self.message.keys(indexes)?;
        let Some(range) = self.how.range else { return Ok(Some(keys)) };
        match (self.message.place(indexes)?, self.how.policy) {
            (place, _) if place.is_in(&range) => return Ok(Some(keys)),
            (Place::At(_), MemberPolicy::FilterMember) => return Ok(None),
            (Place::Unreadable, MemberPolicy::KclStrict) => return Err(MemberFault::ExplicitHashKey),
            _ => {}
        }
        self.tally.foreign += 1;
        Ok(Some(keys))
    }

    /// Drops everything if a member belongs elsewhere that comes before any that cannot be read.
    fn drop_all_if_one_is_foreign(&mut self, range: &HashKeyRange) {
        let mut position = 0;
        while let Some((member, behind)) = self.message.member_from(position) {
            let keys = member.keys;
            position = behind;
            match self.message.place(keys) {
                Ok(Place::Unreadable) | Err(_) => return,
                Ok(place) if place.is_in(range) => {}
                Ok(_) => return self.drop_rest(),
            }
        }
    }

    fn drop_rest(&mut self) {
        self.tally.dropped += self.message.members - self.index;
        self.index = self.message.members;
        self.position = self.message.bytes.len();
    }
}
