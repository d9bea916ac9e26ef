//! What is persisted of a table, which is all that DescribeTable tells but for counts.
//!
//! A phase such as CREATING ends by the clock: whoever looks asks with the present time. Only what takes work,
//! such as filling an index, is ended by whoever does the work.

use std::collections::BTreeMap;
use std::time::Duration;

use millstream_model::{Span, Timestamp};

use crate::index::{GlobalIndex, Index};
use crate::key::{KeyElement, KeySchema};
use crate::keyspace::{IndexUid, TableUid};
use crate::stream::RETENTION;

/// The state of a table or of an index, as DynamoDB shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl Status {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

/// What a table is doing, as it is persisted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Steady,
    Creating(Span),
    Updating(Span),
    /// Gone at its end.
    Deleting(Span),
}

impl Phase {
    /// `None` once a deletion is over.
    pub(crate) fn status(self, now: Timestamp) -> Option<Status> {
        match self {
            Self::Creating(span) if span.is_on(now) => Some(Status::Creating),
            Self::Updating(span) if span.is_on(now) => Some(Status::Updating),
            Self::Deleting(span) if span.is_on(now) => Some(Status::Deleting),
            Self::Deleting(_) => None,
            Self::Steady | Self::Creating(_) | Self::Updating(_) => Some(Status::Active),
        }
    }
}

/// What is known of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableMeta {
    pub(crate) uid: TableUid,
    pub(crate) phase: Phase,
    /// Never given twice; to indexes, and to what says when items expire.
    pub(crate) next_index_uid: IndexUid,
    /// A UUID: tells a table from an earlier one of the same name.
    pub id: String,
    pub created: Timestamp,
    /// In the order in which they were given.
    pub attributes: Vec<KeyElement>,
    pub keys: KeySchema,
    pub local_indexes: Vec<Index>,
    pub global_indexes: Vec<GlobalIndex>,
    pub billing: BillingMode,
    /// When the table went over to PAY_PER_REQUEST last.
    pub on_demand_since: Option<Timestamp>,
    pub throughput: Throughput,
    pub limits: OnDemandThroughput,
    /// What was asked for; absent, what the billing mode gives.
    pub warm: Option<Units>,
    /// The newest last. Earlier ones stay until the last of their records expires.
    pub streams: Vec<TableStream>,
    pub tags: BTreeMap<String, String>,
    pub deletion_protection: bool,
    pub recovery: Option<PointInTimeRecovery>,
    pub expiry: Option<TimeToLive>,
    /// Absent if the table never had a class given.
    pub class: Option<TableClass>,
    pub class_changed: Option<Timestamp>,
    pub encryption: Option<ServerSideEncryption>,
    pub policy: Option<Policy>,
    pub destinations: Vec<KinesisDestination>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BillingMode {
    #[default]
    Provisioned,
    PayPerRequest,
}

/// Read and write units a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Units {
    pub read: u64,
    pub write: u64,
}

/// What a table or an index was given; no units if it pays per request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throughput {
    pub units: Units,
    pub increased: Option<Timestamp>,
    pub decreased: Option<Timestamp>,
    /// The decreases on the UTC day of the last one.
    pub(crate) decreases: u32,
}

impl Throughput {
    pub(crate) fn of(units: Units) -> Self {
        Self { units, ..Self::default() }
    }

    pub fn decreases_today(&self, now: Timestamp) -> u32 {
        let day = |time: Timestamp| time.as_secs() / DAY_SECONDS;
        match self.decreased {
            Some(decreased) if day(decreased) == day(now) => self.decreases,
            _ => 0,
        }
    }
}

const DAY_SECONDS: u64 = 24 * 3600;

/// The most that a table or an index that pays per request takes in a second, at least 1; absent, there is no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnDemandThroughput {
    pub read_max: Option<u64>,
    pub write_max: Option<u64>,
}

/// A stream of a table's changes. Each time that streams are switched on there is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableStream {
    /// Which of the table's streams, from 0 on.
    pub(crate) number: u32,
    pub view: StreamView,
    /// Not the same for two streams of a table.
    pub created: Timestamp,
    pub disabled: Option<Timestamp>,
}

impl TableStream {
    /// `LatestStreamLabel`: the time at which the stream was made, as in `2024-11-18T14:36:44.149`.
    pub fn label(&self) -> String {
        let millis = i64::try_from(self.created.as_millis()).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
        time.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string()
    }

    /// Ended so long ago that nothing is left in it: all its changes are as old as its end, at least.
    pub(crate) fn is_forgotten(&self, now: Timestamp) -> bool {
        self.disabled.is_some_and(|disabled| u128::from(now.millis_since(disabled)) > RETENTION.as_millis())
    }
}

/// What the records of a stream show besides the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamView {
    KeysOnly,
    NewImage,
    OldImage,
    NewAndOldImages,
}

impl StreamView {
    pub(crate) fn shows_old(self) -> bool {
        matches!(self, Self::OldImage | Self::NewAndOldImages)
    }

