//! Requests that are made once and sent many times.
//!
//! A head is signed again only when its signature is older than a minute (AWS accepts five), so signing and
//! hashing cost nothing per request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use millstream_runtime::SharedEntropy;
use parking_lot::Mutex;
use std::sync::Arc;

use super::{Batch, Record};
use crate::error::Error;
use crate::wire::{BodyHash, Message, Operation, Protocol, Signer};

const SIGNATURE_AGE_MAX: Duration = Duration::from_secs(60);
const BODIES_MAX: usize = 1024;
const BODIES_MIN: usize = 8;
const POOL_BYTES: usize = 32 * 1024 * 1024;

/// What the requests of a pool look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PutShape<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) streams: &'a [String],
    pub(crate) batch: usize,
    pub(crate) record_bytes: usize,
}

/// Put requests with distinct records, handed out in turn.
#[derive(Debug)]
pub(crate) struct PutPool {
    entries: Vec<Entry>,
    next: AtomicUsize,
    signer: Arc<Signer>,
    operation: Operation,
    protocol: Protocol,
}

#[derive(Debug)]
struct Entry {
    body: Bytes,
    hash: BodyHash,
    signed: Mutex<Option<Signed>>,
}

#[derive(Clone, Debug)]
struct Signed {
    at: Duration,
    head: Bytes,
}

impl PutPool {
    pub(crate) fn new(shape: PutShape<'_>, signer: Arc<Signer>, entropy: &SharedEntropy) -> Self {
        let fitting = POOL_BYTES / (shape.batch * shape.record_bytes).max(1);
        let least = BODIES_MIN.max(shape.streams.len());
        let entries = shape.streams.iter().cycle().take(fitting.clamp(least, BODIES_MAX.max(least)));
        let entries = entries.map(|stream| {
            let records: Vec<_> =
                (0..shape.batch).map(|_| Record::random(entropy, shape.record_bytes)).collect();
            let body = Batch { stream, records: &records }.body(shape.protocol).bytes;
            let hash = BodyHash::of(&body);
            Entry { body: Bytes::from(body), hash, signed: Mutex::new(None) }
        });
        Self {
            entries: entries.collect(),
            next: AtomicUsize::new(0),
            signer,
            operation: Batch::operation(shape.batch),
            protocol: shape.protocol,
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        self.operation
    }

    /// The next request, with a signature that is fresh at `now` (monotonic).
    pub(crate) fn next(&self, now: Duration) -> Result<Message, Error> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = &self.entries[turn % self.entries.len()];
        let mut signed = entry.signed.lock();
        let head = match &*signed {
            Some(fresh) if now.saturating_sub(fresh.at) < SIGNATURE_AGE_MAX => fresh.head.clone(),
            _ => {
                let head = self.signer.head(self.operation, self.protocol, &entry.hash, entry.body.len())?;
                *signed = Some(Signed { at: now, head: head.clone() });
                head
            }
        };
        Ok(Message { head, body: entry.body.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use millstream_runtime::{ManualClock, SeededEntropy};

    use super::*;
    use crate::wire::{Credentials, Endpoint, Trust};

    fn pool(clock: &ManualClock, streams: &[String], batch: usize) -> PutPool {
        let endpoint = Endpoint::parse("http://127.0.0.1:1", &Trust::PublicAuthorities).unwrap();
        let credentials = Credentials::new("test", "test", None);
        let signer = Signer::new(credentials, "us-east-1".to_owned(), endpoint, clock.shared());
        let shape = PutShape { protocol: Protocol::Json, streams, batch, record_bytes: 100 };
        PutPool::new(shape, Arc::new(signer), &SeededEntropy::shared(7))
    }

    #[test]
    fn signs_again_after_a_minute_and_not_before() {
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000));
        let pool = pool(&clock, &["s".to_owned()], 1);
        let head_at = |millis| {
            pool.next.store(0, Ordering::Relaxed);
            pool.next(Duration::from_millis(millis)).unwrap().head
        };
        let first = head_at(0);
        clock.advance(Duration::from_secs(60));
        assert_eq!(head_at(59_999), first);
        let second = head_at(60_000);
        assert_ne!(second, first);
        assert_eq!(head_at(100_000), second);
    }

    #[test]
    fn bodies_differ_and_reach_every_stream() {
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000));
        let streams: Vec<_> = (0..3).map(|number| format!("stream-{number}")).collect();
        let pool = pool(&clock, &streams, 2);
        let bodies: Vec<_> =
            (0..pool.entries.len()).map(|_| pool.next(Duration::ZERO).unwrap().body).collect();
        assert_eq!(bodies.iter().collect::<HashSet<_>>().len(), bodies.len());
        for stream in &streams {
            assert!(bodies.iter().any(|body| memchr::memmem::find(body, stream.as_bytes()).is_some()));
        }
        assert_eq!(pool.operation(), Operation::PutRecords);
    }
}
