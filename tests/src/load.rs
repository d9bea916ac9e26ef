//! Writers that put records until the server breaks off or they are told to stop, and note what was
//! acknowledged. They never try again: every record is sent once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use millstream_runtime::{SystemClock, threads};

use crate::ledger::RecordId;
use crate::random::Random;
use crate::wire::{Failure, Place, Wire};

/// Entries of one PutRecords call at the most.
const BATCH_MAX: u64 = 20;

/// Where each writer goes on; kept over restarts of the server, so that no id is sent twice.
#[derive(Clone, Debug)]
pub struct Writers {
    stream: String,
    next: Vec<u64>,
}

/// Writers at work.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Written>>,
}

/// What one writer did.
#[derive(Debug, Default)]
struct Written {
    next: u64,
    acknowledged: Vec<(RecordId, Place)>,
    refused: Vec<Failure>,
    slowest: Duration,
    slowest_refused: Duration,
}

/// What all writers did.
#[derive(Debug, Default)]
pub struct Sent {
    pub acknowledged: Vec<(RecordId, Place)>,
    /// Answers other than 200.
    pub refused: Vec<Failure>,
    /// How long the slowest answer took, whatever it was.
    pub slowest: Duration,
    /// … and the slowest that refused anything.
    pub slowest_refused: Duration,
}

impl Writers {
    #[must_use]
    pub fn new(stream: &str, count: usize) -> Self {
        Self { stream: stream.to_owned(), next: vec![0; count] }
    }

    /// Starts all of them, each on a connection of its own.
    ///
    /// # Panics
    /// When no thread can be started.
    #[must_use]
    pub fn start(&self, address: SocketAddr) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0_u32..).zip(&self.next).map(|(writer, next)| {
            let (stop, stream, next) = (stop.clone(), self.stream.clone(), *next);
            threads::spawn("writer", move || {
                let mut written = Written { next, ..Written::default() };
                // The connection breaks when the server ends, which ends the writer.
                let _ = write(address, &stream, writer, &stop, &mut written);
                written
            })
        });
        let threads = threads.collect::<Result<_, _>>().expect("threads can be started");
        Load { stop, threads }
    }

    /// Waits for the writers, whose connections are broken.
    ///
    /// # Panics
    /// When a writer panicked.
    #[must_use]
    pub fn finish(&mut self, load: Load) -> Sent {
        let mut sent = Sent::default();
        for (next, thread) in self.next.iter_mut().zip(load.threads) {
            let written = thread.join().expect("a writer does not panic");
            *next = written.next;
            sent.acknowledged.extend(written.acknowledged);
            sent.refused.extend(written.refused);
            sent.slowest = sent.slowest.max(written.slowest);
            sent.slowest_refused = sent.slowest_refused.max(written.slowest_refused);
        }
        sent
    }

    /// Tells the writers to stop and waits for them.
    #[must_use]
    pub fn stop(&mut self, load: Load) -> Sent {
        load.stop.store(true, Ordering::Relaxed);
        self.finish(load)
    }
}

fn write(
    address: SocketAddr,
    stream: &str,
    writer: u32,
    stop: &AtomicBool,
    written: &mut Written,
) -> Result<(), Failure> {
    let mut wire = Wire::connect(address)?;
    let mut random = Random::new(u64::from(writer) << 40 | written.next);
    let clock = SystemClock::shared();
    while !stop.load(Ordering::Relaxed) {
        let began = clock.monotonic();
        let outcome = if writer.is_multiple_of(2) {
            put_one(&mut wire, stream, writer, written)
        } else {
            put_many(&mut wire, stream, writer, random.within(1..BATCH_MAX + 1), written)
        };
        let took = clock.monotonic().saturating_sub(began);
        let took_all = match outcome {
            Err(refused @ Failure::Refused { .. }) => {
                written.refused.push(refused);
                false
            }
            other => other?,
        };
        written.slowest = written.slowest.max(took);
        if !took_all {
            written.slowest_refused = written.slowest_refused.max(took);
        }
    }
    Ok(())
}

fn take_id(writer: u32, written: &mut Written) -> RecordId {
    let id = RecordId { writer, number: written.next };
    written.next += 1;
    id
}

/// Whether all of it was taken.
fn put_one(wire: &mut Wire, stream: &str, writer: u32, written: &mut Written) -> Result<bool, Failure> {
    let id = take_id(writer, written);
    let place = wire.put_record(stream, &id.partition_key(), &id.content())?;
    written.acknowledged.push((id, place));
    Ok(true)
}

fn put_many(
    wire: &mut Wire,
    stream: &str,
    writer: u32,
    count: u64,
    written: &mut Written,
) -> Result<bool, Failure> {
    let ids: Vec<_> = (0..count).map(|_| take_id(writer, written)).collect();
    let entries: Vec<_> = ids.iter().map(|id| (id.partition_key(), id.content())).collect();
    let places = wire.put_records(stream, &entries)?;
    let took_all = places.iter().all(Option::is_some);
    let acknowledged = ids.into_iter().zip(places);
    written.acknowledged.extend(acknowledged.filter_map(|(id, place)| Some((id, place?))));
    Ok(took_all)
}
