//! TransactGetItems: several items as they are at one moment.

use super::conditions::{Placeholders, ProjectionSpec};
use super::get_item::{projection, shown};
use super::transact_write::{BYTES_MAX, reason, throttled, too_large};
use crate::arn::TableArn;
use crate::capacity::{Capacity, Consistency};
use crate::consumed::{Access, Consumed, by_table};
use crate::error::{CancellationReason, Error, Result};
use crate::expression::Projection;
use crate::item::Item;
use crate::key::{Key, KeyRole};
use crate::tables::{Found, Tables};
use crate::write::lock_name;

/// One item of a TransactGetItems call.
#[derive(Clone, Debug)]
pub struct TransactGet {
    pub table: TableArn,
    pub key: Item,
    pub projection: Option<String>,
    pub placeholders: Placeholders,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactGotItems {
    /// In the order of the call.
    pub items: Vec<Option<Item>>,
    /// One for each table.
    pub consumed: Vec<Consumed>,
}

impl Tables {
    /// 1 to 100 items, of 4 MB together. Who writes one of them meanwhile does so before or after all are read.
    pub async fn transact_get_items(&self, gets: Vec<TransactGet>) -> Result<TransactGotItems> {
        let inner = &self.inner;
        let mut wanted = Vec::with_capacity(gets.len());
        for get in &gets {
            let spec = ProjectionSpec { expression: get.projection.clone(), attributes: None };
            // Names without an expression that could use them are no mistake here, as they are for GetItem.
            let placeholders = get.projection.as_ref().map(|_| get.placeholders.clone());
            wanted.push(projection(&spec, placeholders.unwrap_or_default())?);
        }
        let found = gets.iter().map(|get| inner.find_active(&get.table)).collect::<Result<Vec<_>>>()?;
        let keys = keys(&gets, &found, &wanted)?;
        for found in &found {
            if inner.admit(found, Access::Read, None).is_err() {
                let reasons = vec![throttled(); gets.len()];
                return Err(Error::TransactionCanceled { reasons });
            }
        }
        let names = found.iter().zip(&keys).map(|(found, key)| lock_name(&found.meta, key)).collect();
        let held = inner.locks.lock_all(names).await;
        let (mut items, mut costs) = (Vec::with_capacity(gets.len()), Vec::with_capacity(gets.len()));
        let mut bytes = 0;
        for ((found, key), projection) in found.iter().zip(&keys).zip(&wanted) {
            let item = inner.read_item(&found.meta, key).await?;
            let size = item.as_ref().map_or(0, Item::size);
            bytes += size;
            if bytes > BYTES_MAX {
                return Err(too_large());
            }
            let cost = Capacity::read(size, Consistency::Transactional);
            costs.push(Consumed::new(found.table.arn.clone(), Access::Read, cost));
            items.push(item.map(|item| shown(item, projection.as_ref())));
        }
        drop(held);
        let consumed = by_table(costs);
        for cost in &consumed {
            if let Some(payer) = found.iter().find(|found| found.table.arn == cost.table)
                && inner.charge(&payer.table, &payer.meta, cost).is_err()
            {
                return Err(Error::TransactionCanceled { reasons: vec![throttled(); gets.len()] });
            }
        }
        Ok(TransactGotItems { items, consumed })
    }
}

fn keys(gets: &[TransactGet], found: &[Found], wanted: &[Option<Projection>]) -> Result<Vec<Key>> {
    let (mut keys, mut reasons) = (Vec::with_capacity(gets.len()), Vec::with_capacity(gets.len()));
    for ((get, found), projection) in gets.iter().zip(found).zip(wanted) {
        if let Some(projection) = projection {
            found.meta.keys.check_scalars(&projection.paths, KeyRole::Table)?;
        }
        match found.meta.keys.key(&get.key) {
            Ok(key) => {
                keys.push(key);
                reasons.push(CancellationReason::default());
            }
            // Unlike writes, reads are canceled for an empty key as for any other that is none.
            Err(Error::EmptyKey(text)) => reasons.push(reason(Error::Validation(text))?),
            Err(error) => reasons.push(reason(error)?),
        }
    }
    let has_twin = |(number, key): (usize, &Key)| {
        let same =
            |(other, at): (&Key, usize)| *other == *key && found[at].meta.uid == found[number].meta.uid;
        keys.iter().zip(0..).skip(number + 1).any(same)
    };
    if keys.len() == gets.len() && keys.iter().enumerate().any(has_twin) {
        let text = "Transaction request cannot include multiple operations on one item";
        return Err(Error::Validation(text.to_owned()));
    }
    match keys.len() == gets.len() {
        true => Ok(keys),
        false => Err(Error::TransactionCanceled { reasons }),
    }
}
