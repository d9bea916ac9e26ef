//! Pages of items: Query and Scan.

use std::collections::BTreeMap;

use bytestring::ByteString;
use millstream_table::legacy::Filter;
use millstream_table::{
    FilterSpec, ItemsPage, ProjectionSpec, Query, ReadSpec, Scan, Select as Selected, Tables,
};

use super::values::{attributes, item, value};
use super::{Answer, consumed, names, parameters};
use crate::aws::caller::Caller;
use crate::aws::dynamodb::generated::{Condition, QueryInput, QueryOutput, ScanInput, ScanOutput, Select};

/// The members that the inputs of both have, under the same names but for the filter of old.
macro_rules! read_spec {
    ($caller:expr, $input:ident, $filter:ident) => {
        ReadSpec {
            table: names::table($caller, &$input.table_name)?,
            index: parameters::text($input.index_name),
            select: $input.select.map(selected),
            projection: ProjectionSpec {
                expression: parameters::text($input.projection_expression),
                attributes: $input.attributes_to_get.map(parameters::texts),
            },
            filter: FilterSpec {
                expression: parameters::text($input.filter_expression),
                entries: $input.$filter.map(filters).transpose()?,
                operator: $input.conditional_operator.map(parameters::joined),
            },
            placeholders: parameters::placeholders(
                $input.expression_attribute_names,
                $input.expression_attribute_values,
            )?,
            limit: $input.limit.and_then(|limit| usize::try_from(limit).ok()),
            start: $input.exclusive_start_key.map(item).transpose()?,
            is_consistent: $input.consistent_read.unwrap_or_default(),
        }
    };
}

/// A page as either answers it.
macro_rules! page_output {
    ($output:ident, $input:ident, $page:expr) => {{
        let page: ItemsPage = $page;
        $output {
            items: page.items.map(|items| items.into_iter().map(attributes).collect()),
            count: Some(count(page.count)),
            scanned_count: Some(count(page.scanned)),
            last_evaluated_key: page.last.map(attributes),
            consumed_capacity: consumed::capacity(
                $input.return_consumed_capacity,
                $input.table_name,
                page.consumed,
            ),
        }
    }};
}

pub(super) async fn query(tables: &Tables, caller: &Caller, input: QueryInput) -> Answer<QueryOutput> {
    let call = Query {
        read: read_spec!(caller, input, query_filter),
        key_expression: parameters::text(input.key_condition_expression),
        key_conditions: input.key_conditions.map(filters).transpose()?,
        is_forward: input.scan_index_forward.unwrap_or(true),
    };
    Ok(page_output!(QueryOutput, input, tables.query(call).await?))
}

pub(super) async fn scan(tables: &Tables, caller: &Caller, input: ScanInput) -> Answer<ScanOutput> {
    // Both are 0 or more: the model says so, and is checked before.
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    let call = Scan {
        read: read_spec!(caller, input, scan_filter),
        segment: number(input.segment),
        total_segments: number(input.total_segments),
    };
    Ok(page_output!(ScanOutput, input, tables.scan(call).await?))
}

/// A page has 1 MB, so not nearly as many.
fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn filters(wire: BTreeMap<ByteString, Condition>) -> Answer<BTreeMap<String, Filter>> {
    let entry = |(name, wire): (ByteString, Condition)| {
        let list = wire.attribute_value_list.unwrap_or_default();
        let list = list.into_iter().map(value).collect::<Result<_, _>>()?;
        let operator = parameters::comparison(wire.comparison_operator);
        Ok((String::from(name), Filter { operator, list }))
    };
    wire.into_iter().map(entry).collect()
}

fn selected(wire: Select) -> Selected {
    match wire {
        Select::AllAttributes => Selected::AllAttributes,
        Select::AllProjectedAttributes => Selected::AllProjectedAttributes,
        Select::SpecificAttributes => Selected::SpecificAttributes,
        Select::Count => Selected::Count,
    }
}
