//! EnableKinesisStreamingDestination, DisableKinesisStreamingDestination, UpdateKinesisStreamingDestination and
//! DescribeKinesisStreamingDestination.
//!
//! Whether there is such a Kinesis stream is not known here: whoever asks has looked. What the stream gets is in
//! [`super::deliveries`].

use std::sync::Arc;

use millstream_model::Span;

use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::keyspace::change_row::outbox_key;
use crate::keyspace::{OUTBOX, Sequence, table_prefix};
use crate::meta::{DestinationPhase, DestinationStatus, KinesisDestination, Precision, Status, TableMeta};
use crate::tables::{Control, Found, Inner, Tables};

/// A destination as it is at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationDescription {
    pub stream_arn: String,
    pub precision: Precision,
    pub status: DestinationStatus,
}

const NOT_VALID: &str = "Table is not in a valid state to enable Kinesis Streaming Destination:";

impl Tables {
    /// From now on the Kinesis stream gets the table's changes.
    pub async fn enable_destination(
        &self,
        arn: &TableArn,
        stream_arn: String,
        precision: Option<Precision>,
    ) -> Result<DestinationDescription> {
        let arn = arn.clone();
        self.carry_through("change of a destination", move |tables| async move {
            tables.inner.enable_destination(&arn, stream_arn, precision.unwrap_or_default()).await
        })
        .await
    }

    /// The Kinesis stream gets nothing more, not even what it has yet to get.
    pub async fn disable_destination(
        &self,
        arn: &TableArn,
        stream_arn: String,
    ) -> Result<DestinationDescription> {
        let arn = arn.clone();
        self.carry_through("change of a destination", move |tables| async move {
            tables.inner.disable_destination(&arn, &stream_arn).await
        })
        .await
    }

    /// Changes how finely times are shown.
    pub async fn update_destination(
        &self,
        arn: &TableArn,
        stream_arn: String,
        precision: Option<Precision>,
    ) -> Result<DestinationDescription> {
        let precision = precision.ok_or_else(|| {
            Error::Validation(
                "Streaming destination cannot be updated with given parameters: \
                 UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
                    .to_owned(),
            )
        })?;
        let arn = arn.clone();
        self.carry_through("change of a destination", move |tables| async move {
            tables.inner.update_destination(&arn, &stream_arn, precision).await
        })
        .await
    }

    /// All that the table ever had, but for those that were enabled again.
    pub fn describe_destinations(&self, arn: &TableArn) -> Result<Vec<DestinationDescription>> {
        let found = self.inner.find(arn)?;
        Ok(found.meta.destinations.iter().map(|destination| describe(destination, &found)).collect())
    }
}

impl Inner {
    async fn enable_destination(
        &self,
        arn: &TableArn,
        stream_arn: String,
        precision: Precision,
    ) -> Result<DestinationDescription> {
        let mut control = self.control.lock().await;
        let found = self.find_settled(arn)?;
        // AWS lets one stream at a time have the changes.
        let is_off = |one: &KinesisDestination| one.status(found.now) == DestinationStatus::Disabled;
        if !found.meta.destinations.iter().all(is_off) {
            return Err(Error::Validation(format!(
                "{NOT_VALID} EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform \
                 ENABLE operation."
            )));
        }
        // Nothing of what an earlier destination did not get is for this one.
        self.empty_outbox(&found).await?;
        let phase = Span::starting(found.now, self.settings.delays.update)
            .map_or(DestinationPhase::Active, DestinationPhase::Enabling);
        let destination = KinesisDestination { stream_arn, precision, phase };
        let stream_arn = destination.stream_arn.clone();
        self.change(&mut control, &found, |meta| {
            meta.destinations.retain(|one| one.stream_arn != destination.stream_arn);
            meta.destinations.push(destination);
        })
        .await?;
        found.table.grown.notify_waiters();
        self.carrier.notify_one();
        self.described(arn, &stream_arn)
    }

