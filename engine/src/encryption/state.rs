//! Whether a stream is encrypted, by which name, and how often that was changed lately.

use millstream_model::Timestamp;

use super::Epoch;
use crate::rolling_day::RollingDay;

/// What is persisted of a stream's encryption beside its data keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Encryption {
    /// The KMS key as the caller named it; `None` while new records are not encrypted.
    pub(crate) key_id: Option<String>,
    /// The newest epoch there ever was; `None` if the stream was never encrypted.
    pub(crate) epoch: Option<Epoch>,
    pub(crate) starts: RollingDay,
    pub(crate) stops: RollingDay,
}

impl Encryption {
    /// The epoch of new records.
    pub(crate) fn present(&self) -> Option<Epoch> {
        self.epoch.filter(|_| self.key_id.is_some())
    }

    /// The epoch that the next start begins; `None` when there are no more.
    pub(crate) fn next_epoch(&self) -> Option<Epoch> {
        self.epoch.map_or(Some(Epoch::MIN), |epoch| epoch.checked_add(1))
    }

    /// The state after a start. `None` when a day has had so many.
    pub(crate) fn started(
        &self,
        key_id: &str,
        epoch: Epoch,
        limit: Option<u32>,
        now: Timestamp,
    ) -> Option<Self> {
        let starts = self.starts.admit(limit, now)?;
        Some(Self { key_id: Some(key_id.to_owned()), epoch: Some(epoch), starts, ..self.clone() })
    }

    /// The state after a stop. `None` when a day has had so many.
    pub(crate) fn stopped(&self, limit: Option<u32>, now: Timestamp) -> Option<Self> {
        let stops = self.stops.admit(limit, now)?;
        Some(Self { key_id: None, stops, ..self.clone() })
    }
}
