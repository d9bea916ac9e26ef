//! What is sent as one record of the stream: a container of records that were put, or one of them alone.
//!
//! A parcel knows whose its members are, and keeps them together until their fate is decided. Where the stream was
//! resharded, it is taken apart, and its members go on in parcels of their own; none is ever dropped without an outcome.

use std::sync::Arc;
use std::time::Duration;

use millstream_client::aggregation::{Container, Deaggregation, MemberRef, Tag, UserRecord};
use millstream_client::{NewRecord, Record, SequenceNumber};
use millstream_model::{HashKey, HashKeyRange, Timestamp};

use crate::budget::Charge;
use crate::pending::{Batch, Ticket};
use crate::receipt::{Attempt, AttemptOutcome, Delivery, End};

/// A record of the stream, on its way.
#[derive(Debug)]
pub(crate) struct Parcel {
    content: Content,
    owners: Owners,
    pub(crate) charge: Charge,
    /// Bytes that count towards the service's limits.
    pub(crate) size: usize,
    /// When the oldest of its members was admitted; it expires by that. All times are the monotonic clock's.
    pub(crate) oldest: Duration,
    pub(crate) sealed: Duration,
    pub(crate) sent: Option<Duration>,
    /// Until when it may wait for others to go with.
    pub(crate) due: Duration,
    /// Before then it is not tried again.
    pub(crate) not_before: Duration,
    /// How many may be in one call with it: a call that was refused as a whole is tried again in halves, until the one
    /// is found that is to blame.
    pub(crate) company_max: usize,
    pub(crate) attempts: Vec<Attempt>,
    /// When the last attempt ended.
    pub(crate) attempted: Option<Duration>,
}

#[derive(Debug)]
enum Content {
    /// Not yet put together: that takes a while, and is done where nobody waits for it.
    Members(Box<Container>),
    Record {
        record: NewRecord,
        is_container: bool,
    },
}

/// Who waits for the members, in their order.
#[derive(Debug)]
enum Owners {
    Batch(Arc<Batch>),
    Apart(Vec<Ticket>),
}

impl Parcel {
    /// Of the members that were put into one container.
    pub(crate) fn new(
        container: Container,
        batch: Arc<Batch>,
        charge: Charge,
        oldest: Duration,
        sealed: Duration,
        due: Duration,
    ) -> Self {
        Self {
            size: container.size(),
            content: Content::Members(Box::new(container)),
            owners: Owners::Batch(batch),
            charge,
            oldest,
            sealed,
            sent: None,
            due,
            not_before: Duration::ZERO,
            company_max: usize::MAX,
            attempts: Vec::new(),
            attempted: None,
        }
    }

    /// How many records it holds.
    pub(crate) fn members(&self) -> usize {
        self.charge.records
    }

    /// Takes the records of parcels out, to be sent. Puts them together if need be, all at once, which is quicker.
    pub(crate) fn take_records<'a>(parcels: impl Iterator<Item = &'a mut Self>) -> Vec<NewRecord> {
        let mut parcels: Vec<_> = parcels.collect();
        put_together(&mut parcels);
        parcels.into_iter().map(Self::take_record).collect()
    }

    /// Takes the record out, to be sent.
    pub(crate) fn take_record(&mut self) -> NewRecord {
        self.put_together();
        let nothing =
            NewRecord { partition_key: String::new(), explicit_hash_key: None, data: bytes::Bytes::new() };
        match &mut self.content {
            Content::Record { record, .. } => std::mem::replace(record, nothing),
            Content::Members(_) => nothing,
        }
    }

    /// Puts the record back that was taken out.
    pub(crate) fn restore(&mut self, back: NewRecord) {
        if let Content::Record { record, .. } = &mut self.content {
            *record = back;
        }
    }

    /// Where in the hash key space it goes, all of it.
    pub(crate) fn hash_key(&mut self) -> HashKey {
        self.put_together();
        match &self.content {
            Content::Record { record, .. } => hash_key_of(record),
            Content::Members(container) => container.hash_key().unwrap_or(HashKey::MIN),
        }
    }

    /// Notes how an attempt ended that was begun at `began`.
    pub(crate) fn attempted(&mut self, began: Duration, now: Duration, outcome: AttemptOutcome) {
        let before = self.attempted.unwrap_or(self.sealed);
        let delay = began.saturating_sub(before);
        self.attempts.push(Attempt { delay, duration: now.saturating_sub(began), outcome });
        self.attempted = Some(now);
    }

    /// Every member gets its outcome. Gives what they took of the budget.
    pub(crate) fn settle(self, end: End, now: Duration) -> (Charge, Arc<Delivery>) {
        let delivery = Arc::new(Delivery {
            end,
            is_container: self.is_container(),
            attempts: self.attempts,
            sealed: self.sealed,
            sent: self.sent,
            ended: now,
        });
        match self.owners {
            Owners::Batch(batch) => batch.settle(&delivery),
            Owners::Apart(tickets) => {
                for (place, ticket) in (0..).zip(&tickets) {
                    ticket.settle(&delivery, place);
                }
            }
        }
        (self.charge, delivery)
    }

    /// Whether every member belongs to a range.
    pub(crate) fn is_within(&mut self, range: HashKeyRange) -> bool {
        self.put_together();
        match &self.content {
            Content::Record { record, is_container: false } => range.contains(hash_key_of(record)),
            Content::Record { record, is_container: true } => {
                members_of(record).all(|member| range.contains(hash_key_of_member(&member)))
            }
            Content::Members(_) => false,
        }
    }

    /// Takes it apart into parcels whose members all have the same place by `place_of`, in the order of their first
    /// members. What stays together stays as it is.
    pub(crate) fn split_by(mut self, place_of: impl Fn(HashKey, &str) -> usize) -> Vec<(usize, Self)> {
        self.put_together();
        let members: Vec<_> = match &self.content {
            Content::Record { record, is_container: true } => members_of(record).collect(),
            Content::Record { record, is_container: false } => {
                let place = place_of(hash_key_of(record), &record.partition_key);
                return vec![(place, self)];
            }
            Content::Members(_) => Vec::new(),
        };
        let place_of = |member: &UserRecord| place_of(hash_key_of_member(member), &member.partition_key);
        let places: Vec<_> = members.iter().map(place_of).collect();
        match places.first() {
            Some(&first) if places.iter().all(|&place| place == first) => vec![(first, self)],
            Some(_) => self.split(&members, &places),
            None => vec![(0, self)],
        }
    }

    fn split(self, members: &[UserRecord], places: &[usize]) -> Vec<(usize, Self)> {
        let tickets = match &self.owners {
            Owners::Batch(batch) => batch.part(u32::try_from(members.len()).unwrap_or(u32::MAX)).collect(),
            Owners::Apart(tickets) => tickets.clone(),
        };
        let mut parts: Vec<(usize, Part)> = Vec::new();
        for ((member, &place), ticket) in members.iter().zip(places).zip(tickets) {
            match parts.iter_mut().find(|(other, _)| *other == place) {
                Some((_, part)) => part.push(member, ticket),
                None => {
                    let mut part = Part::default();
                    part.push(member, ticket);
                    parts.push((place, part));
                }
            }
        }
        parts.into_iter().map(|(place, part)| (place, part.parcel(&self))).collect()
    }

    fn is_container(&self) -> bool {
        match &self.content {
            Content::Members(container) => !container.goes_alone(),
            Content::Record { is_container, .. } => *is_container,
        }
    }

    fn put_together(&mut self) {
        put_together(&mut [self]);
    }

    /// The members that are not yet put together, if they are not.
    fn take_members(&mut self) -> Option<Container> {
        match &mut self.content {
            Content::Members(container) => Some(std::mem::take(&mut **container)),
            Content::Record { .. } => None,
        }
    }
}

