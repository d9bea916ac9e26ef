//! The writes of a lease store, in the terms that KCL uses, over any table service.
//!
//! What is expected follows KCL, and is stricter where that cannot disturb it: who holds a lease is compared beside the
//! counter, because a lease that was removed and made again counts from 0.

mod coordination;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;

use super::table::{Change, Changes, Expect, Expected, Layout, Outcome, Part, RowTable, Table};
use super::{Cas, Compare, LeaseStore, Listing, Lost, Metadata, NewCheckpoint};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::leader::Lock;
use crate::lease::{Lease, PendingCheckpoint};
use crate::names::{LeaseKey, WorkerId};
use crate::row::attribute::{CHECKPOINT_OWNER, LEASE_COUNTER, LEASE_KEY, LEASE_OWNER};
use crate::row::lease::{
    CHILDREN, OWNER_SWITCHES, PENDING_CHECKPOINT, PENDING_STATE, PENDING_SUB_SEQUENCE, THROUGHPUT,
    checkpoint_values, hash_range_values, shards_value, stream_values,
};
use crate::row::{EntityType, Row, Value, lease};
use crate::worker::WorkerReport;

/// A lease store over the tables of `T`. Clones share them.
#[derive(Clone, Debug)]
pub struct TableStore<T> {
    table: Arc<T>,
    layout: Layout,
}

impl<T: RowTable> TableStore<T> {
    pub fn over(table: T, layout: Layout) -> Self {
        Self { table: Arc::new(table), layout }
    }

    /// The table service underneath.
    pub fn table(&self) -> &T {
        &self.table
    }

    async fn change(&self, key: &LeaseKey, expected: Expected, changes: Changes) -> Result<Cas> {
        outcome(self.table.update(&self.layout.leases, key.as_str(), expected, changes).await?, lease::of_row)
    }

    /// Every row of a table.
    async fn scan(&self, table: &Table) -> Result<Vec<Row>> {
        let parts = self.table.parts(table).await?.max(1);
        let part = async |number| {
            let (mut rows, mut after) = (Vec::new(), None);
            loop {
                let page = self.table.scan(table, Part { number, of: parts }, after).await?;
                rows.extend(page.rows);
                match page.next {
                    Some(next) => after = Some(next),
                    None => return Ok::<_, Error>(rows),
                }
            }
        };
        Ok(try_join_all((0..parts).map(part)).await?.into_iter().flatten().collect())
    }
}

/// What an outcome means for whoever reads the rows by `of_row`.
fn outcome<V, E: Into<Error>>(outcome: Outcome, of_row: impl Fn(Row) -> Result<V, E>) -> Result<Cas<V>> {
    Ok(match outcome {
        Outcome::Applied(row) => Cas::Applied(of_row(row).map_err(Into::into)?),
        Outcome::Refused(None) => Cas::Lost(Lost::Gone),
        Outcome::Refused(Some(row)) => Cas::Lost(Lost::Changed(Box::new(of_row(row).map_err(Into::into)?))),
    })
}

fn expect(name: &str, expect: Expect) -> (String, Expect) {
    (name.to_owned(), expect)
}

fn put(name: &str, value: Value) -> (String, Change) {
    (name.to_owned(), Change::Put(value))
}

fn remove(name: &str) -> (String, Change) {
    (name.to_owned(), Change::Remove)
}

/// The row is there: an update would make it otherwise.
fn exists(seen: &Lease) -> (String, Expect) {
    expect(LEASE_KEY, Expect::Equals(Value::text(&seen.key)))
}

fn counter(seen: &Lease) -> (String, Expect) {
    expect(LEASE_COUNTER, Expect::Equals(Value::number(seen.counter)))
}

/// Both owners are who they were.
fn owners(seen: &Lease) -> [(String, Expect); 2] {
    [
        expect(LEASE_OWNER, Expect::as_seen(seen.owner.as_ref().map(Value::text))),
        expect(CHECKPOINT_OWNER, Expect::as_seen(seen.checkpoint_owner.as_ref().map(Value::text))),
    ]
}

/// The row is there, and nobody has renewed it or moved it since.
fn unchanged(seen: &Lease) -> Expected {
    let [owner, checkpoint_owner] = owners(seen);
    vec![exists(seen), counter(seen), owner, checkpoint_owner]
}

/// `me` holds the lease, in handoff or out of it as `held` says, and nobody renewed it since.
fn held_by(held: &Lease, me: &WorkerId) -> Expected {
    let mut expected = vec![counter(held)];
    if held.checkpoint_owner.as_ref() == Some(me) {
        expected.push(expect(CHECKPOINT_OWNER, Expect::Equals(Value::text(me))));
    } else {
        expected.push(expect(LEASE_OWNER, Expect::Equals(Value::text(me))));
        expected.push(expect(CHECKPOINT_OWNER, Expect::Absent));
    }
    expected
}

