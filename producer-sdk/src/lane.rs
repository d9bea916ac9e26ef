//! What waits for a shard, or for a part of one where keys are kept in order: pure, told the time.
//!
//! A lane fills one container at a time and queues those that are full or due, oldest first. In a lane with an order one
//! parcel is in flight, and nothing else until its fate is decided; where shards were replaced, a new lane waits for the
//! parcels of the old ones in the same way. Without an order, a parcel that waits to be tried again holds up nobody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use millstream_client::aggregation::{Container, MemberRef, Room};

use crate::budget::Charge;
use crate::flushes::Flushes;
use crate::parcel::{Parcel, charge_of};
use crate::pending::{Batch, Pending};

/// A lane with so many bytes ready need not wait for others to go with (as KPL's collector has it).
const PRESSING_BYTES: usize = 256 * 1024;

/// By what a lane fills its containers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filling {
    pub(crate) aggregates: bool,
    pub(crate) count_max: u32,
    pub(crate) size_max: usize,
    pub(crate) buffered_time: Duration,
    /// Containers are due on multiples of this, so that those of many shards go together.
    pub(crate) grace: Duration,
    pub(crate) ttl: Duration,
}

/// Parcels of one shard, or of a part of one.
#[derive(Debug)]
pub(crate) struct Lane {
    is_ordered: bool,
    open: Option<Open>,
    /// What the last container took.
    room: Room,
    queue: VecDeque<Parcel>,
    queued_bytes: usize,
    /// Those that failed, of a lane without an order. In another, they are at the front of the queue.
    again: Vec<Parcel>,
    in_flight: Arc<AtomicUsize>,
    /// Parcels in flight of lanes that this one follows.
    before: Vec<Arc<AtomicUsize>>,
    is_retired: bool,
}

/// A container that is being filled.
#[derive(Debug)]
struct Open {
    container: Container,
    batch: Arc<Batch>,
    charge: Charge,
    oldest: Duration,
    due: Duration,
}

/// Whether a lane has something to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    /// Something can be sent now, as far as the lane is concerned.
    pub(crate) is_ready: bool,
    /// It should be sent now, and not wait for others to go with.
    pub(crate) is_pressing: bool,
    /// Parcels that can be sent, and their bytes.
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    /// When to look again if nothing else happens.
    pub(crate) wake: Option<Duration>,
}

impl Filling {
    /// When what begins now is due.
    fn due(&self, now: Duration, patience: Duration) -> Duration {
        let at = now + patience;
        let grace = self.grace.as_nanos();
        if grace == 0 {
            return at;
        }
        let early = u64::try_from(at.as_nanos() % grace).unwrap_or(0);
        (at - Duration::from_nanos(early)).max(now)
    }
}