/// Makes records of those that are still members.
fn put_together(parcels: &mut [&mut Parcel]) {
    let members = parcels.iter_mut().filter_map(|parcel| {
        let container = parcel.take_members()?;
        let is_container = !container.goes_alone();
        Some(((&mut parcel.content, is_container), container))
    });
    let (places, containers): (Vec<_>, Vec<_>) = members.unzip();
    for ((content, is_container), record) in places.into_iter().zip(Container::finish_all(containers)) {
        if let Some(record) = record {
            *content = Content::Record { record, is_container };
        }
    }
}

/// Some members of a parcel that is taken apart.
#[derive(Default)]
struct Part {
    container: Container,
    tickets: Vec<Ticket>,
    charge: Charge,
}

impl Part {
    fn push(&mut self, member: &UserRecord, ticket: Ticket) {
        let tags: Vec<_> = member.tags.iter().collect();
        let member = MemberRef {
            partition_key: &member.partition_key,
            explicit_hash_key: explicit_hash_key_of(member),
            data: &member.data,
            tags: &tags,
        };
        self.charge += charge_of(&member);
        // All of them together were no larger than a record may be.
        self.container.try_push(member, usize::MAX);
        self.tickets.push(ticket);
    }

    fn parcel(self, of: &Parcel) -> Parcel {
        Parcel {
            size: self.container.size(),
            content: Content::Members(Box::new(self.container)),
            owners: Owners::Apart(self.tickets),
            charge: self.charge,
            attempts: of.attempts.clone(),
            ..*of
        }
    }
}

/// What a member takes of the budget, while it is in a container or waits for it.
pub(crate) fn charge_of(member: &MemberRef<'_>) -> Charge {
    let tag_bytes = |tag: &Tag| tag.key.len() + tag.value.as_ref().map_or(0, |value| value.len());
    let tags: usize = member.tags.iter().map(tag_bytes).sum();
    Charge { records: 1, bytes: member.partition_key.len() + member.data.len() + tags }
}

fn hash_key_of(record: &NewRecord) -> HashKey {
    record.explicit_hash_key.unwrap_or_else(|| HashKey::of_partition_key(&record.partition_key))
}

fn hash_key_of_member(member: &UserRecord) -> HashKey {
    explicit_hash_key_of(member).unwrap_or_else(|| HashKey::of_partition_key(&*member.partition_key))
}

fn explicit_hash_key_of(member: &UserRecord) -> Option<HashKey> {
    member.explicit_hash_key.as_ref()?.parse().ok()
}

/// The members of a container that was made here, so that all of them can be read.
fn members_of(record: &NewRecord) -> impl Iterator<Item = UserRecord> {
    // Nobody sees the number.
    let number = "0".parse::<SequenceNumber>().ok();
    let record = number.map(|sequence_number| Record {
        sequence_number,
        approximate_arrival: Timestamp::from_millis(0),
        partition_key: record.partition_key.clone(),
        data: record.data.clone(),
    });
    record.into_iter().flat_map(|record| Deaggregation::default().take_apart(record)).flatten()
}

#[cfg(test)]
mod tests;