    async fn disable_destination(&self, arn: &TableArn, stream_arn: &str) -> Result<DestinationDescription> {
        let mut control = self.control.lock().await;
        let found = self.find_settled(arn)?;
        let present = find(&found.meta, stream_arn)?;
        if present.status(found.now) != DestinationStatus::Active {
            return Err(Error::Validation(format!(
                "{NOT_VALID} KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."
            )));
        }
        let phase = DestinationPhase::Disabling(Span::of(found.now, self.settings.delays.update));
        self.set_phase(&mut control, &found, stream_arn, |one| one.phase = phase).await?;
        self.empty_outbox(&found).await?;
        // Whoever waits for changes learns that none will come.
        found.table.grown.notify_waiters();
        let description = self.described(arn, stream_arn)?;
        // What is answered is that it is going, even where that takes no time.
        Ok(DestinationDescription { status: DestinationStatus::Disabling, ..description })
    }

    async fn update_destination(
        &self,
        arn: &TableArn,
        stream_arn: &str,
        precision: Precision,
    ) -> Result<DestinationDescription> {
        let mut control = self.control.lock().await;
        let found = self.find_settled(arn)?;
        let present = find(&found.meta, stream_arn)?;
        if present.status(found.now) != DestinationStatus::Active {
            return Err(Error::Validation(format!(
                "{NOT_VALID} Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE \
                 state. TableName: {}",
                arn.name
            )));
        }
        if present.precision == precision {
            return Err(Error::Validation(format!(
                "Invalid Request: Precision is already set to the desired value of {} for tableId: {}, \
                 kdsArn: {stream_arn}",
                precision.name(),
                found.meta.id
            )));
        }
        let phase = Span::starting(found.now, self.settings.delays.update)
            .map_or(DestinationPhase::Active, DestinationPhase::Updating);
        self.set_phase(&mut control, &found, stream_arn, |one| {
            one.precision = precision;
            one.phase = phase;
        })
        .await?;
        let description = self.described(arn, stream_arn)?;
        Ok(DestinationDescription { status: DestinationStatus::Updating, ..description })
    }

    /// A table that is there to stay, for now.
    fn find_settled(&self, arn: &TableArn) -> Result<Found> {
        let found = self.find(arn)?;
        let in_use = |what: &str| {
            Err(Error::ResourceInUse(format!(
                "Attempt to change a resource which is still in use: Table is being {what}: {}",
                arn.name
            )))
        };
        match found.status {
            Status::Creating => in_use("created"),
            Status::Deleting => in_use("deleted"),
            Status::Active | Status::Updating => Ok(found),
        }
    }

    async fn set_phase(
        &self,
        control: &mut Control,
        found: &Found,
        stream_arn: &str,
        set: impl FnOnce(&mut KinesisDestination),
    ) -> Result<()> {
        self.change(control, found, |meta| {
            if let Some(one) = meta.destinations.iter_mut().find(|one| one.stream_arn == stream_arn) {
                set(one);
            }
        })
        .await
    }

    /// Nothing is being put into it: the table feeds no destination.
    async fn empty_outbox(&self, found: &Found) -> Result<()> {
        let uid = found.table.uid;
        Ok(self.slot.trim(&table_prefix(OUTBOX, uid), &outbox_key(uid, Sequence::MAX)).await?)
    }

    fn described(&self, arn: &TableArn, stream_arn: &str) -> Result<DestinationDescription> {
        let found = self.find(arn)?;
        Ok(describe(find(&found.meta, stream_arn)?, &found))
    }
}

fn find<'a>(meta: &'a Arc<TableMeta>, stream_arn: &str) -> Result<&'a KinesisDestination> {
    let present = meta.destinations.iter().find(|one| one.stream_arn == stream_arn);
    present.ok_or_else(|| {
        Error::ResourceNotFound(format!(
            "Requested resource not found: Table: {} is not enabled to stream to {stream_arn}",
            meta.id
        ))
    })
}

fn describe(destination: &KinesisDestination, found: &Found) -> DestinationDescription {
    DestinationDescription {
        stream_arn: destination.stream_arn.clone(),
        precision: destination.precision,
        status: destination.status(found.now),
    }
}
