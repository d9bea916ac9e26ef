//! What a table's row is made of that tables and indexes have alike.

use millstream_model::{Span, Timestamp};
use prost::Message;

use super::{AttributeRow, attribute, attribute_row};
use crate::index::{GlobalIndex, Index, IndexPhase, IndexProjection};
use crate::key::{KeyElement, KeySchema};
use crate::meta::{OnDemandThroughput, Phase, Throughput, Units};

#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::keyspace) struct KeysRow {
    #[prost(message, optional, tag = "1")]
    hash: Option<AttributeRow>,
    #[prost(message, optional, tag = "2")]
    range: Option<AttributeRow>,
    /// Of global indexes with several.
    #[prost(message, repeated, tag = "3")]
    more_hash: Vec<AttributeRow>,
    #[prost(message, repeated, tag = "4")]
    more_range: Vec<AttributeRow>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct IndexRow {
    #[prost(uint32, tag = "1")]
    uid: u32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, optional, tag = "3")]
    keys: Option<KeysRow>,
    /// 0 all, 1 keys only, 2 what is included.
    #[prost(uint32, tag = "4")]
    projection: u32,
    #[prost(string, repeated, tag = "5")]
    included: Vec<String>,
    /// Of global indexes alone, as all that follows.
    #[prost(message, optional, tag = "6")]
    phase: Option<PhaseRow>,
    #[prost(message, optional, tag = "7")]
    throughput: Option<ThroughputRow>,
    #[prost(message, optional, tag = "8")]
    limits: Option<OnDemandRow>,
    #[prost(message, optional, tag = "9")]
    warm: Option<UnitsRow>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct UnitsRow {
    #[prost(uint64, tag = "1")]
    read: u64,
    #[prost(uint64, tag = "2")]
    write: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct OnDemandRow {
    #[prost(uint64, optional, tag = "1")]
    read_max: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    write_max: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct ThroughputRow {
    #[prost(message, optional, tag = "1")]
    units: Option<UnitsRow>,
    #[prost(uint64, optional, tag = "2")]
    increased_millis: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    decreased_millis: Option<u64>,
    #[prost(uint32, tag = "4")]
    decreases: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct PhaseRow {
    /// 0 steady, 1 creating or enabling, 2 updating, 3 filling, 4 deleting or disabling.
    #[prost(uint32, tag = "1")]
    pub(super) kind: u32,
    #[prost(uint64, tag = "2")]
    pub(super) since_millis: u64,
    #[prost(uint64, tag = "3")]
    pub(super) until_millis: u64,
}

impl PhaseRow {
    pub(super) fn steady() -> Self {
        Self::default()
    }

    pub(super) fn lasting(kind: u32, span: Span) -> Self {
        Self { kind, since_millis: span.since.as_millis(), until_millis: span.until.as_millis() }
    }

    pub(super) fn span(self) -> Span {
        Span {
            since: Timestamp::from_millis(self.since_millis),
            until: Timestamp::from_millis(self.until_millis),
        }
    }

    pub(super) fn table(self) -> Option<Phase> {
        Some(match self.kind {
            0 => Phase::Steady,
            1 => Phase::Creating(self.span()),
            2 => Phase::Updating(self.span()),
            4 => Phase::Deleting(self.span()),
            _ => return None,
        })
    }

    fn index(self) -> Option<IndexPhase> {
        Some(match self.kind {
            0 => IndexPhase::Steady,
            1 => IndexPhase::Creating(self.span()),
            2 => IndexPhase::Updating(self.span()),
            3 => IndexPhase::Filling(self.span()),
            4 => IndexPhase::Deleting(self.span()),
            _ => return None,
        })
    }
}

impl From<Phase> for PhaseRow {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Steady => Self::steady(),
            Phase::Creating(span) => Self::lasting(1, span),
            Phase::Updating(span) => Self::lasting(2, span),
            Phase::Deleting(span) => Self::lasting(4, span),
        }
    }
}

impl From<IndexPhase> for PhaseRow {
    fn from(phase: IndexPhase) -> Self {
        match phase {
            IndexPhase::Steady => Self::steady(),
            IndexPhase::Creating(span) => Self::lasting(1, span),
            IndexPhase::Updating(span) => Self::lasting(2, span),
            IndexPhase::Filling(span) => Self::lasting(3, span),
            IndexPhase::Deleting(span) => Self::lasting(4, span),
        }
    }
}

impl KeysRow {
    pub(in crate::keyspace) fn of(keys: &KeySchema) -> Self {
        let rows = |elements: &[KeyElement]| elements.iter().skip(1).map(attribute_row).collect();
        Self {
            hash: keys.hash.first().map(attribute_row),
            range: keys.range.first().map(attribute_row),
            more_hash: rows(&keys.hash),
            more_range: rows(&keys.range),
        }
    }

    pub(in crate::keyspace) fn schema(self) -> Option<KeySchema> {
        let all = |first: Option<AttributeRow>, more: Vec<AttributeRow>| {
            first.into_iter().chain(more).map(attribute).collect::<Option<Vec<_>>>()
        };
        let (hash, range) = (all(self.hash, self.more_hash)?, all(self.range, self.more_range)?);
        (!hash.is_empty()).then_some(KeySchema { hash, range })
    }
}

impl IndexRow {
    pub(super) fn of(index: &Index) -> Self {
        let (projection, included) = match &index.projection {
            IndexProjection::All => (0, Vec::new()),
            IndexProjection::KeysOnly => (1, Vec::new()),
            IndexProjection::Include(names) => (2, names.clone()),
        };
        Self {
            uid: index.uid,
            name: index.name.clone(),
            keys: Some(KeysRow::of(&index.keys)),
            projection,
            included,
            ..Self::default()
        }
    }

    pub(super) fn of_global(global: &GlobalIndex) -> Self {
        Self {
            phase: Some(global.phase.into()),
            throughput: Some(global.throughput.into()),
            limits: Some(global.limits.into()),
            warm: global.warm.map(Into::into),
            ..Self::of(&global.index)
        }
    }

    pub(super) fn index(self) -> Option<Index> {
        let projection = match self.projection {
            0 => IndexProjection::All,
            1 => IndexProjection::KeysOnly,
            2 => IndexProjection::Include(self.included),
            _ => return None,
        };
        Some(Index { uid: self.uid, name: self.name, keys: self.keys?.schema()?, projection })
    }

    pub(super) fn global(self) -> Option<GlobalIndex> {
        Some(GlobalIndex {
            throughput: self.throughput?.into(),
            limits: self.limits?.into(),
            warm: self.warm.map(Into::into),
            phase: self.phase?.index()?,
            index: self.index()?,
        })
    }
}

impl From<Units> for UnitsRow {
    fn from(Units { read, write }: Units) -> Self {
        Self { read, write }
    }
}

impl From<UnitsRow> for Units {
    fn from(UnitsRow { read, write }: UnitsRow) -> Self {
        Self { read, write }
    }
}

impl From<OnDemandThroughput> for OnDemandRow {
    fn from(OnDemandThroughput { read_max, write_max }: OnDemandThroughput) -> Self {
        Self { read_max, write_max }
    }
}

impl From<OnDemandRow> for OnDemandThroughput {
    fn from(OnDemandRow { read_max, write_max }: OnDemandRow) -> Self {
        Self { read_max, write_max }
    }
}

impl From<Throughput> for ThroughputRow {
    fn from(throughput: Throughput) -> Self {
        Self {
            units: Some(throughput.units.into()),
            increased_millis: millis(throughput.increased),
            decreased_millis: millis(throughput.decreased),
            decreases: throughput.decreases,
        }
    }
}

impl From<ThroughputRow> for Throughput {
    fn from(row: ThroughputRow) -> Self {
        Self {
            units: row.units.unwrap_or_default().into(),
            increased: time(row.increased_millis),
            decreased: time(row.decreased_millis),
            decreases: row.decreases,
        }
    }
}

pub(super) fn millis(time: Option<Timestamp>) -> Option<u64> {
    time.map(Timestamp::as_millis)
}

pub(super) fn time(millis: Option<u64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}
