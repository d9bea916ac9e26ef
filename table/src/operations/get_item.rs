//! GetItem.

use super::conditions::{Placeholders, ProjectionSpec};
use crate::arn::TableArn;
use crate::capacity::{Capacity, Consistency};
use crate::consumed::{Access, Consumed};
use crate::error::Result;
use crate::expression::{Parameters, Projection};
use crate::item::Item;
use crate::key::KeyRole;
use crate::tables::Tables;

/// A GetItem call.
#[derive(Clone, Debug)]
pub struct GetItem {
    pub table: TableArn,
    pub key: Item,
    pub projection: ProjectionSpec,
    pub placeholders: Placeholders,
    /// Every read sees all writes that were acknowledged before it; this only makes it cost double.
    pub is_consistent: bool,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GotItem {
    pub item: Option<Item>,
    pub consumed: Consumed,
}

impl Tables {
    pub async fn get_item(&self, call: GetItem) -> Result<GotItem> {
        let projection = projection(&call.projection, call.placeholders)?;
        let inner = &self.inner;
        let found = inner.find_active(&call.table)?;
        let key = found.meta.keys.key(&call.key)?;
        if let Some(projection) = &projection {
            found.meta.keys.check_scalars(&projection.paths, KeyRole::Table)?;
        }
        inner.admit(&found, Access::Read, None)?;
        let item = inner.read_item(&found.meta, &key).await?;
        let consistency = if call.is_consistent { Consistency::Strong } else { Consistency::Eventual };
        let cost = Capacity::read(item.as_ref().map_or(0, Item::size), consistency);
        let consumed = Consumed::new(call.table, Access::Read, cost);
        inner.charge(&found.table, &found.meta, &consumed)?;
        Ok(GotItem { item: item.map(|item| shown(item, projection.as_ref())), consumed })
    }
}

/// What of an item is asked for, with nothing else in the request that could use the placeholders.
pub(super) fn projection(spec: &ProjectionSpec, placeholders: Placeholders) -> Result<Option<Projection>> {
    let parameters = Parameters {
        expressions: &[("ProjectionExpression", spec.expression.is_some())],
        legacy: &[("AttributesToGet", spec.attributes.is_some())],
        has_names: placeholders.names.is_some(),
        has_values: false,
    };
    parameters.check()?;
    if let Some(projection) = spec.legacy()? {
        return Ok(Some(projection));
    }
    let mut substitutions = placeholders.substitutions()?;
    let projection = spec.parse(&mut substitutions)?;
    substitutions.finish()?;
    Ok(projection)
}

pub(super) fn shown(item: Item, projection: Option<&Projection>) -> Item {
    match projection {
        Some(projection) => projection.apply(&item),
        None => item,
    }
}
