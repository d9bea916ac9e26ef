//! Replacing all content: the engine exchanges what the store holds, and the tables on the same store are given up
//! before and opened anew afterwards.
//!
//! One at a time, and each goes on to its end if whoever asked stops waiting: otherwise there would be no tables.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::StatusCode;
use millstream_engine::SnapshotError;
use millstream_runtime::{OnFailure, TaskSet};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::answer::Refusal;
use crate::aws::dynamodb::live_tables::{LiveTables, TablesOpener};

/// Clones are handles to the same tables.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    pub(crate) tables: LiveTables,
    pub(crate) opener: TablesOpener,
    pub(crate) tasks: TaskSet,
    /// Held by whoever replaces the content.
    replacing: Arc<Mutex<()>>,
    /// By a snapshot, which may take long.
    loading: Arc<AtomicBool>,
}

impl Replacement {
    pub(crate) fn new(tables: LiveTables, opener: TablesOpener, tasks: TaskSet) -> Self {
        Self { tables, opener, tasks, replacing: Arc::default(), loading: Arc::default() }
    }

    /// By nothing. Waits for another one of its kind, but not for a snapshot, which it would wipe out.
    pub(super) async fn reset<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        if self.loading.load(Ordering::SeqCst) {
            return Err(SnapshotError::Busy.into());
        }
        let guard = self.replacing.clone().lock_owned().await;
        self.run(guard, work).await
    }

    /// By a snapshot.
    pub(super) async fn load<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        let Ok(guard) = self.replacing.clone().try_lock_owned() else {
            return Err(SnapshotError::Busy.into());
        };
        self.loading.store(true, Ordering::SeqCst);
        let loading = self.loading.clone();
        let work = async move {
            let outcome = work.await;
            loading.store(false, Ordering::SeqCst);
            outcome
        };
        self.run(guard, work).await
    }

    async fn run<T, F>(&self, guard: OwnedMutexGuard<()>, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        let Self { tables, opener, .. } = self.clone();
        let (tell, told) = oneshot::channel();
        self.tasks.spawn("replacement of the content", OnFailure::Log, async move {
            let _guard = guard;
            tables.take().await;
            let outcome = work.await;
            let opened = opener.open().await;
            let outcome = match opened {
                Ok(opened) => {
                    tables.put(opened);
                    outcome
                }
                Err(error) => {
                    tables.close().await;
                    let text = format!("The tables cannot be opened: {error}.");
                    outcome.and(Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text)))
                }
            };
            // Whoever asked may have stopped waiting.
            let _ = tell.send(outcome);
            Ok::<_, Infallible>(())
        });
        let ended = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The server is shutting down.");
        told.await.unwrap_or_else(|_| Err(ended()))
    }
}
