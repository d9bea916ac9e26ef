//! The table, what it is stored on, and the history of one run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::{ManualClock, SeededEntropy};
use millstream_storage::faulty::{Faults, FaultyBackend};
use millstream_storage::memory::{MemoryBackend, MemorySlot};
use millstream_storage::{Backend, SlotId};
use millstream_table::{
    BillingMode, CreateTable, Error, KeyElement, KeyPart, KeySchemaElement, KeyType, OnDemandThroughput,
    Settings, Tables,
};
use parking_lot::Mutex;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

use crate::calls::{arn, call, compare_and_call};
use crate::model::{Answer, Model, Operation};

pub(crate) const ITEMS: u64 = 2;

/// Who compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparing {
    Table,
    /// Reads, compares, and then writes whatever is there: the mistake that conditions are there for.
    Client,
}

type History = BTreeMap<u64, LinearizabilityTester<u64, Model>>;

/// What all actors of one run share.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) backend: Arc<FaultyBackend<Opened>>,
    pub(crate) clock: ManualClock,
    tables: Arc<Mutex<Tables>>,
    pub(crate) history: Arc<Mutex<History>>,
    next_thread: Arc<Mutex<u64>>,
    pub(crate) busy: Arc<Mutex<u64>>,
    comparing: Comparing,
}

/// Memory that keeps a hand on the slot it opened last, to sync it and to cut its power.
#[derive(Debug)]
pub(crate) struct Opened {
    memory: MemoryBackend,
    pub(crate) slot: Mutex<Option<Arc<MemorySlot>>>,
}

#[async_trait::async_trait]
impl Backend for Opened {
    async fn open(
        &self,
        slot: SlotId,
        epoch: Option<u64>,
    ) -> millstream_storage::Result<Arc<dyn millstream_storage::Slot>> {
        let opened = self.memory.open_slot(slot, epoch)?;
        *self.slot.lock() = Some(opened.clone());
        Ok(opened)
    }
}

impl Stage {
    pub(crate) async fn set(seed: u64, comparing: Comparing) -> Self {
        let inner = Opened { memory: MemoryBackend::manual(), slot: Mutex::default() };
        let backend = Arc::new(FaultyBackend { inner, faults: Faults::default() });
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000));
        let tables = open(&backend, &clock, seed).await;
        let create = CreateTable {
            arn: arn(),
            attributes: vec![KeyElement { name: "id".to_owned(), kind: KeyType::S }],
            keys: vec![KeySchemaElement { name: "id".to_owned(), part: KeyPart::Hash }],
            local_indexes: None,
            global_indexes: None,
            billing: Some(BillingMode::PayPerRequest),
            throughput: None,
            limits: OnDemandThroughput::default(),
            warm: None,
            stream: None,
            encryption: None,
            tags: BTreeMap::new(),
            class: None,
            deletion_protection: false,
            policy: None,
        };
        while_syncing(&backend, tables.create_table(create)).await.unwrap();
        let history = (0..ITEMS).map(|item| (item, LinearizabilityTester::new(Model::default()))).collect();
        Self {
            backend,
            clock,
            tables: Arc::new(Mutex::new(tables)),
            history: Arc::new(Mutex::new(history)),
            next_thread: Arc::default(),
            busy: Arc::default(),
            comparing,
        }
    }

    /// An operation and its answer, as the history knows them. A thread that got no answer is never heard of again.
    pub(crate) async fn act(
        &self,
        thread: &mut Option<u64>,
        item: u64,
        operation: Operation,
    ) -> Option<Answer> {
        let thread_id = *thread.get_or_insert_with(|| {
            let mut next = self.next_thread.lock();
            *next += 1;
            *next
        });
        self.with(item, |tester| tester.on_invoke(thread_id, operation).map(drop));
        let tables = self.tables.lock().clone();
        let answer = match self.comparing {
            Comparing::Table => call(&tables, item, operation).await,
            Comparing::Client => compare_and_call(&tables, item, operation).await,
        };
        match answer {
            Ok(answer) => {
                self.with(item, |tester| tester.on_return(thread_id, answer).map(drop));
                Some(answer)
            }
            Err(Error::Unavailable(_) | Error::Internal(_)) => {
                *thread = None;
                None
            }
            Err(error) => panic!("{operation:?}: {error}"),
        }
    }

    fn with(
        &self,
        item: u64,
        note: impl FnOnce(&mut LinearizabilityTester<u64, Model>) -> Result<(), String>,
    ) {
        note(self.history.lock().get_mut(&item).unwrap()).unwrap();
    }

    pub(crate) async fn cut_power(&self, seed: u64, kept: usize) {
        let slot = self.backend.inner.slot.lock().clone();
        slot.unwrap().crash_keeping(kept);
        let before = self.tables.lock().clone();
        // A process that lost its power does not end cleanly: whoever waits gets no answer.
        tokio::join!(before.close(), async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
                self.clock.advance(Duration::from_millis(100));
            }
        });
        self.backend.faults.answer_uncertain(false);
        self.backend.faults.fail_commits(None);
        let tables = open(&self.backend, &self.clock, seed).await;
        *self.tables.lock() = tables;
    }
}

async fn open(backend: &FaultyBackend<Opened>, clock: &ManualClock, seed: u64) -> Tables {
    let slot = backend.open(SlotId(0), None).await.unwrap();
    let tables = Tables::open(slot, Settings::default(), clock.shared(), SeededEntropy::shared(seed));
    while_syncing(backend, tables).await.unwrap()
}

async fn while_syncing<T>(backend: &FaultyBackend<Opened>, work: impl Future<Output = T>) -> T {
    let syncing = async {
        loop {
            if let Some(slot) = backend.inner.slot.lock().as_ref() {
                slot.sync();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = syncing => unreachable!("the disk turns for ever"),
    }
}