    pub(crate) fn shows_new(self) -> bool {
        matches!(self, Self::NewImage | Self::NewAndOldImages)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointInTimeRecovery {
    pub since: Timestamp,
    /// 1 to 35.
    pub days: u32,
}

/// Which attribute says when an item expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToLive {
    pub(crate) uid: IndexUid,
    pub attribute: String,
    pub(crate) phase: ExpiryPhase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpiryPhase {
    /// Items that were there before are being looked at.
    Enabling,
    Enabled,
    /// Nothing expires any more.
    Disabling(Span),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryStatus {
    Enabling,
    Enabled,
    Disabling,
    Disabled,
}

impl TimeToLive {
    pub fn status(&self, now: Timestamp) -> ExpiryStatus {
        match self.phase {
            ExpiryPhase::Enabling => ExpiryStatus::Enabling,
            ExpiryPhase::Enabled => ExpiryStatus::Enabled,
            ExpiryPhase::Disabling(span) if span.is_on(now) => ExpiryStatus::Disabling,
            ExpiryPhase::Disabling(_) => ExpiryStatus::Disabled,
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        !matches!(self.phase, ExpiryPhase::Disabling(_))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableClass {
    #[default]
    Standard,
    StandardInfrequentAccess,
}

/// Encryption with a key of one's own. What is stored is the same in either case; the choice is kept and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSideEncryption {
    /// Absent for AWS's own key.
    pub key: Option<String>,
}

/// Who else may do what with the table, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub text: String,
    pub revision: String,
}

/// A Kinesis stream that gets the table's changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KinesisDestination {
    pub stream_arn: String,
    pub precision: Precision,
    pub(crate) phase: DestinationPhase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    #[default]
    Millisecond,
    Microsecond,
}

impl Precision {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Millisecond => "MILLISECOND",
            Self::Microsecond => "MICROSECOND",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DestinationPhase {
    Active,
    Enabling(Span),
    Updating(Span),
    Disabling(Span),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationStatus {
    Enabling,
    Active,
    Updating,
    Disabling,
    Disabled,
}

impl KinesisDestination {
    pub fn status(&self, now: Timestamp) -> DestinationStatus {
        match self.phase {
            DestinationPhase::Enabling(span) if span.is_on(now) => DestinationStatus::Enabling,
            DestinationPhase::Updating(span) if span.is_on(now) => DestinationStatus::Updating,
            DestinationPhase::Disabling(span) if span.is_on(now) => DestinationStatus::Disabling,
            DestinationPhase::Disabling(_) => DestinationStatus::Disabled,
            _ => DestinationStatus::Active,
        }
    }

    /// Whether changes that happen are for it.
    pub(crate) fn is_fed(&self) -> bool {
        !matches!(self.phase, DestinationPhase::Disabling(_))
    }
}

impl TableMeta {
    /// `None` once a deletion is over: the table is gone.
    pub fn status(&self, now: Timestamp) -> Option<Status> {
        self.phase.status(now)
    }

    /// A change was made, which shows as UPDATING for so long.
    pub(crate) fn begin_update(&mut self, now: Timestamp, delay: Duration) {
        if let Some(span) = Span::starting(now, delay) {
            self.phase = Phase::Updating(span);
        }
    }

    pub(crate) fn take_index_uid(&mut self) -> IndexUid {
        let uid = self.next_index_uid;
        self.next_index_uid += 1;
        uid
    }

    /// The stream that gets changes, if streams are switched on.
    pub fn stream(&self) -> Option<&TableStream> {
        self.streams.last().filter(|stream| stream.disabled.is_none())
    }

    /// Begins another stream. Its label is none that a stream of this name had, even if the clock stands still;
    /// `last_orphan` is when the last one was made that a deleted table has left.
    pub(crate) fn begin_stream(&mut self, view: StreamView, now: Timestamp, last_orphan: Option<Timestamp>) {
        let last = self.streams.last();
        let number = last.map_or(0, |stream| stream.number + 1);
        let before = last.map(|stream| stream.created).max(last_orphan);
        let created = before.map_or(now, |before| now.max(before.plus(Duration::from_millis(1))));
        self.streams.push(TableStream { number, view, created, disabled: None });
    }

    /// Ends the stream that gets changes, if there is one. Nobody writes items meanwhile, nor has begun to.
    pub(crate) fn end_stream(&mut self, now: Timestamp) {
        if let Some(stream) = self.streams.last_mut() {
            stream.disabled.get_or_insert(now);
        }
    }

    /// The index of this name, whichever kind it is.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes().find(|index| index.name == name)
    }

    pub fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.local_indexes.iter().chain(self.global_indexes.iter().map(|global| &global.index))
    }

    pub fn global_index(&self, name: &str) -> Option<&GlobalIndex> {
        self.global_indexes.iter().find(|global| global.index.name == name)
    }

    /// Whether items with the same hash key are an item collection, whose size is limited.
    pub(crate) fn has_collections(&self) -> bool {
        !self.local_indexes.is_empty()
    }

    pub(crate) fn is_fed_to_kinesis(&self) -> bool {
        self.destinations.iter().any(KinesisDestination::is_fed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_labelled_with_its_beginning() {
        let created = Timestamp::from_millis(1_700_000_000_100);
        let stream = TableStream { number: 0, view: StreamView::KeysOnly, created, disabled: None };
        assert_eq!(stream.label(), "2023-11-14T22:13:20.100");
    }

    #[test]
    fn decreases_count_within_a_utc_day() {
        let at = |hours: u64| Timestamp::from_millis(hours * 3_600_000);
        let throughput = Throughput { decreased: Some(at(23)), decreases: 3, ..Throughput::default() };
        assert_eq!(throughput.decreases_today(at(20)), 3);
        assert_eq!(throughput.decreases_today(at(24)), 0);
        assert_eq!(Throughput::default().decreases_today(at(0)), 0);
    }
}
