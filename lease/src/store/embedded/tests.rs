//! The contract on a table service over storage in memory.

use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::{ManualClock, SeededEntropy, SystemClock};
use millstream_storage::memory::MemoryBackend;
use millstream_storage::{Backend, SlotId};
use millstream_table::Settings;

use super::*;
use crate::checkpoint::Checkpoint;
use crate::lease::Lease;
use crate::store::{LeaseStore, contract};

async fn tables(backend: &MemoryBackend, clock: SharedClock) -> Tables {
    let slot = backend.open(SlotId(0), None).await.unwrap();
    Tables::open(slot, Settings::default(), clock, SeededEntropy::shared(7)).await.unwrap()
}

fn place() -> Place {
    Place { account: "000000000000".parse().unwrap(), region: "us-east-1".parse().unwrap() }
}

#[tokio::test]
async fn keeps_the_contract() {
    let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000)).shared();
    let tables = tables(&MemoryBackend::new(), clock.clone()).await;
    for layout in [Layout::single("single"), Layout::three("three")] {
        contract::run(Arc::new(EmbeddedStore::new(tables.clone(), place(), layout, clock.clone()))).await;
    }
    tables.close().await;
}

#[tokio::test]
async fn leases_are_there_after_a_restart() {
    let (backend, clock) = (MemoryBackend::new(), SystemClock::shared());
    let lease = Lease::new("shardId-000000000000".parse().unwrap(), Checkpoint::TRIM_HORIZON);
    let first = tables(&backend, clock.clone()).await;
    let store = EmbeddedStore::new(first.clone(), place(), Layout::single("leases"), clock.clone());
    store.prepare().await.unwrap();
    assert!(store.create(&lease).await.unwrap().is_applied());
    first.close().await;
    let second = tables(&backend, clock.clone()).await;
    let store = EmbeddedStore::new(second, place(), Layout::single("leases"), clock);
    assert_eq!(store.get(&lease.key).await.unwrap(), Some(lease));
}

#[tokio::test]
async fn a_table_of_an_older_fleet_gets_its_index() {
    let clock = SystemClock::shared();
    let tables = tables(&MemoryBackend::new(), clock.clone()).await;
    let store = EmbeddedStore::new(tables, place(), Layout::single("leases"), clock);
    let table = Table { name: "leases".to_owned(), key_attribute: LEASE_KEY };
    store.table().ensure(&table, false).await.unwrap();
    let worker = "worker".parse().unwrap();
    let lease = Lease::new("shardId-000000000000".parse().unwrap(), Checkpoint::LATEST);
    assert!(store.create(&lease).await.unwrap().is_applied());
    assert!(store.take(&lease, &worker).await.unwrap().is_applied());
    store.prepare().await.unwrap();
    assert_eq!(store.keys_of(&worker).await.unwrap(), [lease.key]);
}

#[tokio::test]
async fn a_table_that_is_missing_is_named() {
    let clock = SystemClock::shared();
    let tables = tables(&MemoryBackend::new(), clock.clone()).await;
    let store = EmbeddedStore::new(tables, place(), Layout::single("nowhere"), clock);
    assert_eq!(store.list().await.unwrap_err(), Error::TableMissing("nowhere".to_owned()));
}
