//! StartStreamEncryption and StopStreamEncryption.
//!
//! Records that come after a call has returned are written as it says; those that are there stay as they are. A
//! start on an encrypted stream is a change of the data key, whichever KMS key it names.

use millstream_model::StreamArn;
use millstream_storage::WriteSet;

use crate::encryption::key_name::KeyName;
use crate::encryption::master_key::Owner;
use crate::encryption::state::Encryption;
use crate::engine::{Engine, Found, Inner};
use crate::error::{Error, Result};
use crate::keyspace::data_key_row::data_key_key;

impl Engine {
    /// Encrypts records from now on, under a data key of their own. `key_id` is the name of a KMS key: its id, an
    /// alias, or the ARN of either. Fails as [`Error::KmsNotFound`] if it has another shape.
    pub async fn start_encryption(&self, arn: &StreamArn, key_id: &str) -> Result<()> {
        let (arn, key_id) = (arn.clone(), key_id.to_owned());
        self.carry_through("start of a stream's encryption", move |engine| async move {
            engine.inner.start_encryption(&arn, &key_id).await
        })
        .await
    }

    /// Writes records in clear from now on. `key_id` must name the key that encryption was started with.
    pub async fn stop_encryption(&self, arn: &StreamArn, key_id: &str) -> Result<()> {
        let (arn, key_id) = (arn.clone(), key_id.to_owned());
        self.carry_through("stop of a stream's encryption", move |engine| async move {
            engine.inner.stop_encryption(&arn, &key_id).await
        })
        .await
    }

    /// Whether new records of a stream are encrypted.
    pub fn is_encrypted(&self, arn: &StreamArn) -> Result<bool> {
        Ok(self.inner.find(arn)?.meta.encryption.present().is_some())
    }
}

impl Inner {
    async fn start_encryption(&self, arn: &StreamArn, key_id: &str) -> Result<()> {
        let _control = self.control.lock().await;
        let found = self.find_active(arn)?;
        KeyName::parse(key_id, arn)?;
        self.check_master_key()?;
        let present = &found.meta.encryption;
        let epoch = present
            .next_epoch()
            .ok_or_else(|| Error::LimitExceeded(format!("Stream {} has no more data keys.", arn.name)))?;
        let limit = self.settings.limits.encryption_changes_per_day;
        let encryption = present.started(key_id, epoch, limit, found.now);
        let encryption = encryption.ok_or_else(|| too_often(arn, "started", limit))?;
        let (key, wrapped) = self.vault.make(Owner { arn, uid: found.meta.uid, epoch }).await?;
        let mut writes = WriteSet::new();
        writes.put(data_key_key(found.meta.uid, epoch), wrapped.encode());
        self.change_encryption(&found, writes, encryption).await?;
        let keys = &found.stream.keys;
        keys.add(epoch, Ok(key));
        keys.write_under(Some(epoch));
        Ok(())
    }

    async fn stop_encryption(&self, arn: &StreamArn, key_id: &str) -> Result<()> {
        let _control = self.control.lock().await;
        let found = self.find_active(arn)?;
        let present = &found.meta.encryption;
        let StreamArn { account, name, .. } = arn;
        let Some(present_id) = &present.key_id else {
            return Err(Error::InvalidArgument(format!(
                "Stream {name} under account {account} is not encrypted."
            )));
        };
        let names = (KeyName::parse(key_id, arn), KeyName::parse(present_id, arn));
        if !matches!(names, (Ok(given), Ok(present)) if given == present) {
            return Err(Error::InvalidArgument(format!(
                "Stream {name} under account {account} is encrypted with the key {present_id}, not {key_id}."
            )));
        }
        let limit = self.settings.limits.encryption_changes_per_day;
        let encryption = present.stopped(limit, found.now);
        let encryption = encryption.ok_or_else(|| too_often(arn, "stopped", limit))?;
        self.change_encryption(&found, WriteSet::new(), encryption).await?;
        found.stream.keys.write_under(None);
        Ok(())
    }

    /// The master key must be the one of all that is encrypted: a store with two could never be opened as a whole.
    fn check_master_key(&self) -> Result<()> {
        let streams = self.catalog.all();
        let unusable = streams.iter().filter_map(|stream| stream.keys.check().err()).find(Error::is_of_kms);
        unusable.map_or(Ok(()), Err)
    }

    async fn change_encryption(&self, found: &Found, writes: WriteSet, encryption: Encryption) -> Result<()> {
        let delay = self.settings.delays.update;
        self.change_with(found, writes, |meta| {
            meta.encryption = encryption;
            meta.begin_update(found.now, delay);
        })
        .await
    }
}

fn too_often(arn: &StreamArn, what: &str, limit: Option<u32>) -> Error {
    let (StreamArn { account, name, .. }, limit) = (arn, limit.unwrap_or_default());
    Error::LimitExceeded(format!(
        "Encryption of stream {name} under account {account} was {what} {limit} times within 24 hours, which is the \
         limit."
    ))
}
