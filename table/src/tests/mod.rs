//! The tables as a whole, on storage in memory and on a manual clock.

mod destinations;
mod durability;
mod expiry;
mod indexes;
mod items;
mod lifecycle;
mod reading;
mod recorded;
mod several_keys;
mod streams;
mod throttling;
mod transactions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::{ManualClock, SeededEntropy};
use millstream_storage::faulty::{Faults, FaultyBackend};
use millstream_storage::memory::MemoryBackend;
use millstream_storage::{Backend, Slot, SlotId};

use crate::{
    CreateTable, GetItem, Item, KeyElement, KeyPart, KeySchemaElement, KeyType, OnDemandThroughput,
    Placeholders, ProjectionSpec, PutItem, Result, Settings, TableArn, Tables, Value,
};

/// 2023-11-14T22:13:20Z
const START: Duration = Duration::from_secs(1_700_000_000);

/// A store, its faults, and a clock, from which tables can be opened again and again.
struct World {
    storage: FaultyBackend<MemoryBackend>,
    clock: ManualClock,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        Self {
            storage: FaultyBackend { inner: MemoryBackend::new(), faults: Faults::default() },
            clock: ManualClock::starting_at(START),
            settings: Settings::default(),
        }
    }

    fn faults(&self) -> &Faults {
        &self.storage.faults
    }

    async fn slot(&self) -> Arc<dyn Slot> {
        self.storage.open(SlotId(0), None).await.unwrap()
    }

    async fn open(&self) -> Tables {
        self.open_on(self.slot().await).await
    }

    async fn open_on(&self, slot: Arc<dyn Slot>) -> Tables {
        let entropy = SeededEntropy::shared(7);
        Tables::open(slot, self.settings.clone(), self.clock.shared(), entropy).await.unwrap()
    }

    /// With one table, of the hash key `id`.
    async fn with_table(&self) -> (Tables, TableArn) {
        let (tables, arn) = (self.open().await, arn("orders"));
        tables.create_table(on_demand(&arn)).await.unwrap();
        (tables, arn)
    }
}

fn arn(name: &str) -> TableArn {
    format!("arn:aws:dynamodb:us-east-1:000000000000:table/{name}").parse().unwrap()
}

fn element(name: &str, kind: KeyType) -> KeyElement {
    KeyElement { name: name.to_owned(), kind }
}

fn key_part(name: &str, part: KeyPart) -> KeySchemaElement {
    KeySchemaElement { name: name.to_owned(), part }
}

fn on_demand(arn: &TableArn) -> CreateTable {
    CreateTable::on_demand(arn.clone(), vec![element("id", KeyType::S)], vec![key_part("id", KeyPart::Hash)])
}

fn item<const N: usize>(attributes: [(&str, Value); N]) -> Item {
    attributes.into_iter().collect()
}

fn id(id: &str) -> Item {
    item([("id", id.into())])
}

fn values<const N: usize>(values: [(&str, Value); N]) -> Placeholders {
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Placeholders { names: None, values: Some(values) }
}

async fn put(tables: &Tables, arn: &TableArn, item: Item) -> Result<()> {
    tables.put_item(PutItem::new(arn.clone(), item)).await.map(|_| ())
}

async fn get(tables: &Tables, arn: &TableArn, key: Item) -> Result<Option<Item>> {
    let call = GetItem {
        table: arn.clone(),
        key,
        projection: ProjectionSpec::default(),
        placeholders: Placeholders::default(),
        is_consistent: true,
    };
    tables.get_item(call).await.map(|got| got.item)
}
