//! The changes of a table's items in the order in which they are shown: sequences, and up to where readers may
//! read.
//!
//! A change gets its sequence before it is durable, and changes of different items become durable in any order.
//! So that no reader passes one by, readers stop before the lowest sequence that is still under way; that is
//! what [`Sequences::end`] tells.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::item::Item;
use crate::keyspace::Sequence;

/// A change of one item as it is kept for readers. Images are there as far as the stream shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Microseconds since the Unix epoch.
    pub at_micros: u64,
    pub kind: ChangeKind,
    pub keys: Item,
    pub old: Option<Item>,
    pub new: Option<Item>,
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Insert,
    Modify,
    Remove,
}

impl ChangeKind {
    /// What happened to an item, if anything did.
    pub(crate) fn of(before: Option<&Item>, after: Option<&Item>) -> Option<Self> {
        match (before, after) {
            (None, Some(_)) => Some(Self::Insert),
            (Some(_), None) => Some(Self::Remove),
            (Some(before), Some(after)) if before != after => Some(Self::Modify),
            _ => None,
        }
    }
}

/// Who wanted a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    #[default]
    Caller,
    /// The item's time had come.
    Expiry,
}

/// Of the bits of a sequence, so many count the changes since the store was opened.
const COUNT_BITS: u32 = 40;

/// Gives changes their sequences, and knows which are under way.
#[derive(Clone, Debug)]
pub(crate) struct Sequences(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    next: Sequence,
    under_way: BTreeSet<Sequence>,
}

/// Sequences that are under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay {
    sequences: Sequences,
    pub(crate) first: Sequence,
    pub(crate) count: u64,
}

impl Sequences {
    /// Each opening of a store has sequences of its own, above those of all openings before.
    pub(crate) fn new(opening: u32) -> Self {
        let next = u64::from(opening) << COUNT_BITS;
        Self(Arc::new(Mutex::new(State { next, under_way: BTreeSet::new() })))
    }

    /// So many sequences, one after the other.
    pub(crate) fn take(&self, count: u64) -> UnderWay {
        let mut state = self.0.lock();
        let first = state.next;
        state.next += count;
        state.under_way.extend(first..first + count);
        UnderWay { sequences: self.clone(), first, count }
    }

    /// The next sequence that will be given.
    pub(crate) fn next(&self) -> Sequence {
        self.0.lock().next
    }

    /// Changes below are durable or will never be; those at or above it may come yet.
    pub(crate) fn end(&self) -> Sequence {
        let state = self.0.lock();
        state.under_way.first().copied().unwrap_or(state.next)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.sequences.0.lock();
        for sequence in self.first..self.first + self.count {
            state.under_way.remove(&sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_stop_before_what_is_under_way() {
        let sequences = Sequences::new(1);
        let begin = sequences.end();
        assert_eq!(begin, 1 << COUNT_BITS);
        let (first, second, none) = (sequences.take(2), sequences.take(1), sequences.take(0));
        assert_eq!((first.first, second.first), (begin, begin + 2));
        assert_eq!(sequences.end(), begin);
        drop(second);
        assert_eq!(sequences.end(), begin);
        drop(first);
        drop(none);
        assert_eq!(sequences.end(), begin + 3);
    }
}
