//! Ends not knowing whether a batch was stored, which failed as [`Error::Uncertain`]: a disk may fill up between a write
//! and its sync, and then storage does not know by itself.
//!
//! What was stored is for whoever wrote it to look up afterwards.

use std::time::Duration;

use bytes::Bytes;
use millstream_runtime::{Clock, TaskSet};

use crate::error::{Error, ErrorKind, Result};
use crate::slot::Slot;
use crate::write_set::WriteSet;

/// Between two attempts to write.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// Waits until the slot takes a write, at the key `probe`, which is kept for nothing else. It came behind all others:
/// what is not there then will not come.
///
/// # Errors
/// `uncertain` again, which is what the batch failed with, when before that the slot is closed or `tasks` are to end:
/// nobody will know until the next start. And what fails the probe for good.
pub async fn settle(
    slot: &dyn Slot,
    probe: &Bytes,
    uncertain: &Error,
    clock: &dyn Clock,
    tasks: &TaskSet,
) -> Result<()> {
    tracing::warn!(error = %uncertain, "it is not known whether a write was stored; waiting for storage");
    loop {
        match write(slot, probe).await {
            Ok(()) => return Ok(()),
            Err(Error::Closed) => return Err(uncertain.clone()),
            Err(error) if error.kind() == ErrorKind::Fatal => return Err(error),
            Err(error) => tracing::debug!(%error, "storage does not take writes yet"),
        }
        tokio::select! {
            biased;
            () = tasks.stopping() => return Err(uncertain.clone()),
            () = clock.sleep(RETRY_INTERVAL) => {}
        }
    }
}

async fn write(slot: &dyn Slot, probe: &Bytes) -> Result<()> {
    let mut writes = WriteSet::new();
    writes.put(probe.clone(), Bytes::new());
    slot.store(writes).await
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use millstream_runtime::ManualClock;

    use super::*;
    use crate::faulty::{Faults, FaultyBackend};
    use crate::memory::MemoryBackend;
    use crate::slot::{Backend, SlotId};

    static PROBE: Bytes = Bytes::from_static(b"probe");

    async fn slot() -> (Arc<dyn Slot>, Faults) {
        let faults = Faults::default();
        let backend = FaultyBackend { inner: MemoryBackend::new(), faults: faults.clone() };
        (backend.open(SlotId(0), None).await.unwrap(), faults)
    }

    fn uncertain() -> Error {
        Error::Uncertain { reason: "the disk is full".to_owned() }
    }

    #[tokio::test]
    async fn it_is_settled_when_a_write_is_taken_again() {
        let ((slot, faults), clock, tasks) =
            (slot().await, ManualClock::starting_at(Duration::ZERO), TaskSet::default());
        let mut context = Context::from_waker(Waker::noop());
        let error = uncertain();
        let mut settling = pin!(settle(&*slot, &PROBE, &error, &clock, &tasks));
        faults.disk_full(true);
        for _ in 0..3 {
            assert!(settling.as_mut().poll(&mut context).is_pending());
            clock.advance(RETRY_INTERVAL);
        }
        faults.fail_commits(Some(uncertain()));
        faults.disk_full(false);
        assert!(settling.as_mut().poll(&mut context).is_pending());
        faults.fail_commits(None);
        assert_eq!(slot.get(&PROBE).await, Ok(None));
        clock.advance(RETRY_INTERVAL);
        assert_eq!(settling.as_mut().poll(&mut context), Poll::Ready(Ok(())));
        assert_eq!(slot.get(&PROBE).await, Ok(Some(Bytes::new())));
    }

    #[tokio::test]
    async fn it_stays_unknown_at_the_end_and_a_broken_disk_is_named() {
        let ((slot, faults), clock, tasks) =
            (slot().await, ManualClock::starting_at(Duration::ZERO), TaskSet::default());
        let broken = Error::Failed { reason: "input/output error".to_owned() };
        faults.fail_commits(Some(broken.clone()));
        assert_eq!(settle(&*slot, &PROBE, &uncertain(), &clock, &tasks).await, Err(broken));
        faults.fail_commits(Some(Error::Closed));
        assert_eq!(settle(&*slot, &PROBE, &uncertain(), &clock, &tasks).await, Err(uncertain()));
        faults.fail_commits(None);
        faults.disk_full(true);
        tasks.shutdown();
        assert_eq!(settle(&*slot, &PROBE, &uncertain(), &clock, &tasks).await, Err(uncertain()));
    }
}
