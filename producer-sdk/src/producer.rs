//! What an application holds: records in, receipts out.

mod builder;

use std::sync::Arc;
use std::time::Duration;

use millstream_client::aggregation::{Container, MemberRef};
use millstream_client::envelope::Sealed;
use millstream_client::{StreamApi, StreamRef};
use millstream_model::HashKey;

pub use self::builder::ProducerBuilder;
use crate::budget::NoRoom;
use crate::error::{PutError, TryPutError};
use crate::parcel::charge_of;
use crate::pending::Pending;
use crate::pipeline::Pipeline;
use crate::receipt::Receipt;
use crate::record::Record;
use crate::sealing::Sealing;

/// Puts records into a stream. Clones are handles to the same producer.
///
/// What was put and not yet acknowledged is given up when the last handle is dropped: [`Self::close`] waits for it.
#[derive(Clone, Debug)]
pub struct Producer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pipeline: Arc<Pipeline>,
    sealing: Sealing,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.pipeline.abandon();
    }
}

/// What a producer holds at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// Records that were admitted, and are neither acknowledged nor given up.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// Every call has failed for a while, and not because the stream is at its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Since the first of them began.
    pub lasts: Duration,
    /// What the last of them failed with.
    pub error: millstream_client::Error,
}

/// How a producer ended that was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "it says whether everything was put"]
pub struct Ended {
    /// Records that were not acknowledged in time. Each was failed with [`PutError::Abandoned`].
    pub unfinished: usize,
}

/// A record, and the form in which it is stored.
struct Prepared {
    record: Record,
    hash_key: HashKey,
    /// `None` where that is as it was given.
    sealed: Option<Sealed>,
}

impl Prepared {
    fn member(&self) -> MemberRef<'_> {
        MemberRef {
            partition_key: &self.record.partition_key,
            explicit_hash_key: self.record.explicit_hash_key,
            data: self.sealed.as_ref().map_or(&self.record.data, |sealed| &sealed.data),
            tags: self.sealed.as_ref().map_or(&[], |sealed| &sealed.tags),
        }
    }

    fn bytes(&self) -> usize {
        charge_of(&self.member()).bytes
    }
}

impl Producer {
    /// Begins to describe a producer for `stream`.
    pub fn builder(api: Arc<dyn StreamApi>, stream: StreamRef) -> ProducerBuilder {
        ProducerBuilder::new(api, stream)
    }

    fn of(pipeline: Arc<Pipeline>, sealing: Sealing) -> Self {
        Self { inner: Arc::new(Inner { pipeline, sealing }) }
    }

    /// Puts a record, and waits until it is stored. While the budget is used up this waits for room.
    ///
    /// Records of one task that puts them one after the other are admitted in that order. To have many on their way,
    /// use [`Self::send`], or many tasks.
    ///
    /// # Errors
    /// If the record has no valid form, or was not acknowledged; which of them may be stored nevertheless,
    /// [`PutError::copies_max`] tells. Dropping the future after the record was admitted recalls nothing.
    pub async fn put(&self, record: Record) -> Result<Receipt, PutError> {
        self.send(record).await?.await
    }

    /// Hands a record over, and gives the future that tells what became of it. While the budget is used up this waits
    /// for room, behind whoever waits already; dropping it then takes nothing of the budget and puts nothing.
    ///
    /// # Errors
    /// If the record has no valid form, or the producer is closed.
    pub async fn send(&self, record: Record) -> Result<Pending, PutError> {
        let pipeline = &self.inner.pipeline;
        let prepared = self.prepare(record)?;
        let bytes = prepared.bytes();
        let asked = match pipeline.budget.try_take(bytes) {
            Ok(()) => None,
            Err(NoRoom::EverAgain) => return Err(PutError::Closed),
            Err(NoRoom::Now) => {
                let asked = pipeline.clock.monotonic();
                pipeline.budget.take(bytes).await.map_err(|_| PutError::Closed)?;
                Some(asked)
            }
        };
        pipeline.add(prepared.member(), prepared.hash_key, asked)
    }

    /// Hands a record over if there is room for it now, and gives the future that tells what became of it.
    ///
    /// # Errors
    /// [`TryPutError::Full`], with the record, if there is no room.
    pub fn try_put(&self, record: Record) -> Result<Pending, TryPutError> {
        let pipeline = &self.inner.pipeline;
        let prepared = self.prepare(record)?;
        match pipeline.budget.try_take(prepared.bytes()) {
            Ok(()) => Ok(pipeline.add(prepared.member(), prepared.hash_key, None)?),
            Err(NoRoom::EverAgain) => Err(PutError::Closed.into()),
            Err(NoRoom::Now) => Err(TryPutError::Full(Box::new(prepared.record))),
        }
    }

    /// Sends what was put before without waiting for company, and waits until all of it is acknowledged or has failed.
    /// What is put meanwhile is not waited for.
    pub async fn flush(&self) {
        self.inner.pipeline.flush().await;
    }

    /// Takes no record any more, and waits until everything that was put is acknowledged or has failed, at most `limit`;
    /// what is left then is failed with [`PutError::Abandoned`]. Whoever waits for room gets [`PutError::Closed`].
    pub async fn close(&self, limit: Duration) -> Ended {
        Ended { unfinished: self.inner.pipeline.close(limit).await }
    }

    /// What is on its way.
    #[must_use]
    pub fn outstanding(&self) -> Outstanding {
        let charge = self.inner.pipeline.outstanding();
        Outstanding { records: charge.records, bytes: charge.bytes }
    }

    /// Since when the service has not answered, if it does not: for health endpoints. Records wait meanwhile, and expire.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        let (lasts, error) = self.inner.pipeline.outage()?;
        Some(Outage { lasts, error })
    }

    fn prepare(&self, record: Record) -> Result<Prepared, PutError> {
        let bytes_max = self.inner.pipeline.settings.max_user_record_size;
        record.check(bytes_max)?;
        let hash_key =
            record.explicit_hash_key.unwrap_or_else(|| HashKey::of_partition_key(&*record.partition_key));
        let sealed = self.inner.sealing.seal(&record)?;
        let prepared = Prepared { record, hash_key, sealed };
        // What goes into a container of its own, for its tags or because it looks like one, is larger there.
        let bytes = Container::size_of(&prepared.member());
        if bytes > bytes_max {
            return Err(PutError::TooLarge { bytes, bytes_max });
        }
        Ok(prepared)
    }
}
