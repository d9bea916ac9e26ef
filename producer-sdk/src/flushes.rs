//! Which batches a flush waits for: those that were begun before it.
//!
//! Batches are counted by epochs, and each flush begins a new one; so neither a flush nor a record pays for the
//! records of others.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Flushes {
    epochs: Mutex<Epochs>,
    /// An epoch has ended.
    ended: Notify,
}

#[derive(Debug)]
struct Epochs {
    /// Of the first entry of `open`.
    first: u64,
    /// Batches without an outcome, of the oldest epoch that has any to the present one. Never empty.
    open: VecDeque<u64>,
}

impl Default for Flushes {
    fn default() -> Self {
        let epochs = Epochs { first: 0, open: VecDeque::from([0]) };
        Self { epochs: Mutex::new(epochs), ended: Notify::new() }
    }
}

impl Epochs {
    fn count(&mut self, epoch: u64) -> Option<&mut u64> {
        let index = usize::try_from(epoch.checked_sub(self.first)?).ok()?;
        self.open.get_mut(index)
    }

    /// Forgets epochs at the beginning that have ended.
    fn trim(&mut self) -> bool {
        let before = self.first;
        while self.open.len() > 1 && self.open.front() == Some(&0) {
            self.open.pop_front();
            self.first += 1;
        }
        self.first != before
    }
}

impl Flushes {
    /// A batch begins. Gives its epoch.
    pub(crate) fn enter(&self) -> u64 {
        let mut epochs = self.epochs.lock();
        let epoch = epochs.first + epochs.open.len() as u64 - 1;
        if let Some(count) = epochs.open.back_mut() {
            *count += 1;
        }
        epoch
    }

    /// All records of a batch have their outcomes.
    pub(crate) fn leave(&self, epoch: u64) {
        let mut epochs = self.epochs.lock();
        if let Some(count) = epochs.count(epoch) {
            *count = count.saturating_sub(1);
        }
        if epochs.trim() {
            self.ended.notify_waiters();
        }
    }

    /// Begins a new epoch, and gives the one that ends.
    pub(crate) fn turn(&self) -> u64 {
        let mut epochs = self.epochs.lock();
        let epoch = epochs.first + epochs.open.len() as u64 - 1;
        epochs.open.push_back(0);
        epochs.trim();
        epoch
    }

    /// Waits until no batch of this epoch, or of one before, is without an outcome.
    pub(crate) async fn wait(&self, epoch: u64) {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            if self.epochs.lock().first > epoch {
                return;
            }
            ended.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_ended(flushes: &Flushes, epoch: u64) -> bool {
        flushes.epochs.lock().first > epoch
    }

    #[test]
    fn a_flush_waits_for_what_was_begun_before_it() {
        let flushes = Flushes::default();
        let (a, b) = (flushes.enter(), flushes.enter());
        let first = flushes.turn();
        let c = flushes.enter();
        let second = flushes.turn();
        flushes.leave(c);
        flushes.leave(a);
        assert!(!has_ended(&flushes, first) && !has_ended(&flushes, second));
        flushes.leave(b);
        assert!(has_ended(&flushes, first) && has_ended(&flushes, second));
    }

    #[test]
    fn a_flush_of_nothing_is_over_at_once() {
        let flushes = Flushes::default();
        let epoch = flushes.turn();
        assert!(has_ended(&flushes, epoch));
        let d = flushes.enter();
        assert!(d > epoch);
    }
}
