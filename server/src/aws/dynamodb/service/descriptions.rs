//! Tables as answers describe them.

use millstream_model::{HashKey, Timestamp};
use millstream_runtime::entropy::uuid_of;
use millstream_table::{
    BillingMode as Billing, GlobalIndex, Index, IndexProjection, KeyElement, KeySchema, KeyType as Kind,
    OnDemandThroughput as Limits, Status, StreamView, TableArn, TableClass as Class,
    TableDescription as Described, Throughput, Units,
};

use crate::aws::dynamodb::generated::{
    AttributeDefinition, BillingMode, BillingModeSummary, GlobalSecondaryIndexDescription,
    GlobalSecondaryIndexWarmThroughputDescription, IndexStatus, KeySchemaElement, KeyType,
    LocalSecondaryIndexDescription, OnDemandThroughput, Projection, ProjectionType,
    ProvisionedThroughputDescription, SSEDescription, ScalarAttributeType, SseStatus, SseType,
    StreamSpecification, StreamViewType, TableClass, TableClassSummary, TableDescription, TableStatus,
    TableWarmThroughputDescription,
};

/// What a table or an index that pays per request sustains from its beginning on.
const ON_DEMAND_WARM: Units = Units { read: 12_000, write: 4_000 };

/// As the answer to DeleteTable tells of a table: without what it was made of.
pub(super) fn deleted_table(described: &Described) -> TableDescription {
    TableDescription {
        attribute_definitions: None,
        key_schema: None,
        creation_date_time: None,
        local_secondary_indexes: None,
        ..table(described)
    }
}

pub(super) fn table(described: &Described) -> TableDescription {
    let Described { arn, meta, status, now, items, bytes, .. } = described;
    let definitions = meta.attributes.iter().map(|attribute| AttributeDefinition {
        attribute_name: attribute.name.clone().into(),
        attribute_type: scalar(attribute.kind),
    });
    let is_going = *status == Status::Deleting;
    let locals: Vec<_> = meta.local_indexes.iter().map(|index| local(described, index)).collect();
    let globals: Vec<_> = meta.global_indexes.iter().filter_map(|index| global(described, index)).collect();
    let stream = meta.stream();
    let last_stream = meta.streams.last();
    let warm = meta.warm.unwrap_or_else(|| warm_of(meta.billing, meta.throughput.units));
    TableDescription {
        attribute_definitions: Some(definitions.collect()),
        table_name: Some(arn.name.as_str().into()),
        key_schema: Some(keys(&meta.keys)),
        table_status: Some(table_status(*status)),
        creation_date_time: Some(meta.created),
        provisioned_throughput: Some(throughput(&meta.throughput, *now)),
        table_size_bytes: Some(signed(*bytes)),
        item_count: Some(signed(*items)),
        table_arn: Some(arn.to_string().into()),
        table_id: Some(meta.id.clone().into()),
        billing_mode_summary: (meta.billing == Billing::PayPerRequest || meta.on_demand_since.is_some())
            .then(|| BillingModeSummary {
                billing_mode: Some(billing(meta.billing)),
                last_update_to_pay_per_request_date_time: meta.on_demand_since,
            }),
        local_secondary_indexes: Some(locals).filter(|indexes| !indexes.is_empty()),
        global_secondary_indexes: Some(globals).filter(|indexes| !indexes.is_empty() && !is_going),
        stream_specification: stream.map(|stream| StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(view(stream.view)),
        }),
        latest_stream_label: last_stream.map(|stream| stream.label().into()),
        latest_stream_arn: last_stream.map(|stream| arn.stream(&stream.label()).into()),
        sse_description: meta.encryption.as_ref().map(|encryption| SSEDescription {
            status: Some(SseStatus::Enabled),
            sse_type: Some(SseType::Kms),
            kms_master_key_arn: Some(master_key(arn, encryption.key.as_deref()).into()),
            ..SSEDescription::default()
        }),
        table_class_summary: meta.class.map(|class| TableClassSummary {
            table_class: Some(table_class(class)),
            last_update_date_time: meta.class_changed,
        }),
        deletion_protection_enabled: Some(meta.deletion_protection),
        on_demand_throughput: limits(meta.limits),
        warm_throughput: Some(TableWarmThroughputDescription {
            read_units_per_second: Some(signed(warm.read)),
            write_units_per_second: Some(signed(warm.write)),
            status: Some(table_status(*status)),
        }),
    }
}

/// The ARN of the key that was named, or of AWS's own for tables if none was. What an alias stands for is not known
/// here: for one account and region it is always the same key.
fn master_key(table: &TableArn, named: Option<&str>) -> String {
    let named = named.unwrap_or("alias/aws/dynamodb");
    if named.starts_with("arn:") && named.contains(":key/") {
        return named.to_owned();
    }
    let TableArn { account, region, .. } = table;
    let of_account = format!("arn:{}:kms:{region}:{account}", region.partition());
    let alias =
        named.rsplit_once(":alias/").map_or_else(|| named.strip_prefix("alias/"), |(_, alias)| Some(alias));
    match alias {
        None => format!("{of_account}:key/{named}"),
        Some(alias) => {
            let digest = HashKey::of_partition_key(format!("{of_account}:alias/{alias}")).0;
            format!("{of_account}:key/{}", uuid_of(digest.to_be_bytes()))
        }
    }
}

