//! UpdateItem.

use std::collections::BTreeMap;

use super::conditions::{ConditionSpec, Placeholders};
use super::write_item::{Act, ReturnValues, Write, WrittenItem};
use crate::arn::TableArn;
use crate::error::Result;
use crate::expression::legacy::{self, AttributeUpdate};
use crate::expression::{Condition, Parameters, Spelling, Update};
use crate::item::Item;
use crate::tables::Tables;

/// An UpdateItem call. An item that is not there is made, unless all that is to be done is to remove.
#[derive(Clone, Debug)]
pub struct UpdateItem {
    pub table: TableArn,
    pub key: Item,
    pub update: UpdateSpec,
    pub condition: ConditionSpec,
    pub placeholders: Placeholders,
    pub return_values: ReturnValues,
    /// Whether the error of a condition that does not hold shows the item.
    pub shows_failure: bool,
    pub with_collection: bool,
}

/// What is to be done, in one spelling or the other, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateSpec {
    pub expression: Option<String>,
    pub attributes: Option<BTreeMap<String, AttributeUpdate>>,
}

impl UpdateItem {
    /// Updates the item whatever it is.
    pub fn new(table: TableArn, key: Item, update: impl Into<UpdateSpec>) -> Self {
        Self {
            table,
            key,
            update: update.into(),
            condition: ConditionSpec::default(),
            placeholders: Placeholders::default(),
            return_values: ReturnValues::None,
            shows_failure: false,
            with_collection: false,
        }
    }
}

impl From<&str> for UpdateSpec {
    fn from(expression: &str) -> Self {
        Self { expression: Some(expression.to_owned()), attributes: None }
    }
}

impl Tables {
    pub async fn update_item(&self, call: UpdateItem) -> Result<WrittenItem> {
        let (update, condition) = parse(&call.update, &call.condition, call.placeholders)?;
        let UpdateItem { table, key, shows_failure, with_collection, return_values, .. } = call;
        let shows_named = matches!(return_values, ReturnValues::UpdatedOld | ReturnValues::UpdatedNew);
        let named_by = shows_named.then(|| update.clone());
        let named_before = |item: Item| named_by.as_ref().map(|update| update.named_before(&item));
        let named_after = |item: Item| named_by.as_ref().map(|update| update.named_after(&item));
        let write = Write { table, act: Act::Update(key, update), condition, shows_failure };
        let mut mutated = self.write_item(write).await?;
        let (before, after) = (mutated.before.take(), mutated.after.take());
        let attributes = match return_values {
            ReturnValues::None => None,
            ReturnValues::AllOld => before,
            ReturnValues::UpdatedOld => before.and_then(named_before),
            ReturnValues::AllNew => after,
            ReturnValues::UpdatedNew => after.and_then(named_after),
        };
        let attributes = attributes.filter(|attributes| !attributes.is_empty());
        self.inner.written(mutated, attributes, with_collection).await
    }
}

fn parse(
    update: &UpdateSpec,
    condition: &ConditionSpec,
    placeholders: Placeholders,
) -> Result<(Update, Option<Condition>)> {
    let parameters = Parameters {
        expressions: &[
            ("UpdateExpression", update.expression.is_some()),
            ("ConditionExpression", condition.expression.is_some()),
        ],
        legacy: &[
            ("AttributeUpdates", update.attributes.is_some()),
            ("Expected", condition.expected.is_some()),
            ("ConditionalOperator", condition.operator.is_some()),
        ],
        has_names: placeholders.names.is_some(),
        has_values: placeholders.values.is_some(),
    };
    parameters.check()?;
    let legacy_condition = condition.legacy()?;
    let legacy_update = update.attributes.as_ref().map(legacy::updates).transpose()?;
    let mut substitutions = placeholders.substitutions()?;
    let parsed =
        update.expression.as_ref().map(|text| Update::parse(text, &mut substitutions)).transpose()?;
    let condition = condition.parse(&mut substitutions)?;
    substitutions.finish()?;
    let nothing = || Update { actions: Vec::new(), spelling: Spelling::Legacy };
    Ok((parsed.or(legacy_update).unwrap_or_else(nothing), condition.or(legacy_condition)))
}
