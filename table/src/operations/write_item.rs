//! What all writes of one item have in common: from the look at the item to the durable change.

use crate::arn::TableArn;
use crate::capacity::Capacity;
use crate::change_log::Cause;
use crate::consumed::{Access, Consumed};
use crate::error::{Error, Result};
use crate::expression::{ActionKind, Condition, SetOperand, SetValue, Update};
use crate::item::Item;
use crate::key::Key;
use crate::keyspace::entry_key::collection_key;
use crate::meta::TableMeta;
use crate::mutation::Mutation;
use crate::tables::{Found, Inner, Tables};
use crate::write::{Besides, lock_name};

/// What of an item a write returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnValues {
    #[default]
    None,
    AllOld,
    UpdatedOld,
    AllNew,
    UpdatedNew,
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenItem {
    /// As far as they were asked for; absent if there are none.
    pub attributes: Option<Item>,
    pub consumed: Consumed,
    /// If they were asked for and the table has local indexes.
    pub collection: Option<CollectionMetrics>,
}

/// How large the items with one hash key are together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionMetrics {
    /// The hash key.
    pub key: Item,
    pub bytes: u64,
}

impl CollectionMetrics {
    /// Lower and upper bound in GB, as DynamoDB shows them.
    #[allow(clippy::cast_precision_loss)] // a collection has at most 10 GB
    pub fn range_gb(&self) -> [f64; 2] {
        let lower = self.bytes / (1 << 30);
        [lower as f64, (lower + 1) as f64]
    }
}

/// One write, parsed, but not yet held against its table.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) table: TableArn,
    pub(crate) act: Act,
    pub(crate) condition: Option<Condition>,
    /// Whether whoever asks wants to see the item of which the condition did not hold.
    pub(crate) shows_failure: bool,
}

#[derive(Debug)]
pub(crate) enum Act {
    Put(Item),
    /// The item with this key.
    Delete(Item),
    Update(Item, Update),
    /// Nothing but the condition.
    Check(Item),
}

/// A write that was decided on.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) mutation: Mutation,
}

impl Write {
    /// The key of the item, if it can be one in this table.
    pub(crate) fn key(&self, meta: &TableMeta) -> Result<Key> {
        match &self.act {
            Act::Put(item) => meta.keys.key_of_item(item),
            Act::Delete(key) | Act::Check(key) => meta.keys.key(key),
            Act::Update(key, update) => {
                let key = meta.keys.key(key)?;
                update.check_keys(&meta.keys).map(|()| key)
            }
        }
    }

    /// What becomes of the item.
    ///
    /// # Errors
    ///
    /// When the condition does not hold, or the item cannot become what it should.
    pub(crate) fn decide(&self, found: &Found, key: Key, before: Option<Item>) -> Result<Decided> {
        let empty = Item::new();
        if let Some(condition) = &self.condition
            && !condition.holds(before.as_ref().unwrap_or(&empty))
        {
            let item = before.filter(|_| self.shows_failure).map(Box::new);
            return Err(Error::ConditionalCheckFailed { item });
        }
        let after = match &self.act {
            Act::Put(item) => Some(item.clone()),
            Act::Delete(_) => None,
            Act::Check(_) => before.clone(),
            Act::Update(given, update) => {
                let after = update.apply(before.as_ref(), given)?;
                if let Some(after) = &after {
                    check_index_keys(update, &found.meta, after)?;
                }
                after
            }
        };
        let (table, meta) = (found.table.clone(), found.meta.clone());
        let mutation = Mutation::new(table, meta, key, before, after, Cause::Caller)?;
        Ok(Decided { mutation })
    }
}

/// An update that gives an index a key that is empty, or computes one that is no key, has words of its own for that.
fn check_index_keys(update: &Update, meta: &TableMeta, after: &Item) -> Result<()> {
    let is_given = |kind: &ActionKind| {
        matches!(kind, ActionKind::Set(SetValue::Operand(SetOperand::Value(_))) | ActionKind::Remove)
    };
    for action in &update.actions {
        let name = &action.path.head;
        let Some(value) = after.get(name) else { continue };
        let mut elements = meta.indexes().flat_map(|index| index.keys.elements());
        let Some(element) = elements.find(|element| element.name == **name) else { continue };
        match element.accept(value) {
            Some(key) => key.check_updated()?,
            None if is_given(&action.kind) => {}
            None => {
                let text =
                    "The update expression attempted to update the secondary index key to unsupported type";
                return Err(Error::Validation(text.to_owned()));
            }
        }
    }
    Ok(())
}

impl Tables {
    /// Writes one item: nobody writes it in between, and it is durable when this returns.
    pub(crate) async fn write_item(&self, write: Write) -> Result<Mutated> {
        let inner = &self.inner;
        let entered = inner.enter(&write.table).await?;
        let key = write.key(&entered.found.meta)?;
        inner.admit(&entered.found, Access::Write, None)?;
        let name = lock_name(&entered.found.meta, &key);
        let (found, held) = inner.hold_one(entered, name).await;
        let before = inner.read_item(&found.meta, &key).await?;
        let size = before.as_ref().map_or(0, Item::size);
        let decided = match write.decide(&found, key, before) {
            Err(error @ Error::ConditionalCheckFailed { .. }) => {
                // It costs as much as a write that changes nothing.
                let cost = Consumed::new(write.table, Access::Write, Capacity::write(size, size));
                inner.charge(&found.table, &found.meta, &cost)?;
                return Err(error);
            }
            decided => decided?,
        };
        let consumed = decided.mutation.cost();
        inner.charge(&found.table, &found.meta, &consumed)?;
        let [Mutation { key, before, after, .. }] =
            self.carry_out(held, [decided.mutation], Besides::default()).await?;
        Ok(Mutated { found, key, before, after, consumed })
    }
}

/// A write that is durable.
#[derive(Debug)]
pub(crate) struct Mutated {
    pub(crate) found: Found,
    pub(crate) key: Key,
    pub(crate) before: Option<Item>,
    pub(crate) after: Option<Item>,
    pub(crate) consumed: Consumed,
}

impl Inner {
    /// How large the collection is to which an item belongs, if the table has collections.
    pub(crate) async fn collection_metrics(
        &self,
        meta: &TableMeta,
        key: &Key,
    ) -> Result<Option<CollectionMetrics>> {
        if !meta.has_collections() {
            return Ok(None);
        }
        let bytes = self.collection_bytes(&collection_key(meta.uid, &key.hash)).await?;
        let hash = Key::of_hash(key.hash.clone()).to_item(&meta.keys);
        Ok(Some(CollectionMetrics { key: hash, bytes }))
    }

    /// What is told of a write.
    pub(super) async fn written(
        &self,
        mutated: Mutated,
        attributes: Option<Item>,
        with_collection: bool,
    ) -> Result<WrittenItem> {
        let Mutated { found, key, consumed, .. } = mutated;
        let collection = match with_collection {
            true => self.collection_metrics(&found.meta, &key).await?,
            false => None,
        };
        Ok(WrittenItem { attributes, consumed, collection })
    }
}
