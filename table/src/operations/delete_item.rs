//! DeleteItem.

use super::conditions::{ConditionSpec, Placeholders};
use super::put_item::{check_parameters, check_return_values, condition};
use super::write_item::{Act, ReturnValues, Write, WrittenItem};
use crate::arn::TableArn;
use crate::error::Result;
use crate::item::Item;
use crate::tables::Tables;

/// A DeleteItem call. That there is no such item is no error.
#[derive(Clone, Debug)]
pub struct DeleteItem {
    pub table: TableArn,
    pub key: Item,
    pub condition: ConditionSpec,
    pub placeholders: Placeholders,
    pub return_values: ReturnValues,
    /// Whether the error of a condition that does not hold shows the item.
    pub shows_failure: bool,
    pub with_collection: bool,
}

impl DeleteItem {
    /// Deletes the item whatever it is.
    pub fn new(table: TableArn, key: Item) -> Self {
        Self {
            table,
            key,
            condition: ConditionSpec::default(),
            placeholders: Placeholders::default(),
            return_values: ReturnValues::None,
            shows_failure: false,
            with_collection: false,
        }
    }
}

impl Tables {
    pub async fn delete_item(&self, call: DeleteItem) -> Result<WrittenItem> {
        check_parameters(&call.condition, &call.placeholders)?;
        let shows_old = check_return_values(call.return_values)?;
        let condition = condition(&call.condition, call.placeholders)?;
        let DeleteItem { table, key, shows_failure, with_collection, .. } = call;
        let write = Write { table, act: Act::Delete(key), condition, shows_failure };
        let mut mutated = self.write_item(write).await?;
        let attributes = mutated.before.take().filter(|_| shows_old);
        self.inner.written(mutated, attributes, with_collection).await
    }
}
