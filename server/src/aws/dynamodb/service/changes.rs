//! UpdateTable: what of a table is to become another.

use millstream_table::{GlobalIndexChange, GlobalIndexSpec, GlobalIndexUpdate, Tables, UpdateTable};

use super::{Answer, descriptions, names, schemas, validation};
use crate::aws::caller::Caller;
use crate::aws::dynamodb::generated::{
    CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate, UpdateGlobalSecondaryIndexAction,
    UpdateTableInput, UpdateTableOutput,
};

pub(super) async fn update(
    tables: &Tables,
    caller: &Caller,
    input: UpdateTableInput,
) -> Answer<UpdateTableOutput> {
    if input.vector_index_updates.is_some() {
        return Err(validation(
            "One or more parameter values were invalid: Vector indexes are not supported",
        ));
    }
    let updates = input.global_secondary_index_updates.into_iter().flatten().map(index_update);
    let call = UpdateTable {
        arn: names::table(caller, &input.table_name)?,
        attributes: schemas::attributes(input.attribute_definitions),
        billing: input.billing_mode.map(schemas::billing),
        throughput: input.provisioned_throughput.as_ref().map(schemas::units),
        limits: input.on_demand_throughput.as_ref().map(|limits| schemas::limits(Some(limits))),
        warm: input.warm_throughput.as_ref().map(schemas::warm),
        global_indexes: updates.collect(),
        stream: input.stream_specification.as_ref().map(schemas::stream),
        encryption: input.sse_specification.map(schemas::encryption).transpose()?,
        class: input.table_class.map(schemas::class),
        deletion_protection: input.deletion_protection_enabled,
    };
    let described = tables.update_table(call).await?;
    Ok(UpdateTableOutput { table_description: Some(descriptions::table(&described)) })
}

fn index_update(wire: GlobalSecondaryIndexUpdate) -> GlobalIndexUpdate {
    GlobalIndexUpdate {
        create: wire.create.map(created),
        update: wire.update.map(changed),
        delete: wire.delete.map(|delete| delete.index_name.into()),
    }
}

fn created(wire: CreateGlobalSecondaryIndexAction) -> GlobalIndexSpec {
    GlobalIndexSpec {
        index: schemas::index(wire.index_name.into(), wire.key_schema, wire.projection),
        throughput: wire.provisioned_throughput.as_ref().map(schemas::units),
        limits: schemas::limits(wire.on_demand_throughput.as_ref()),
        warm: wire.warm_throughput.as_ref().map(schemas::warm),
    }
}

fn changed(wire: UpdateGlobalSecondaryIndexAction) -> GlobalIndexChange {
    GlobalIndexChange {
        name: wire.index_name.into(),
        throughput: wire.provisioned_throughput.as_ref().map(schemas::units),
        limits: wire.on_demand_throughput.as_ref().map(|limits| schemas::limits(Some(limits))),
        warm: wire.warm_throughput.as_ref().map(schemas::warm),
    }
}
