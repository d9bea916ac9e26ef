//! The table, what it is stored on, and the history of one run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::{ManualClock, SeededEntropy};
use millstream_storage::faulty::{Faults, FaultyBackend};
use millstream_storage::manual_disk::ManualDisk;
use millstream_storage::{Backend, SlotId};
use millstream_table::{
    CreateTable, Error, KeyElement, KeyPart, KeySchemaElement, KeyType, Settings, Tables,
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
    pub(crate) backend: Arc<FaultyBackend<ManualDisk>>,
    pub(crate) clock: ManualClock,
    tables: Arc<Mutex<Tables>>,
    pub(crate) history: Arc<Mutex<History>>,
    next_thread: Arc<Mutex<u64>>,
    pub(crate) busy: Arc<Mutex<u64>>,
    comparing: Comparing,
}

impl Stage {
    pub(crate) async fn set(seed: u64, comparing: Comparing) -> Self {
        let backend = Arc::new(FaultyBackend { inner: ManualDisk::default(), faults: Faults::default() });
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000));
        let tables = open(&backend, &clock, seed).await;
        let attributes = vec![KeyElement { name: "id".to_owned(), kind: KeyType::S }];
        let keys = vec![KeySchemaElement { name: "id".to_owned(), part: KeyPart::Hash }];
        let create = tables.create_table(CreateTable::on_demand(arn(), attributes, keys));
        backend.inner.while_syncing(create).await.unwrap();
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
        self.backend.inner.cut_power(kept);
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

async fn open(backend: &FaultyBackend<ManualDisk>, clock: &ManualClock, seed: u64) -> Tables {
    let slot = backend.open(SlotId(0), None).await.unwrap();
    let tables = Tables::open(slot, Settings::default(), clock.shared(), SeededEntropy::shared(seed));
    backend.inner.while_syncing(tables).await.unwrap()
}
