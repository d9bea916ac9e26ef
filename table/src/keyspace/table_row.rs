//! `21 ‖ account ‖ 0 ‖ region ‖ 0 ‖ name` → a table.

use std::collections::BTreeMap;

use bytes::Bytes;
use millstream_model::Timestamp;
use millstream_storage::KeyRange;
use prost::Message;

use super::{TABLE, corrupt, owned_key};
use crate::Result;
use crate::arn::TableArn;
use crate::index::{GlobalIndex, Index};
use crate::key::{KeyElement, KeyType};
use crate::meta::{
    BillingMode, DestinationPhase, ExpiryPhase, KinesisDestination, OnDemandThroughput, PointInTimeRecovery,
    Policy, Precision, ServerSideEncryption, StreamView, TableClass, TableMeta, TableStream, TimeToLive,
};

mod parts;

pub(super) use parts::KeysRow;
use parts::{IndexRow, OnDemandRow, PhaseRow, ThroughputRow, UnitsRow, millis, time};

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(uint32, tag = "1")]
    uid: u32,
    #[prost(string, tag = "2")]
    id: String,
    #[prost(uint64, tag = "3")]
    created_millis: u64,
    #[prost(message, optional, tag = "4")]
    phase: Option<PhaseRow>,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<AttributeRow>,
    #[prost(message, optional, tag = "6")]
    keys: Option<KeysRow>,
    #[prost(message, repeated, tag = "7")]
    local_indexes: Vec<IndexRow>,
    #[prost(message, repeated, tag = "8")]
    global_indexes: Vec<IndexRow>,
    #[prost(uint32, tag = "9")]
    next_index_uid: u32,
    #[prost(bool, tag = "10")]
    pays_per_request: bool,
    #[prost(uint64, optional, tag = "11")]
    on_demand_since_millis: Option<u64>,
    #[prost(message, optional, tag = "12")]
    throughput: Option<ThroughputRow>,
    #[prost(message, optional, tag = "13")]
    limits: Option<OnDemandRow>,
    #[prost(message, optional, tag = "14")]
    warm: Option<UnitsRow>,
    #[prost(message, repeated, tag = "15")]
    streams: Vec<StreamRow>,
    #[prost(btree_map = "string, string", tag = "16")]
    tags: BTreeMap<String, String>,
    #[prost(bool, tag = "17")]
    deletion_protection: bool,
    #[prost(message, optional, tag = "18")]
    recovery: Option<RecoveryRow>,
    #[prost(message, optional, tag = "19")]
    expiry: Option<ExpiryRow>,
    /// 0 never given, 1 standard, 2 infrequent access.
    #[prost(uint32, tag = "20")]
    class: u32,
    #[prost(uint64, optional, tag = "21")]
    class_changed_millis: Option<u64>,
    #[prost(message, optional, tag = "22")]
    encryption: Option<EncryptionRow>,
    #[prost(message, optional, tag = "23")]
    policy: Option<PolicyRow>,
    #[prost(message, repeated, tag = "24")]
    destinations: Vec<DestinationRow>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct AttributeRow {
    #[prost(string, tag = "1")]
    name: String,
    /// 1 S, 2 N, 3 B.
    #[prost(uint32, tag = "2")]
    kind: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct StreamRow {
    #[prost(uint32, tag = "1")]
    number: u32,
    /// 0 keys only, 1 new, 2 old, 3 both.
    #[prost(uint32, tag = "2")]
    view: u32,
    #[prost(uint64, tag = "3")]
    created_millis: u64,
    #[prost(uint64, optional, tag = "4")]
    disabled_millis: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct RecoveryRow {
    #[prost(uint64, tag = "1")]
    since_millis: u64,
    #[prost(uint32, tag = "2")]
    days: u32,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct ExpiryRow {
    #[prost(uint32, tag = "1")]
    uid: u32,
    #[prost(string, tag = "2")]
    attribute: String,
    /// 0 enabled, 1 enabling, 4 disabling.
    #[prost(message, optional, tag = "3")]
    phase: Option<PhaseRow>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct EncryptionRow {
    #[prost(string, optional, tag = "1")]
    key: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct PolicyRow {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(string, tag = "2")]
    revision: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct DestinationRow {
    #[prost(string, tag = "1")]
    stream_arn: String,
    #[prost(bool, tag = "2")]
    microseconds: bool,
    #[prost(message, optional, tag = "3")]
    phase: Option<PhaseRow>,
}

pub(crate) fn table_key(arn: &TableArn) -> Bytes {
    owned_key(TABLE, arn.account.as_str(), arn.region.as_str(), arn.name.as_str())
}

pub(crate) fn all() -> KeyRange {
    KeyRange::prefix(&[TABLE])
}

pub(crate) fn encode(meta: &TableMeta) -> Bytes {
    let row = Row {
        uid: meta.uid,
        id: meta.id.clone(),
        created_millis: meta.created.as_millis(),
        phase: Some(meta.phase.into()),
        attributes: meta.attributes.iter().map(attribute_row).collect(),
        keys: Some(KeysRow::of(&meta.keys)),
        local_indexes: meta.local_indexes.iter().map(IndexRow::of).collect(),
        global_indexes: meta.global_indexes.iter().map(IndexRow::of_global).collect(),
        next_index_uid: meta.next_index_uid,
        pays_per_request: meta.billing == BillingMode::PayPerRequest,
        on_demand_since_millis: millis(meta.on_demand_since),
        throughput: Some(meta.throughput.into()),
        limits: Some(meta.limits.into()),
        warm: meta.warm.map(Into::into),
        streams: meta.streams.iter().map(StreamRow::of).collect(),
        tags: meta.tags.clone(),
        deletion_protection: meta.deletion_protection,
        recovery: meta
            .recovery
            .map(|recovery| RecoveryRow { since_millis: recovery.since.as_millis(), days: recovery.days }),
        expiry: meta.expiry.as_ref().map(expiry_row),
        class: match meta.class {
            None => 0,
            Some(TableClass::Standard) => 1,
            Some(TableClass::StandardInfrequentAccess) => 2,
        },
        class_changed_millis: millis(meta.class_changed),
        encryption: meta.encryption.as_ref().map(|choice| EncryptionRow { key: choice.key.clone() }),
        policy: meta
            .policy
            .as_ref()
            .map(|policy| PolicyRow { text: policy.text.clone(), revision: policy.revision.clone() }),
        destinations: meta.destinations.iter().map(destination_row).collect(),
    };
    row.encode_to_vec().into()
}

pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<(TableArn, TableMeta)> {
    try_decode(key, row).ok_or_else(|| corrupt("a table's row", key))
}

fn try_decode(key: &[u8], row: &[u8]) -> Option<(TableArn, TableMeta)> {
    let mut parts = key.get(1..)?.split(|byte| *byte == 0).map(std::str::from_utf8);
    let mut next = || parts.next()?.ok();
    let arn = TableArn {
        account: next()?.parse().ok()?,
        region: next()?.parse().ok()?,
        name: next()?.parse().ok()?,
    };
    Some((arn, meta_of(Row::decode(row).ok()?)?))
}

fn meta_of(row: Row) -> Option<TableMeta> {
    Some(TableMeta {
        uid: row.uid,
        phase: row.phase?.table()?,
        next_index_uid: row.next_index_uid,
        id: row.id,
        created: Timestamp::from_millis(row.created_millis),
        attributes: row.attributes.into_iter().map(attribute).collect::<Option<_>>()?,
        keys: row.keys?.schema()?,
        local_indexes: row.local_indexes.into_iter().map(IndexRow::index).collect::<Option<Vec<Index>>>()?,
        global_indexes: row
            .global_indexes
            .into_iter()
            .map(IndexRow::global)
            .collect::<Option<Vec<GlobalIndex>>>()?,
        billing: if row.pays_per_request { BillingMode::PayPerRequest } else { BillingMode::Provisioned },
        on_demand_since: time(row.on_demand_since_millis),
        throughput: row.throughput?.into(),
        limits: row.limits.map_or(OnDemandThroughput::default(), Into::into),
        warm: row.warm.map(Into::into),
        streams: row.streams.into_iter().map(StreamRow::stream).collect::<Option<_>>()?,
        tags: row.tags,
        deletion_protection: row.deletion_protection,
        recovery: row.recovery.map(|recovery| PointInTimeRecovery {
            since: Timestamp::from_millis(recovery.since_millis),
            days: recovery.days,
        }),
        expiry: row.expiry.map_or(Some(None), |expiry| time_to_live(expiry).map(Some))?,
        class: match row.class {
            0 => None,
            1 => Some(TableClass::Standard),
            2 => Some(TableClass::StandardInfrequentAccess),
            _ => return None,
        },
        class_changed: time(row.class_changed_millis),
        encryption: row.encryption.map(|choice| ServerSideEncryption { key: choice.key }),
        policy: row.policy.map(|policy| Policy { text: policy.text, revision: policy.revision }),
        destinations: row.destinations.into_iter().map(destination).collect::<Option<_>>()?,
    })
}

fn attribute_row(element: &KeyElement) -> AttributeRow {
    let kind = match element.kind {
        KeyType::S => 1,
        KeyType::N => 2,
        KeyType::B => 3,
    };
    AttributeRow { name: element.name.clone(), kind }
}

fn attribute(row: AttributeRow) -> Option<KeyElement> {
    let kind = match row.kind {
        1 => KeyType::S,
        2 => KeyType::N,
        3 => KeyType::B,
        _ => return None,
    };
    Some(KeyElement { name: row.name, kind })
}

impl StreamRow {
    pub(super) fn of(stream: &TableStream) -> Self {
        Self {
            number: stream.number,
            view: match stream.view {
                StreamView::KeysOnly => 0,
                StreamView::NewImage => 1,
                StreamView::OldImage => 2,
                StreamView::NewAndOldImages => 3,
            },
            created_millis: stream.created.as_millis(),
            disabled_millis: millis(stream.disabled),
        }
    }

    pub(super) fn stream(self) -> Option<TableStream> {
        let views =
            [StreamView::KeysOnly, StreamView::NewImage, StreamView::OldImage, StreamView::NewAndOldImages];
        Some(TableStream {
            number: self.number,
            view: *views.get(self.view as usize)?,
            created: Timestamp::from_millis(self.created_millis),
            disabled: time(self.disabled_millis),
        })
    }
}

fn expiry_row(expiry: &TimeToLive) -> ExpiryRow {
    let phase = match expiry.phase {
        ExpiryPhase::Enabled => PhaseRow::steady(),
        ExpiryPhase::Enabling => PhaseRow { kind: 1, ..PhaseRow::steady() },
        ExpiryPhase::Disabling(span) => PhaseRow::lasting(4, span),
    };
    ExpiryRow { uid: expiry.uid, attribute: expiry.attribute.clone(), phase: Some(phase) }
}

fn time_to_live(row: ExpiryRow) -> Option<TimeToLive> {
    let phase = row.phase?;
    let phase = match phase.kind {
        0 => ExpiryPhase::Enabled,
        1 => ExpiryPhase::Enabling,
        4 => ExpiryPhase::Disabling(phase.span()),
        _ => return None,
    };
    Some(TimeToLive { uid: row.uid, attribute: row.attribute, phase })
}

fn destination_row(destination: &KinesisDestination) -> DestinationRow {
    let phase = match destination.phase {
        DestinationPhase::Active => PhaseRow::steady(),
        DestinationPhase::Enabling(span) => PhaseRow::lasting(1, span),
        DestinationPhase::Updating(span) => PhaseRow::lasting(2, span),
        DestinationPhase::Disabling(span) => PhaseRow::lasting(4, span),
    };
    DestinationRow {
        stream_arn: destination.stream_arn.clone(),
        microseconds: destination.precision == Precision::Microsecond,
        phase: Some(phase),
    }
}

fn destination(row: DestinationRow) -> Option<KinesisDestination> {
    let phase = row.phase?;
    let phase = match phase.kind {
        0 => DestinationPhase::Active,
        1 => DestinationPhase::Enabling(phase.span()),
        2 => DestinationPhase::Updating(phase.span()),
        4 => DestinationPhase::Disabling(phase.span()),
        _ => return None,
    };
    let precision = if row.microseconds { Precision::Microsecond } else { Precision::Millisecond };
    Some(KinesisDestination { stream_arn: row.stream_arn, precision, phase })
}

#[cfg(test)]
mod tests;
