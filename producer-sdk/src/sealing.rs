//! What is done to a record before it is put: a tag of the producer's own, compression, encryption.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use bytestring::ByteString;
use millstream_client::envelope::{Sealed, Sealer};
use millstream_runtime::Entropy;

use crate::error::PutError;
use crate::record::Record;
use crate::settings::Idempotence;

/// Prepares the records of one producer.
#[derive(Debug)]
pub(crate) struct Sealing {
    /// `None` where data stay as they are.
    sealer: Option<Sealer>,
    tags: Option<Tags>,
    plain: Sealer,
}

/// Tags that no other producer gives.
#[derive(Debug)]
struct Tags {
    /// Drawn at random.
    producer: u64,
    given: AtomicU64,
}

impl Sealing {
    pub(crate) fn new(
        sealer: Option<Sealer>,
        plain: Sealer,
        idempotence: Idempotence,
        entropy: &dyn Entropy,
    ) -> Self {
        let tags = (idempotence == Idempotence::Generated)
            .then(|| Tags { producer: entropy.next_u64(), given: AtomicU64::new(0) });
        Self { sealer, tags, plain }
    }

    /// What is to be written instead of the record's data; `None` where these are.
    pub(crate) fn seal(&self, record: &Record) -> Result<Option<Sealed>, PutError> {
        let generated = match (&record.idempotence_tag, &self.tags) {
            (None, Some(tags)) => Some(tags.next()),
            _ => None,
        };
        let id = record.idempotence_tag.as_ref().or(generated.as_ref());
        let sealer = match &self.sealer {
            Some(sealer) => sealer,
            None if id.is_some() => &self.plain,
            None => return Ok(None),
        };
        let sealed = sealer.seal(&record.partition_key, id, &record.data);
        sealed.map(Some).map_err(|error| PutError::Unsealed(error.to_string()))
    }
}

impl Tags {
    fn next(&self) -> ByteString {
        let mut tag = String::with_capacity(24);
        // Writing to a string cannot fail.
        let _ = write!(tag, "{:016x}-{:x}", self.producer, self.given.fetch_add(1, Ordering::Relaxed));
        tag.into()
    }
}
