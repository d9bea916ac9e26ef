//! Schemas, throughput and settings of tables as requests give them.

use millstream_table::{
    BillingMode as Billing, EncryptionSpec, GlobalIndexSpec, IndexSpec, KeyElement, KeyPart,
    KeySchemaElement as KeyPartOf, KeyType as Kind, OnDemandThroughput as Limits,
    ProjectionType as Projected, StreamSpec, StreamView, TableClass as Class, Units,
};

use super::parameters::texts;
use super::{Answer, validation};
use crate::aws::dynamodb::generated::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, LocalSecondaryIndex,
    OnDemandThroughput, Projection, ProjectionType, ProvisionedThroughput, SSESpecification,
    ScalarAttributeType, SseType, StreamSpecification, StreamViewType, TableClass, WarmThroughput,
};

pub(super) fn attributes(wire: Option<Vec<AttributeDefinition>>) -> Vec<KeyElement> {
    let attribute = |wire: AttributeDefinition| {
        let kind = match wire.attribute_type {
            ScalarAttributeType::S => Kind::S,
            ScalarAttributeType::N => Kind::N,
            ScalarAttributeType::B => Kind::B,
        };
        KeyElement { name: wire.attribute_name.into(), kind }
    };
    wire.into_iter().flatten().map(attribute).collect()
}

pub(super) fn keys(wire: Vec<KeySchemaElement>) -> Vec<KeyPartOf> {
    let key = |wire: KeySchemaElement| {
        let part = match wire.key_type {
            KeyType::Hash => KeyPart::Hash,
            KeyType::Range => KeyPart::Range,
        };
        KeyPartOf { name: wire.attribute_name.into(), part }
    };
    wire.into_iter().map(key).collect()
}

pub(super) fn local_index(wire: LocalSecondaryIndex) -> IndexSpec {
    index(wire.index_name.into(), wire.key_schema, wire.projection)
}

pub(super) fn global_index(wire: GlobalSecondaryIndex) -> GlobalIndexSpec {
    GlobalIndexSpec {
        index: index(wire.index_name.into(), wire.key_schema, wire.projection),
        throughput: wire.provisioned_throughput.as_ref().map(units),
        limits: limits(wire.on_demand_throughput.as_ref()),
        warm: wire.warm_throughput.as_ref().map(warm),
    }
}

pub(super) fn index(name: String, key_schema: Vec<KeySchemaElement>, projection: Projection) -> IndexSpec {
    let kind = projection.projection_type.map(|kind| match kind {
        ProjectionType::All => Projected::All,
        ProjectionType::KeysOnly => Projected::KeysOnly,
        ProjectionType::Include => Projected::Include,
    });
    let non_key_attributes = projection.non_key_attributes.map(texts);
    IndexSpec { name, keys: keys(key_schema), projection: kind, non_key_attributes }
}

pub(super) fn units(wire: &ProvisionedThroughput) -> Units {
    Units { read: count(wire.read_capacity_units), write: count(wire.write_capacity_units) }
}

pub(super) fn warm(wire: &WarmThroughput) -> Units {
    let of = |units: Option<i64>| units.map_or(0, count);
    Units { read: of(wire.read_units_per_second), write: of(wire.write_units_per_second) }
}

/// A limit of -1 is none; of anything else below 1 no table can be.
pub(super) fn limits(wire: Option<&OnDemandThroughput>) -> Limits {
    let of = |units: Option<i64>| units.filter(|units| *units != -1).map(count);
    wire.map_or_else(Limits::default, |wire| Limits {
        read_max: of(wire.max_read_request_units),
        write_max: of(wire.max_write_request_units),
    })
}

pub(super) fn billing(wire: BillingMode) -> Billing {
    match wire {
        BillingMode::Provisioned => Billing::Provisioned,
        BillingMode::PayPerRequest => Billing::PayPerRequest,
    }
}

pub(super) fn class(wire: TableClass) -> Class {
    match wire {
        TableClass::Standard => Class::Standard,
        TableClass::StandardInfrequentAccess => Class::StandardInfrequentAccess,
    }
}

pub(super) fn stream(wire: &StreamSpecification) -> StreamSpec {
    let view = wire.stream_view_type.map(|view| match view {
        StreamViewType::KeysOnly => StreamView::KeysOnly,
        StreamViewType::NewImage => StreamView::NewImage,
        StreamViewType::OldImage => StreamView::OldImage,
        StreamViewType::NewAndOldImages => StreamView::NewAndOldImages,
    });
    StreamSpec { enabled: wire.stream_enabled, view }
}

pub(super) fn encryption(wire: SSESpecification) -> Answer<EncryptionSpec> {
    let enabled = wire.enabled.unwrap_or_default();
    if enabled && wire.sse_type == Some(SseType::Aes256) {
        return Err(validation("One or more parameter values were invalid: SSEType AES256 is not supported"));
    }
    Ok(EncryptionSpec { enabled, key: wire.kms_master_key_id.map(Into::into) })
}

/// What is below zero is refused as zero is, by the model's ranges or by the tables.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
