//! Carries mutations out: one batch, durable before anybody is told, and locks that are held until it is.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use millstream_storage::{Priority, WriteSet};
use tokio::sync::OwnedRwLockReadGuard;

use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::item::Item;
use crate::item_locks::ItemGuard;
use crate::key::Key;
use crate::keyspace::corrupt;
use crate::keyspace::entry_key::{collection_key, item_key};
use crate::meta::TableMeta;
use crate::mutation::Mutation;
use crate::store::Evidence;
use crate::tables::{Entered, Found, Inner, Tables};

/// The most that items with one hash key may have together in a table with local indexes: 10 GB.
const COLLECTION_BYTES_MAX: u64 = 10 * 1024 * 1024 * 1024;

/// What must be held while mutations are worked out and carried out.
#[derive(Debug)]
#[allow(dead_code)] // held for their being dropped alone
pub(crate) struct Held {
    gates: Vec<OwnedRwLockReadGuard<()>>,
    items: Vec<ItemGuard>,
}

/// Something that is stored together with mutations.
#[derive(Debug, Default)]
pub(crate) struct Besides {
    pub(crate) puts: Vec<(Bytes, Bytes)>,
}

impl Held {
    /// Holds another lock as well; gives back what goes with it.
    pub(crate) fn keep<T>(&mut self, guard: ItemGuard, with: T) -> T {
        self.items.push(guard);
        with
    }
}

impl Inner {
    /// The tables, and the right to write these items of theirs; each item is named with its table.
    pub(crate) async fn hold(
        &self,
        tables: Vec<Entered>,
        items: impl IntoIterator<Item = Bytes>,
    ) -> (Vec<Found>, Held) {
        let (found, gates) = tables.into_iter().map(|entered| (entered.found, entered.gate)).unzip();
        let items = self.locks.lock_all(items.into_iter().collect()).await;
        (found, Held { gates, items })
    }

    /// As [`Self::hold`], for one item.
    pub(crate) async fn hold_one(&self, table: Entered, item: Bytes) -> (Found, Held) {
        let items = vec![self.locks.lock(item).await];
        (table.found, Held { gates: vec![table.gate], items })
    }

    /// Enters tables in the order of their names, so that nobody waits for somebody who waits for him.
    pub(crate) async fn enter_all(
        &self,
        tables: impl IntoIterator<Item = TableArn>,
    ) -> Result<BTreeMap<TableArn, Entered>> {
        let mut entered = BTreeMap::new();
        let sorted: std::collections::BTreeSet<_> = tables.into_iter().collect();
        for arn in sorted {
            let table = self.enter(&arn).await?;
            entered.insert(arn, table);
        }
        Ok(entered)
    }

    /// The item as it is now, for durable readers and for those who hold its lock.
    pub(crate) async fn read_item(&self, meta: &TableMeta, key: &Key) -> Result<Option<Item>> {
        match self.slot.get(&item_key(meta.uid, key)).await? {
            Some(bytes) => Ok(Some(Item::decode(&bytes)?)),
            None => Ok(None),
        }
    }

    /// The size in bytes of all items with this hash key.
    pub(crate) async fn collection_bytes(&self, key: &Bytes) -> Result<u64> {
        match self.slot.get(key).await? {
            Some(row) => {
                let bytes = row.as_ref().try_into().map_err(|_| corrupt("the size of a collection", key))?;
                Ok(u64::from_be_bytes(bytes))
            }
            None => Ok(0),
        }
    }

    /// The new sizes of the collections that grow or shrink.
    async fn collections(&self, mutations: &[Mutation]) -> Result<Vec<(Bytes, u64)>> {
        let mut growths: BTreeMap<Bytes, i64> = BTreeMap::new();
        let grows = |mutation: &&Mutation| mutation.changes_something() && mutation.meta.has_collections();
        for mutation in mutations.iter().filter(grows) {
            let key = collection_key(mutation.meta.uid, &mutation.key.hash);
            *growths.entry(key).or_default() += mutation.collection_growth();
        }
        let mut sizes = Vec::with_capacity(growths.len());
        for (key, growth) in growths {
            let size = self.collection_bytes(&key).await?.saturating_add_signed(growth);
            if growth > 0 && size > COLLECTION_BYTES_MAX {
                return Err(Error::ItemCollectionSizeLimitExceeded);
            }
            sizes.push((key, size));
        }
        Ok(sizes)
    }

    /// Which entries of items whose locks are held have yet to come into the indexes that are being filled.
    pub(crate) async fn missing_entries(&self, mutations: &[Mutation]) -> Result<HashSet<Bytes>> {
        let mut missing = HashSet::new();
        for key in mutations.iter().flat_map(Mutation::doubtful_entries) {
            if self.slot.get(key).await?.is_none() {
                missing.insert(key.clone());
            }
        }
        Ok(missing)
    }
}

impl Tables {
    /// Makes the mutations durable, all or none, and gives them back. Goes on even if the caller goes away, and holds
    /// what is held until it is known what was stored.
    pub(crate) async fn carry_out<M>(&self, held: Held, mutations: M, besides: Besides) -> Result<M>
    where
        M: AsRef<[Mutation]> + Send + Sync + 'static,
    {
        // What is there is durable already.
        if besides.puts.is_empty() && !mutations.as_ref().iter().any(Mutation::changes_something) {
            return Ok(mutations);
        }
        let collections = self.inner.collections(mutations.as_ref()).await?;
        let missing = self.inner.missing_entries(mutations.as_ref()).await?;
        self.carry_through("write of items", move |tables| async move {
            let inner = &tables.inner;
            let changes = || mutations.as_ref().iter().filter(|mutation| mutation.changes_something());
            let under_way = inner.sequences.take(changes().filter(|one| one.is_logged()).count() as u64);
            let mut writes = WriteSet::new().with_priority(priority(changes()));
            let (now, mut sequence, mut evidence) = (inner.now_micros(), under_way.first, None);
            for mutation in changes() {
                let written = mutation.write(&mut writes, sequence, now);
                evidence.get_or_insert(written);
                sequence += u64::from(mutation.is_logged());
            }
            for (key, size) in collections {
                match size {
                    0 => writes.delete(key),
                    size => writes.put(key, size.to_be_bytes().to_vec()),
                }
            }
            for (key, value) in besides.puts {
                writes.put(key.clone(), value.clone());
                evidence.get_or_insert(Evidence { key, value: Some(value) });
            }
            if let Some(evidence) = evidence {
                inner.store(writes, evidence).await?;
            }
            drop(under_way);
            for mutation in changes() {
                mutation.count(&missing);
                if mutation.is_logged() {
                    mutation.table.grown.notify_waiters();
                }
            }
            drop(held);
            Ok(mutations)
        })
        .await
    }
}

/// What only removes gives space back, and so may use the reserve of a full disk; the log of changes would not.
fn priority<'a>(changes: impl Iterator<Item = &'a Mutation>) -> Priority {
    let only_removes = |mutation: &Mutation| mutation.after.is_none() && !mutation.is_logged();
    let mut changes = changes.peekable();
    match changes.peek().is_some() && changes.all(only_removes) {
        true => Priority::Reclaim,
        false => Priority::Normal,
    }
}

/// The name of the lock that is for an item. Items of a collection share one, since its size is theirs together.
pub(crate) fn lock_name(meta: &TableMeta, key: &Key) -> Bytes {
    match meta.has_collections() {
        true => collection_key(meta.uid, &key.hash),
        false => item_key(meta.uid, key),
    }
}