fn local(described: &Described, index: &Index) -> LocalSecondaryIndexDescription {
    LocalSecondaryIndexDescription {
        index_name: Some(index.name.clone().into()),
        key_schema: Some(keys(&index.keys)),
        projection: Some(projection(&index.projection)),
        index_size_bytes: Some(signed(described.index_bytes(index))),
        item_count: Some(signed(described.index_items(index))),
        index_arn: Some(described.index_arn(index).into()),
    }
}

/// `None` for an index that is gone.
fn global(described: &Described, global: &GlobalIndex) -> Option<GlobalSecondaryIndexDescription> {
    let (index, now) = (&global.index, described.now);
    let status = index_status(global.status(now)?);
    let warm = global.warm.unwrap_or_else(|| warm_of(described.meta.billing, global.throughput.units));
    Some(GlobalSecondaryIndexDescription {
        index_name: Some(index.name.clone().into()),
        key_schema: Some(keys(&index.keys)),
        projection: Some(projection(&index.projection)),
        index_status: Some(status),
        backfilling: global.is_filling().then_some(true),
        provisioned_throughput: Some(throughput(&global.throughput, now)),
        index_size_bytes: Some(signed(described.index_bytes(index))),
        item_count: Some(signed(described.index_items(index))),
        index_arn: Some(described.index_arn(index).into()),
        on_demand_throughput: limits(global.limits),
        warm_throughput: Some(GlobalSecondaryIndexWarmThroughputDescription {
            read_units_per_second: Some(signed(warm.read)),
            write_units_per_second: Some(signed(warm.write)),
            status: Some(status),
        }),
    })
}

fn warm_of(billing: Billing, provisioned: Units) -> Units {
    match billing {
        Billing::PayPerRequest => ON_DEMAND_WARM,
        Billing::Provisioned => provisioned,
    }
}

fn keys(schema: &KeySchema) -> Vec<KeySchemaElement> {
    let shown = key_parts(schema).map(|(element, key_type)| KeySchemaElement {
        attribute_name: element.name.clone().into(),
        key_type,
    });
    shown.collect()
}

/// Hash keys first.
pub(super) fn key_parts(schema: &KeySchema) -> impl Iterator<Item = (&KeyElement, KeyType)> {
    let hash = schema.hash.iter().map(|hash| (hash, KeyType::Hash));
    hash.chain(schema.range.iter().map(|range| (range, KeyType::Range)))
}

fn projection(projection: &IndexProjection) -> Projection {
    let (kind, names) = match projection {
        IndexProjection::All => (ProjectionType::All, None),
        IndexProjection::KeysOnly => (ProjectionType::KeysOnly, None),
        IndexProjection::Include(names) => (ProjectionType::Include, Some(names)),
    };
    let non_key_attributes = names.map(|names| names.iter().map(|name| name.clone().into()).collect());
    Projection { projection_type: Some(kind), non_key_attributes }
}

fn throughput(throughput: &Throughput, now: Timestamp) -> ProvisionedThroughputDescription {
    ProvisionedThroughputDescription {
        last_increase_date_time: throughput.increased,
        last_decrease_date_time: throughput.decreased,
        number_of_decreases_today: Some(throughput.decreases_today(now).into()),
        read_capacity_units: Some(signed(throughput.units.read)),
        write_capacity_units: Some(signed(throughput.units.write)),
    }
}

fn limits(limits: Limits) -> Option<OnDemandThroughput> {
    let shown = |units: Option<u64>| Some(units.map_or(-1, signed));
    (limits != Limits::default()).then(|| OnDemandThroughput {
        max_read_request_units: shown(limits.read_max),
        max_write_request_units: shown(limits.write_max),
    })
}

fn scalar(kind: Kind) -> ScalarAttributeType {
    match kind {
        Kind::S => ScalarAttributeType::S,
        Kind::N => ScalarAttributeType::N,
        Kind::B => ScalarAttributeType::B,
    }
}

fn table_status(status: Status) -> TableStatus {
    match status {
        Status::Creating => TableStatus::Creating,
        Status::Active => TableStatus::Active,
        Status::Updating => TableStatus::Updating,
        Status::Deleting => TableStatus::Deleting,
    }
}

fn index_status(status: Status) -> IndexStatus {
    match status {
        Status::Creating => IndexStatus::Creating,
        Status::Active => IndexStatus::Active,
        Status::Updating => IndexStatus::Updating,
        Status::Deleting => IndexStatus::Deleting,
    }
}

fn billing(billing: Billing) -> BillingMode {
    match billing {
        Billing::Provisioned => BillingMode::Provisioned,
        Billing::PayPerRequest => BillingMode::PayPerRequest,
    }
}

fn view(view: StreamView) -> StreamViewType {
    match view {
        StreamView::KeysOnly => StreamViewType::KeysOnly,
        StreamView::NewImage => StreamViewType::NewImage,
        StreamView::OldImage => StreamViewType::OldImage,
        StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
    }
}

fn table_class(class: Class) -> TableClass {
    match class {
        Class::Standard => TableClass::Standard,
        Class::StandardInfrequentAccess => TableClass::StandardInfrequentAccess,
    }
}

/// A number as the wire wants it; ours stay far below the end of its range.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
