//! Query.

use std::collections::BTreeMap;

use super::read_spec::ReadSpec;
use crate::error::{Error, Result};
use crate::expression::legacy::{self, Filter};
use crate::expression::{Condition, KeyConditions, Parameters, Projection};
use crate::reading::page::{ItemsPage, Plan};
use crate::reading::place::Place;
use crate::reading::range::{behind, check_start_of_query, of_query};
use crate::reading::selection::Selection;
use crate::reading::target::Target;
use crate::tables::Tables;

/// A Query call.
#[derive(Clone, Debug)]
pub struct Query {
    pub read: ReadSpec,
    pub key_expression: Option<String>,
    pub key_conditions: Option<BTreeMap<String, Filter>>,
    /// In the order of range keys, or against it.
    pub is_forward: bool,
}

impl Query {
    /// Everything that meets a condition in the language of expressions.
    pub fn new(read: ReadSpec, key_expression: impl Into<String>) -> Self {
        Self { read, key_expression: Some(key_expression.into()), key_conditions: None, is_forward: true }
    }
}

/// A query that makes sense, whatever the table is.
struct Parsed {
    conditions: KeyConditions,
    filter: Option<Condition>,
    projection: Option<Projection>,
}

impl Tables {
    /// One page of the items with one hash key, in the order of their range keys.
    pub async fn query(&self, call: Query) -> Result<ItemsPage> {
        let parsed = parse(&call)?;
        let inner = &self.inner;
        let found = inner.find_active(&call.read.table)?;
        let read = &call.read;
        let target = Target::find(&found.meta, read.index.as_deref(), read.is_consistent, found.now)?;
        let condition = parsed.conditions.resolve(target.keys(), read.index.as_deref())?;
        if let Some(filter) = &parsed.filter {
            target.keys().check_filter(filter, read.filter.spelling())?;
        }
        let selection = Selection::of(&target, read.select, parsed.projection, parsed.filter.as_ref())?;
        let mut range = of_query(&target, &condition);
        if let Some(start) = &read.start {
            let start = Place::given_to_query(&target, start)?;
            check_start_of_query(&target, &condition, &start)?;
            range = behind(range, &start.stored_at(&target), call.is_forward);
        }
        let plan = Plan {
            target,
            range,
            is_forward: call.is_forward,
            filter: parsed.filter,
            selection,
            limit: read.limit,
            is_consistent: read.is_consistent,
        };
        inner.read_page(&found, plan).await
    }
}

fn parse(call: &Query) -> Result<Parsed> {
    let Query { read, key_expression, key_conditions, .. } = call;
    let parameters = Parameters {
        expressions: &[
            ("ProjectionExpression", read.projection.expression.is_some()),
            ("FilterExpression", read.filter.expression.is_some()),
            ("KeyConditionExpression", key_expression.is_some()),
        ],
        legacy: &[
            ("AttributesToGet", read.projection.attributes.is_some()),
            ("QueryFilter", read.filter.entries.is_some()),
            ("ConditionalOperator", read.filter.operator.is_some()),
            ("KeyConditions", key_conditions.is_some()),
        ],
        has_names: read.placeholders.names.is_some(),
        has_values: read.placeholders.values.is_some(),
    };
    parameters.check()?;
    read.check_select()?;
    let legacy_filter = read.filter.legacy()?;
    let legacy_conditions = key_conditions.as_ref().map(legacy::key_conditions).transpose()?;
    let mut substitutions = read.placeholders.clone().substitutions()?;
    let conditions = match (key_expression, legacy_conditions) {
        (Some(text), _) => KeyConditions::parse(text, &mut substitutions)?,
        (None, Some(conditions)) => conditions,
        (None, None) => {
            return Err(Error::Validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the \
                 request."
                    .to_owned(),
            ));
        }
    };
    let filter = read.filter.parse(&mut substitutions)?.or(legacy_filter);
    let projection = read.projection(&mut substitutions)?;
    substitutions.finish()?;
    Ok(Parsed { conditions, filter, projection })
}
