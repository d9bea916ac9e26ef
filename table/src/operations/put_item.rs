//! PutItem.

use super::conditions::{ConditionSpec, Placeholders};
use super::write_item::{Act, ReturnValues, Write, WrittenItem};
use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::expression::{Condition, Parameters};
use crate::item::Item;
use crate::tables::Tables;

/// A PutItem call.
#[derive(Clone, Debug)]
pub struct PutItem {
    pub table: TableArn,
    pub item: Item,
    pub condition: ConditionSpec,
    pub placeholders: Placeholders,
    pub return_values: ReturnValues,
    /// Whether the error of a condition that does not hold shows the item.
    pub shows_failure: bool,
    pub with_collection: bool,
}

impl PutItem {
    /// Puts an item whatever is there.
    pub fn new(table: TableArn, item: Item) -> Self {
        Self {
            table,
            item,
            condition: ConditionSpec::default(),
            placeholders: Placeholders::default(),
            return_values: ReturnValues::None,
            shows_failure: false,
            with_collection: false,
        }
    }
}

impl Tables {
    pub async fn put_item(&self, call: PutItem) -> Result<WrittenItem> {
        check_parameters(&call.condition, &call.placeholders)?;
        let shows_old = check_return_values(call.return_values)?;
        call.item.check()?;
        let condition = condition(&call.condition, call.placeholders)?;
        let PutItem { table, item, shows_failure, with_collection, .. } = call;
        let write = Write { table, act: Act::Put(item), condition, shows_failure };
        let mut mutated = self.write_item(write).await?;
        let attributes = mutated.before.take().filter(|_| shows_old);
        self.inner.written(mutated, attributes, with_collection).await
    }
}

pub(super) fn check_parameters(condition: &ConditionSpec, placeholders: &Placeholders) -> Result<()> {
    let parameters = Parameters {
        expressions: &[("ConditionExpression", condition.expression.is_some())],
        legacy: &[
            ("Expected", condition.expected.is_some()),
            ("ConditionalOperator", condition.operator.is_some()),
        ],
        has_names: placeholders.names.is_some(),
        has_values: placeholders.values.is_some(),
    };
    parameters.check()
}

/// Whether the item as it was is to be shown; other than that there is nothing.
pub(super) fn check_return_values(wanted: ReturnValues) -> Result<bool> {
    match wanted {
        ReturnValues::None => Ok(false),
        ReturnValues::AllOld => Ok(true),
        _ => Err(Error::Validation("ReturnValues can only be ALL_OLD or NONE".to_owned())),
    }
}

/// A condition, with nothing else in the request that could use the placeholders.
pub(super) fn condition(spec: &ConditionSpec, placeholders: Placeholders) -> Result<Option<Condition>> {
    if let Some(condition) = spec.legacy()? {
        return Ok(Some(condition));
    }
    let mut substitutions = placeholders.substitutions()?;
    let condition = spec.parse(&mut substitutions)?;
    substitutions.finish()?;
    Ok(condition)
}