fn next_counter(seen: &Lease) -> (String, Change) {
    put(LEASE_COUNTER, Value::number(seen.counter.saturating_add(1)))
}

/// Makes `to` the owner and counts it if the holder changes by that.
fn new_owner(seen: &Lease, to: &WorkerId) -> Changes {
    let mut changes = vec![put(LEASE_OWNER, Value::text(to)), remove(CHECKPOINT_OWNER)];
    if seen.holder() != Some(to) {
        changes.push((OWNER_SWITCHES.to_owned(), Change::Add(1)));
    }
    changes
}

/// What any checkpoint writes beside itself, so that rows of older versions get it.
fn with_shard(seen: &Lease, mut changes: Changes) -> Changes {
    let range = seen.hash_range.map(hash_range_values);
    let stream = seen.stream.as_ref().map(stream_values);
    for (name, value) in range.into_iter().chain(stream).flatten() {
        changes.push(put(name, value));
    }
    changes
}

fn not_back(from: &Checkpoint, to: &Checkpoint) -> Result<()> {
    if to < from {
        let (from, to) = (Box::new(from.clone()), Box::new(to.clone()));
        return Err(Error::CheckpointGoesBack { from, to });
    }
    Ok(())
}

#[async_trait]
impl<T: RowTable + 'static> LeaseStore for TableStore<T> {
    async fn prepare(&self) -> Result<()> {
        for table in self.layout.tables() {
            self.table.ensure(table, *table == self.layout.leases).await?;
        }
        Ok(())
    }

    async fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for row in self.scan(&self.layout.leases).await? {
            if EntityType::of(&row) != EntityType::Lease {
                continue;
            }
            match lease::of_row(row) {
                Ok(lease) => listing.leases.push(lease),
                Err(bad) => listing.bad.push(bad),
            }
        }
        listing.leases.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listing)
    }

    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>> {
        let row = self.table.get(&self.layout.leases, key.as_str()).await?;
        let row = row.filter(|row| EntityType::of(row) == EntityType::Lease);
        Ok(row.map(lease::of_row).transpose()?)
    }

    async fn keys_of(&self, owner: &WorkerId) -> Result<Vec<LeaseKey>> {
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let page = self.table.query_owner(&self.layout.leases, owner.as_str(), after).await?;
            keys.extend(page.keys.iter().filter_map(|key| key.parse().ok()));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(keys),
            }
        }
    }

    async fn create(&self, new: &Lease) -> Result<Cas> {
        let expected = vec![expect(LEASE_KEY, Expect::Absent)];
        outcome(self.table.put(&self.layout.leases, lease::to_row(new), expected).await?, lease::of_row)
    }

    async fn renew(&self, held: &Lease, me: &WorkerId, throughput_kbps: Option<f64>) -> Result<Cas> {
        let mut changes = vec![next_counter(held)];
        changes.extend(throughput_kbps.map(|kbps| put(THROUGHPUT, Value::fraction(kbps))));
        self.change(&held.key, held_by(held, me), changes).await
    }

    async fn take(&self, seen: &Lease, by: &WorkerId) -> Result<Cas> {
        let mut changes = new_owner(seen, by);
        changes.push(next_counter(seen));
        self.change(&seen.key, vec![counter(seen)], changes).await
    }

    async fn assign(&self, seen: &Lease, to: &WorkerId, compare: Compare) -> Result<Cas> {
        let mut expected = vec![exists(seen)];
        expected.extend(owners(seen));
        if compare == Compare::OwnerAndCounter {
            expected.push(counter(seen));
        }
        let mut changes = new_owner(seen, to);
        changes.push((LEASE_COUNTER.to_owned(), Change::Add(1)));
        self.change(&seen.key, expected, changes).await
    }

    async fn request_handoff(&self, seen: &Lease, to: &WorkerId) -> Result<Cas> {
        let Some(from) = seen.owner.as_ref().filter(|from| !seen.is_in_handoff() && *from != to) else {
            return Err(Error::Misuse("only a lease that another worker holds can be handed over"));
        };
        let mut expected = vec![exists(seen)];
        expected.extend(owners(seen));
        let changes = vec![put(LEASE_OWNER, Value::text(to)), put(CHECKPOINT_OWNER, Value::text(from))];
        self.change(&seen.key, expected, changes).await
    }

    async fn transfer(&self, held: &Lease, me: &WorkerId) -> Result<Cas> {
        let Some(to) = held.owner.as_ref().filter(|_| held.checkpoint_owner.as_ref() == Some(me)) else {
            return Err(Error::Misuse("only a lease in handoff can be transferred, by who still holds it"));
        };
        let mut changes = new_owner(held, to);
        changes.push((LEASE_COUNTER.to_owned(), Change::Add(1)));
        self.change(&held.key, unchanged(held), changes).await
    }

    async fn transfer_to_anybody(&self, held: &Lease, me: &WorkerId) -> Result<Cas> {
        if held.checkpoint_owner.as_ref() != Some(me) {
            return Err(Error::Misuse("only a lease in handoff can be transferred, by who still holds it"));
        }
        let mut changes = [LEASE_OWNER, CHECKPOINT_OWNER].map(remove).to_vec();
        changes.push((LEASE_COUNTER.to_owned(), Change::Add(1)));
        self.change(&held.key, unchanged(held), changes).await
    }

    async fn release(&self, seen: &Lease) -> Result<Cas> {
        let leaves = if seen.is_in_handoff() { CHECKPOINT_OWNER } else { LEASE_OWNER };
        let changes = vec![remove(leaves), (LEASE_COUNTER.to_owned(), Change::Add(1))];
        self.change(&seen.key, unchanged(seen), changes).await
    }

    async fn checkpoint(&self, held: &Lease, me: &WorkerId, new: &NewCheckpoint) -> Result<Cas> {
        not_back(&held.checkpoint, &new.checkpoint)?;
        let mut changes = vec![next_counter(held), put(OWNER_SWITCHES, Value::number(0_u32))];
        changes.extend(checkpoint_values(&new.checkpoint).map(|(name, value)| put(name, value)));
        changes.extend([PENDING_CHECKPOINT, PENDING_SUB_SEQUENCE, PENDING_STATE].map(remove));
        if !new.children.is_empty() {
            changes.push(put(CHILDREN, shards_value(&new.children)));
        }
        self.change(&held.key, held_by(held, me), with_shard(held, changes)).await
    }

    async fn prepare_checkpoint(
        &self,
        held: &Lease,
        me: &WorkerId,
        pending: &PendingCheckpoint,
    ) -> Result<Cas> {
        not_back(&held.checkpoint, &pending.checkpoint)?;
        let [(_, position), (_, sub_sequence)] = checkpoint_values(&pending.checkpoint);
        let state = pending.state.clone().filter(|state| !state.is_empty());
        let mut changes = vec![
            next_counter(held),
            put(OWNER_SWITCHES, Value::number(0_u32)),
            put(PENDING_CHECKPOINT, position),
            put(PENDING_SUB_SEQUENCE, sub_sequence),
            state.map_or_else(|| remove(PENDING_STATE), |state| put(PENDING_STATE, Value::B(state))),
        ];
        changes.extend(checkpoint_values(&held.checkpoint).map(|(name, value)| put(name, value)));
        self.change(&held.key, held_by(held, me), with_shard(held, changes)).await
    }

    async fn update_metadata(&self, seen: &Lease, metadata: &Metadata) -> Result<Cas> {
        let mut changes = Changes::new();
        if !metadata.children.is_empty() {
            changes.push(put(CHILDREN, shards_value(&metadata.children)));
        }
        if let Some(range) = metadata.hash_range {
            changes.extend(hash_range_values(range).map(|(name, value)| put(name, value)));
        }
        if changes.is_empty() {
            return Err(Error::Misuse("an update without anything in it"));
        }
        self.change(&seen.key, vec![exists(seen)], changes).await
    }

    async fn delete(&self, seen: &Lease) -> Result<Cas> {
        let expected = vec![exists(seen), counter(seen)];
        outcome(self.table.delete(&self.layout.leases, seen.key.as_str(), expected).await?, lease::of_row)
    }

    async fn report(&self, last: Option<&WorkerReport>, new: &WorkerReport) -> Result<Cas<WorkerReport>> {
        self.write_report(last, new).await
    }

    async fn reports(&self) -> Result<Vec<WorkerReport>> {
        self.read_reports().await
    }

    async fn has_report(&self, worker: &WorkerId) -> Result<bool> {
        Ok(self.table.get(&self.layout.workers, worker.as_str()).await?.is_some())
    }

    async fn delete_report(&self, seen: &WorkerReport) -> Result<Cas<WorkerReport>> {
        self.remove_report(seen).await
    }

    async fn lock(&self) -> Result<Option<Lock>> {
        self.read_lock().await
    }

    async fn acquire_lock(&self, seen: Option<&Lock>, new: &Lock) -> Result<Cas<Lock>> {
        self.write_lock(seen, new).await
    }

    async fn heartbeat_lock(&self, held: &Lock, new: &Lock) -> Result<Cas<Lock>> {
        self.renew_lock(held, new).await
    }

    async fn release_lock(&self, held: &Lock) -> Result<Cas<Lock>> {
        self.remove_lock(held).await
    }

    async fn state(&self, key: &str) -> Result<Option<Row>> {
        self.table.get(&self.layout.state, key).await
    }

    async fn put_state(&self, key: &str, seen: Option<&Row>, new: Row) -> Result<Cas<Row>> {
        self.write_state(key, seen, new).await
    }
}
