//! What the actors of a run share: the engine of the moment, its storage and its clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millstream_model::StreamArn;
use millstream_runtime::{ManualClock, SeededEntropy, TaskSet};
use millstream_storage::faulty::{Faults, FaultyBackend};
use millstream_storage::manual_disk::ManualDisk;
use millstream_storage::{Backend, SlotId};
use parking_lot::Mutex;

use super::history::{History, Report};
use crate::tests::{START, arn, provisioned};
use crate::{Engine, EphemeralKey, Limits, RegisterConsumer, Settings};

#[derive(Clone)]
pub(super) struct Stage {
    pub(super) arn: StreamArn,
    pub(super) clock: ManualClock,
    pub(super) tasks: TaskSet,
    pub(super) faults: Faults,
    pub(super) history: Arc<Mutex<History>>,
    backend: Arc<FaultyBackend<ManualDisk>>,
    engine: Arc<Mutex<Engine>>,
    settings: Settings,
    /// Outlives the power, as its file does.
    keys: Arc<EphemeralKey>,
    /// Every third run starts and stops encryption.
    pub(super) is_encrypting: bool,
    /// No more writes, faults or changes: readers read what there is and stop.
    last_act: Arc<AtomicBool>,
    writers: Arc<Mutex<u64>>,
    readers: Arc<Mutex<u64>>,
}

impl Stage {
    pub(super) async fn set(seed: u64) -> Self {
        let faults = Faults::default();
        let backend = Arc::new(FaultyBackend { inner: ManualDisk::default(), faults: faults.clone() });
        let clock = ManualClock::starting_at(START);
        // Every other run reads from storage alone.
        let tail_bytes_max = if seed.is_multiple_of(2) { 1 << 20 } else { 0 };
        let settings = Settings { limits: Limits::OFF, tail_bytes_max, ..Settings::default() };
        let keys = Arc::new(EphemeralKey::new(SeededEntropy::shared(8)));
        let engine = open(&backend, &settings, &keys, &clock, seed).await;
        let stage = Self {
            arn: arn("orders"),
            clock,
            tasks: TaskSet::default(),
            faults,
            history: Arc::default(),
            engine: Arc::new(Mutex::new(engine)),
            backend,
            settings,
            keys,
            is_encrypting: seed.is_multiple_of(3),
            last_act: Arc::default(),
            writers: Arc::default(),
            readers: Arc::default(),
        };
        let call = provisioned(&stage.arn, 1 + u32::try_from(seed % 3).unwrap());
        stage.while_syncing(stage.engine().create_stream(call)).await.unwrap();
        for number in 0..super::SUBSCRIBERS {
            let name = format!("subscriber-{number}").parse().unwrap();
            let call = RegisterConsumer { stream: stage.arn.clone(), name, tags: BTreeMap::new() };
            stage.while_syncing(stage.engine().register_consumer(call)).await.unwrap();
        }
        stage
    }

    pub(super) fn engine(&self) -> Engine {
        self.engine.lock().clone()
    }

    pub(super) fn sync(&self) {
        self.backend.inner.sync();
    }

    /// Storage notes marks, or does not come to it.
    pub(super) fn hold_anchors(&self, on: bool) {
        self.backend.inner.hold_anchors(on);
    }

    /// For what is done when nothing else goes on.
    pub(super) async fn while_syncing<T>(&self, work: impl Future<Output = T>) -> T {
        self.backend.inner.while_syncing(work).await
    }

    /// Cuts the power, loses what was not durable, but for a few batches that had come to the disk, and starts again.
    pub(super) async fn cut_power(&self, seed: u64, kept: usize) {
        self.backend.inner.cut_power(kept);
        let before = self.engine();
        // What a process leaves behind is nothing: whoever waits is told.
        before.inner.committer.close();
        before.inner.tasks().shutdown();
        self.faults.disk_full(false);
        self.faults.fail_commits(None);
        self.faults.answer_uncertain(false);
        let engine = open(&self.backend, &self.settings, &self.keys, &self.clock, seed).await;
        *self.engine.lock() = engine;
    }

    pub(super) fn is_last_act(&self) -> bool {
        self.last_act.load(Ordering::Relaxed)
    }

    pub(super) fn begin_last_act(&self) {
        self.last_act.store(true, Ordering::Relaxed);
    }

    /// Writers and readers count themselves in and out.
    pub(super) fn writer(&self) -> Presence {
        Presence::of(&self.writers)
    }

    pub(super) fn reader(&self) -> Presence {
        Presence::of(&self.readers)
    }

    pub(super) fn writers_left(&self) -> u64 {
        *self.writers.lock()
    }

    pub(super) fn readers_left(&self) -> u64 {
        *self.readers.lock()
    }

    pub(super) fn report(&self) -> Report {
        self.history.lock().conclude()
    }
}

pub(super) struct Presence(Arc<Mutex<u64>>);

impl Presence {
    fn of(count: &Arc<Mutex<u64>>) -> Self {
        *count.lock() += 1;
        Self(count.clone())
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
    }
}

async fn open(
    backend: &FaultyBackend<ManualDisk>,
    settings: &Settings,
    keys: &Arc<EphemeralKey>,
    clock: &ManualClock,
    seed: u64,
) -> Engine {
    let slot = backend.open(SlotId(0), None).await.unwrap();
    let entropy = SeededEntropy::shared(seed);
    let engine = Engine::open(slot, settings.clone(), clock.shared(), entropy, keys.clone());
    backend.inner.while_syncing(engine).await.unwrap()
}

/// Longer than the engine waits between two attempts to write.
pub(super) const A_WHILE: Duration = Duration::from_millis(300);
