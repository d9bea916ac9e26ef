//! UpdateTimeToLive and DescribeTimeToLive.

use millstream_model::Span;

use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::meta::{ExpiryPhase, ExpiryStatus, TimeToLive};
use crate::recovery::Grave;
use crate::tables::{Inner, Tables};

/// Whether items expire, and which attribute says when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToLiveDescription {
    pub status: ExpiryStatus,
    /// Absent if nothing expires.
    pub attribute: Option<String>,
}

impl Tables {
    /// Begins or ends the expiry of items by this attribute.
    pub async fn update_time_to_live(&self, arn: &TableArn, enabled: bool, attribute: String) -> Result<()> {
        let arn = arn.clone();
        self.carry_through("change of the time to live", move |tables| async move {
            match enabled {
                true => tables.inner.begin_expiry(&arn, attribute).await,
                false => tables.inner.end_expiry(&arn, &attribute).await,
            }
        })
        .await
    }

    pub fn describe_time_to_live(&self, arn: &TableArn) -> Result<TimeToLiveDescription> {
        let found = self.inner.find(arn)?;
        let expiry = found.meta.expiry.as_ref();
        let status = expiry.map_or(ExpiryStatus::Disabled, |expiry| expiry.status(found.now));
        let attribute = expiry.filter(|_| status != ExpiryStatus::Disabled);
        Ok(TimeToLiveDescription { status, attribute: attribute.map(|expiry| expiry.attribute.clone()) })
    }
}

impl Inner {
    async fn begin_expiry(&self, arn: &TableArn, attribute: String) -> Result<()> {
        let mut control = self.control.lock().await;
        let found = self.find(arn)?;
        if let Some(present) = &found.meta.expiry {
            match present.status(found.now) {
                ExpiryStatus::Enabled | ExpiryStatus::Enabling if present.attribute == attribute => {
                    return Err(Error::Validation("TimeToLive is already enabled".to_owned()));
                }
                ExpiryStatus::Enabled | ExpiryStatus::Enabling => return Err(other(present)),
                ExpiryStatus::Disabling => return Err(too_often()),
                ExpiryStatus::Disabled => {}
            }
        }
        self.change(&mut control, &found, |meta| {
            let uid = meta.take_index_uid();
            meta.expiry = Some(TimeToLive { uid, attribute, phase: ExpiryPhase::Enabling });
        })
        .await?;
        self.filler.notify_one();
        Ok(())
    }

    async fn end_expiry(&self, arn: &TableArn, attribute: &str) -> Result<()> {
        let mut control = self.control.lock().await;
        let found = self.find(arn)?;
        let present = match &found.meta.expiry {
            Some(present) if present.is_kept() => present.clone(),
            Some(present) if present.status(found.now) == ExpiryStatus::Disabling => return Err(too_often()),
            _ => return Err(Error::Validation("TimeToLive is already disabled".to_owned())),
        };
        if present.attribute != attribute {
            return Err(other(&present));
        }
        let span = Span::of(found.now, self.settings.delays.update);
        let grave = Grave { table: found.meta.uid, index: present.uid };
        self.change_and_bury(&mut control, &found.table, vec![grave], |meta| {
            meta.expiry = Some(TimeToLive { phase: ExpiryPhase::Disabling(span), ..present });
        })
        .await
    }
}

fn other(present: &TimeToLive) -> Error {
    Error::Validation(format!(
        "TimeToLive is active on a different AttributeName: current AttributeName is {}",
        present.attribute
    ))
}

fn too_often() -> Error {
    Error::Validation("Time to live has been modified multiple times within a fixed interval".to_owned())
}
