//! Tasks that somebody owns: each has a name, a rule for its failure, and ends at shutdown.
//!
//! A [`TaskSet`] never leaks a task: dropping interest is explicit (`shutdown`, then `join`), and a task
//! that must not fail takes the whole set down instead of dying in silence.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::clock::Clock;

/// What the set does when a task returns an error or panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The process cannot go on without it: shut the set down.
    Shutdown,
    /// One of many (a connection, say): log it.
    Log,
}

/// A group of tasks with one shutdown signal. Clones are handles to the same group.
#[derive(Clone, Debug, Default)]
pub struct TaskSet {
    tracker: TaskTracker,
    stopping: CancellationToken,
}

impl TaskSet {
    /// Runs `future` until it ends. It should end soon after [`Self::stopping`] says so.
    #[allow(clippy::disallowed_methods)] // the one place that spawns
    pub fn spawn<F, E>(&self, name: &'static str, on_failure: OnFailure, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let mut guard = FailureGuard { set: self.clone(), name, on_failure, armed: true };
        self.tracker.spawn(async move {
            let result = future.await;
            guard.armed = false;
            if let Err(error) = result {
                guard.fail(&error);
            }
        });
    }

    /// Runs `work` to its end even if the caller stops waiting for what comes of it. `None` when it panicked.
    pub async fn carry_through<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let counted = self.tracker.token();
        Carried { set: self.clone(), name, work: Some(Box::pin(work)), counted }.await
    }

    /// Runs blocking work (storage reads) on the runtime's blocking threads and waits for it.
    /// `None` when the work panicked or the runtime is ending.
    pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        tokio::task::spawn_blocking(work).await.ok()
    }

    /// Resolves when the set was asked to stop.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Asks every task to end.
    pub fn shutdown(&self) {
        self.stopping.cancel();
    }

    /// Waits until every task has ended, at most `limit`. True when all have.
    pub async fn join(&self, clock: &dyn Clock, limit: Duration) -> bool {
        self.tracker.close();
        tokio::select! {
            biased;
            () = self.tracker.wait() => true,
            () = clock.sleep(limit) => self.tracker.is_empty(),
        }
    }
}

/// Work that its caller's task does, and that becomes a task of its own when the caller goes away: it rarely does,
/// and a task for each piece of work would be one more to wake.
struct Carried<T: Send + 'static> {
    set: TaskSet,
    name: &'static str,
    /// Empty once it has ended.
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    /// The set counts it among its tasks.
    #[allow(dead_code)] // held for its being dropped alone
    counted: TaskTrackerToken,
}

impl<T: Send + 'static> Future for Carried<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(work) = &mut self.work else { return Poll::Ready(None) };
        let outcome = match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => Some(outcome),
            Err(_) => {
                tracing::warn!(task = self.name, "a task panicked");
                None
            }
        };
        self.work = None;
        Poll::Ready(outcome)
    }
}

impl<T: Send + 'static> Drop for Carried<T> {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        // Without a runtime the process is at its end, and nothing goes on.
        if Handle::try_current().is_ok() {
            self.set.spawn(self.name, OnFailure::Log, async move {
                // Nobody listens any more: then nobody needs to know.
                drop(work.await);
                Ok::<_, Infallible>(())
            });
        }
    }
}

/// Notices a task that unwound instead of returning.
struct FailureGuard {
    set: TaskSet,
    name: &'static str,
    on_failure: OnFailure,
    armed: bool,
}

impl FailureGuard {
    fn fail(&self, error: &dyn Display) {
        match self.on_failure {
            OnFailure::Shutdown => {
                tracing::error!(task = self.name, %error, "a task failed that nothing runs without");
                self.set.shutdown();
            }
            OnFailure::Log => tracing::warn!(task = self.name, %error, "a task failed"),
        }
    }
}

impl Drop for FailureGuard {
    fn drop(&mut self) {
        if self.armed && std::thread::panicking() {
            self.fail(&"panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn tasks_end_at_shutdown() {
        let tasks = TaskSet::default();
        let inside = tasks.clone();
        tasks.spawn("waits", OnFailure::Log, async move {
            inside.stopping().await;
            Ok::<_, Infallible>(())
        });
        tasks.shutdown();
        assert!(tasks.join(&SystemClock::default(), Duration::from_secs(10)).await);
    }

    #[tokio::test]
    async fn what_is_carried_through_ends_though_nobody_waits() {
        let tasks = TaskSet::default();
        assert_eq!(tasks.carry_through("answers", async { 5 }).await, Some(5));
        assert_eq!(tasks.carry_through("panics", async { assert!(tasks_are_fine()) }).await, None);
        let (begin, begun) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let work = async move { begun.await.is_ok_and(|()| tell.send(()).is_ok()) };
        {
            let waiting = std::pin::pin!(tasks.carry_through("goes on", work));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(waiting.poll(&mut context).is_pending());
            assert!(!tasks.join(&SystemClock::default(), Duration::ZERO).await, "it is under way");
        }
        begin.send(()).unwrap();
        assert_eq!(told.await, Ok(()));
    }

    #[tokio::test]
    async fn a_vital_failure_stops_the_set() {
        let tasks = TaskSet::default();
        tasks.spawn("fails", OnFailure::Shutdown, async { Err("broken") });
        tasks.stopping().await;
    }

    #[tokio::test]
    async fn a_vital_panic_stops_the_set() {
        let tasks = TaskSet::default();
        tasks.spawn("panics", OnFailure::Shutdown, async {
            assert!(tasks_are_fine(), "planned");
            Ok::<_, Infallible>(())
        });
        tasks.stopping().await;
    }

    #[tokio::test]
    async fn join_gives_up_on_a_task_that_stays() {
        let tasks = TaskSet::default();
        tasks.spawn("stays", OnFailure::Log, std::future::pending::<Result<(), Infallible>>());
        assert!(!tasks.join(&SystemClock::default(), Duration::from_millis(10)).await);
    }

    fn tasks_are_fine() -> bool {
        false
    }
}
