//! BatchWriteItem.
//!
//! Nothing promises that a batch is written as a whole, but it is: with one commit, as far as there is capacity.

use std::collections::{BTreeMap, BTreeSet};

use super::write_item::{Act, CollectionMetrics, Write};
use crate::arn::TableArn;
use crate::consumed::{Access, Consumed, by_table};
use crate::error::{Error, Result};
use crate::item::Item;
use crate::key::Key;
use crate::tables::{Found, Tables};
use crate::write::{Besides, lock_name};

/// The most writes of one call, over all tables.
const WRITES_MAX: usize = 25;

/// A BatchWriteItem call.
#[derive(Clone, Debug, Default)]
pub struct BatchWrite {
    pub tables: BTreeMap<TableArn, Vec<WriteRequest>>,
    pub with_collections: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteRequest {
    Put(Item),
    /// The item with this key.
    Delete(Item),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchWrittenItems {
    /// What to ask for again: the writes for which there was no capacity.
    pub unprocessed: BTreeMap<TableArn, Vec<WriteRequest>>,
    /// One for each table.
    pub consumed: Vec<Consumed>,
    pub collections: BTreeMap<TableArn, Vec<CollectionMetrics>>,
}

impl WriteRequest {
    fn write(&self, table: &TableArn) -> Write {
        let act = match self {
            Self::Put(item) => Act::Put(item.clone()),
            Self::Delete(key) => Act::Delete(key.clone()),
        };
        Write { table: table.clone(), act, condition: None, shows_failure: false }
    }
}

impl Tables {
    pub async fn batch_write_items(&self, call: BatchWrite) -> Result<BatchWrittenItems> {
        check(&call)?;
        let inner = &self.inner;
        let mut entered = inner.enter_all(call.tables.keys().cloned()).await?;
        let mut planned = Vec::new();
        for (arn, requests) in &call.tables {
            let Some(table) = entered.get(arn) else { continue };
            for (request, key) in requests.iter().zip(keys(&table.found, requests)?) {
                planned.push((table.found.clone(), request, key));
            }
        }
        let names: Vec<_> = planned.iter().map(|(found, _, key)| lock_name(&found.meta, key)).collect();
        let tables = std::mem::take(&mut entered).into_values().collect();
        let (_, held) = inner.hold(tables, names).await;
        let (mut written, mut mutations, mut consumed) =
            (BatchWrittenItems::default(), Vec::new(), Vec::new());
        let (mut places, mut throttled) = (BTreeSet::new(), None);
        for (found, request, key) in planned {
            let arn = &found.table.arn;
            let admitted = inner.admit(&found, Access::Write, None);
            let before = inner.read_item(&found.meta, &key).await?;
            let decided = request.write(arn).decide(&found, key.clone(), before)?;
            let cost = decided.mutation.cost();
            match admitted.and_then(|()| inner.charge(&found.table, &found.meta, &cost)) {
                Ok(()) => {
                    places.insert((arn.clone(), Key::of_hash(key.hash)));
                    consumed.push(cost);
                    mutations.push(decided.mutation);
                }
                Err(error) => {
                    throttled = Some(error);
                    written.unprocessed.entry(arn.clone()).or_default().push(request.clone());
                }
            }
        }
        if let Some(error) = throttled.filter(|_| mutations.is_empty()) {
            return Err(error);
        }
        self.carry_out(held, mutations, Besides::default()).await?;
        written.consumed = by_table(consumed);
        if call.with_collections {
            written.collections = self.collections_at(places).await?;
        }
        Ok(written)
    }

    /// How large these collections are, for tables that have any.
    pub(super) async fn collections_at(
        &self,
        places: BTreeSet<(TableArn, Key)>,
    ) -> Result<BTreeMap<TableArn, Vec<CollectionMetrics>>> {
        let mut collections: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (arn, key) in places {
            let Ok(found) = self.inner.find_active(&arn) else { continue };
            if let Some(metrics) = self.inner.collection_metrics(&found.meta, &key).await? {
                collections.entry(arn).or_default().push(metrics);
            }
        }
        Ok(collections)
    }
}

fn check(call: &BatchWrite) -> Result<()> {
    if call.tables.values().map(Vec::len).sum::<usize>() > WRITES_MAX {
        return Err(Error::Validation("Too many items requested for the BatchWriteItem call".to_owned()));
    }
    for request in call.tables.values().flatten() {
        if let WriteRequest::Put(item) = request {
            item.check()?;
        }
    }
    Ok(())
}

/// The keys of the items, none of which may be there twice.
fn keys(found: &Found, requests: &[WriteRequest]) -> Result<Vec<Key>> {
    let keys = requests.iter().map(|request| match request {
        WriteRequest::Put(item) => found.meta.keys.key_within(item),
        WriteRequest::Delete(key) => found.meta.keys.key(key),
    });
    let keys = keys.collect::<Result<Vec<_>>>()?;
    if keys.iter().collect::<BTreeSet<_>>().len() < keys.len() {
        return Err(Error::Validation("Provided list of item keys contains duplicates".to_owned()));
    }
    Ok(keys)
}