impl Lane {
    pub(crate) fn new(is_ordered: bool) -> Self {
        Self {
            is_ordered,
            open: None,
            room: Room::default(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            again: Vec::new(),
            in_flight: Arc::default(),
            before: Vec::new(),
            is_retired: false,
        }
    }

    /// Takes a record that was asked for at `asked`. Gives its future, and when the lane has to be looked at if that has
    /// changed.
    pub(crate) fn push(
        &mut self,
        member: MemberRef<'_>,
        asked: Duration,
        now: Duration,
        how: &Filling,
        flushes: &Arc<Flushes>,
    ) -> (Pending, Option<Duration>) {
        let mut wake = None;
        let charge = charge_of(&member);
        let size_max = if how.aggregates { how.size_max } else { 0 };
        if let Some(open) = &mut self.open {
            if open.container.try_push(member, size_max) {
                open.charge += charge;
                let pending = open.pending(asked, now);
                let is_full = open.charge.records >= how.count_max as usize;
                return (pending, is_full.then(|| self.seal(now, how)).flatten());
            }
            wake = self.seal(now, how);
        }
        let mut open = Open {
            container: Container::with_room(self.room),
            batch: Batch::new(flushes),
            charge,
            oldest: now,
            due: how.due(now, how.buffered_time),
        };
        open.container.try_push(member, size_max);
        let pending = open.pending(asked, now);
        let is_full = !how.aggregates || how.count_max == 1 || open.container.size() >= how.size_max;
        let due = open.due;
        self.open = Some(open);
        wake = earlier(wake, if is_full { self.seal(now, how) } else { Some(due) });
        (pending, wake)
    }

    /// Puts the container that is being filled at the end of the queue. Gives when that is due.
    pub(crate) fn seal(&mut self, now: Duration, how: &Filling) -> Option<Duration> {
        let Open { container, batch, charge, oldest, due } = self.open.take()?;
        let due = due.min(how.due(now, how.grace));
        self.room = container.room();
        let parcel = Parcel::new(container, batch, charge, oldest, now, due);
        self.queued_bytes += parcel.size;
        self.queue.push_back(parcel);
        if self.queued_bytes >= PRESSING_BYTES { Some(now) } else { Some(due) }
    }

    /// Everything is due now.
    pub(crate) fn flush(&mut self, now: Duration, how: &Filling) {
        self.seal(now, how);
        for parcel in &mut self.queue {
            parcel.due = now;
        }
    }

    /// Seals what is due, and says what there is to send.
    pub(crate) fn look(&mut self, now: Duration, how: &Filling) -> Readiness {
        if self.open.as_ref().is_some_and(|open| open.due <= now) {
            self.seal(now, how);
        }
        let mut readiness =
            Readiness { wake: self.open.as_ref().map(|open| open.due), ..Readiness::default() };
        let oldest = self.queue.iter().take(1).chain(&self.again).map(|parcel| parcel.oldest).min();
        readiness.wake = earlier(readiness.wake, oldest.map(|oldest| oldest + how.ttl));
        if self.is_held() {
            return readiness;
        }
        for parcel in &self.again {
            if parcel.not_before <= now {
                readiness.add(parcel);
                readiness.is_pressing = true;
            } else {
                readiness.wake = earlier(readiness.wake, Some(parcel.not_before));
            }
        }
        let Some(front) = self.queue.front() else { return readiness };
        if front.not_before > now {
            readiness.wake = earlier(readiness.wake, Some(front.not_before));
            return readiness;
        }
        if self.is_ordered {
            // It can take one at a time, so more that wait are a reason to hurry.
            readiness.add(front);
            readiness.is_pressing |= self.queue.len() > 1 || !front.attempts.is_empty();
        } else {
            readiness.is_ready = true;
            readiness.count += self.queue.len();
            readiness.bytes += self.queued_bytes;
        }
        readiness.is_pressing |= front.due <= now || readiness.bytes >= PRESSING_BYTES;
        if !readiness.is_pressing {
            readiness.wake = earlier(readiness.wake, Some(front.due));
        }
        readiness
    }

    /// Takes the next parcel to be sent, if it pleases.
    pub(crate) fn take(&mut self, now: Duration, pleases: impl Fn(&Parcel) -> bool) -> Option<Parcel> {
        if self.is_held() {
            return None;
        }
        let parcel = match self.again.iter().position(|parcel| parcel.not_before <= now && pleases(parcel)) {
            Some(index) => self.again.remove(index),
            None => {
                let front = self.queue.front()?;
                if front.not_before > now || !pleases(front) {
                    return None;
                }
                let parcel = self.queue.pop_front()?;
                self.queued_bytes -= parcel.size;
                parcel
            }
        };
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(parcel)
    }

    /// Takes back what was in flight, here or in a lane before this one, to be tried again before anything that came
    /// later.
    pub(crate) fn put_back(&mut self, parcel: Parcel) {
        if self.is_ordered {
            self.queued_bytes += parcel.size;
            self.queue.push_front(parcel);
        } else {
            self.again.push(parcel);
        }
    }

    /// The fate of something that was in flight is decided.
    pub(crate) fn landed(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes out what has expired.
    pub(crate) fn expire(&mut self, now: Duration, ttl: Duration, expired: &mut Vec<Parcel>) {
        while self.queue.front().is_some_and(|parcel| parcel.oldest + ttl <= now) {
            let Some(parcel) = self.queue.pop_front() else { break };
            self.queued_bytes -= parcel.size;
            expired.push(parcel);
        }
        expired.extend(self.again.extract_if(.., |parcel| parcel.oldest + ttl <= now));
    }

    /// Takes out everything, because there is no such shard any more. Nothing may be pushed afterwards; what is in
    /// flight stays in flight.
    pub(crate) fn retire(&mut self, now: Duration, how: &Filling) -> Vec<Parcel> {
        self.seal(now, how);
        self.is_retired = true;
        self.queued_bytes = 0;
        let mut parcels = std::mem::take(&mut self.again);
        parcels.extend(self.queue.drain(..));
        parcels.sort_by_key(|parcel| parcel.oldest);
        parcels
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.is_retired
    }

    /// Goes on where another lane ended, with what was in it: parcels in the order of their age.
    pub(crate) fn follow(&mut self, other: &Self) {
        if self.is_ordered {
            self.before.extend(other.before.iter().cloned());
            self.before.push(other.in_flight.clone());
            self.before.retain(|in_flight| in_flight.load(Ordering::Relaxed) > 0);
        }
    }

    /// Adds a parcel of a lane that was retired, behind those that are older.
    pub(crate) fn inherit(&mut self, parcel: Parcel) {
        if !self.is_ordered && !parcel.attempts.is_empty() {
            self.again.push(parcel);
            return;
        }
        self.queued_bytes += parcel.size;
        let behind = self.queue.iter().rposition(|other| other.oldest <= parcel.oldest);
        self.queue.insert(behind.map_or(0, |index| index + 1), parcel);
    }

    /// Whether it waits for something in flight.
    fn is_held(&mut self) -> bool {
        if !self.is_ordered {
            return false;
        }
        self.before.retain(|in_flight| in_flight.load(Ordering::Relaxed) > 0);
        !self.before.is_empty() || self.in_flight.load(Ordering::Relaxed) > 0
    }
}

impl Open {
    /// The future of the member that was pushed last.
    fn pending(&self, asked: Duration, now: Duration) -> Pending {
        // A container has fewer members than bytes, of which there are a few million.
        let index = u32::try_from(self.charge.records.saturating_sub(1)).unwrap_or(u32::MAX);
        self.batch.pending(index, asked, now)
    }
}

impl Readiness {
    fn add(&mut self, parcel: &Parcel) {
        self.is_ready = true;
        self.count += 1;
        self.bytes += parcel.size;
    }
}

/// The earlier one of two moments, of which either may never come.
pub(crate) fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
