//! DescribeContinuousBackups and UpdateContinuousBackups.
//!
//! What is switched on is kept and shown; there is nothing that could be restored from.

use std::time::Duration;

use millstream_model::Timestamp;

use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::meta::PointInTimeRecovery;
use crate::tables::{Found, Inner, Tables};

const DAYS_DEFAULT: u32 = 35;
/// What lies less far back can not be restored yet.
const LATEST_LAG: Duration = Duration::from_secs(5 * 60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Continuous backups themselves are always on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContinuousBackups {
    pub recovery: Option<RecoveryWindow>,
}

/// The times to which a table could be brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryWindow {
    pub days: u32,
    pub earliest: Timestamp,
    pub latest: Timestamp,
}

impl Tables {
    pub fn describe_continuous_backups(&self, arn: &TableArn) -> Result<ContinuousBackups> {
        Ok(backups(&self.inner.find_for_backup(arn)?))
    }

    /// `days` are 1 to 35; absent, as they are, or 35.
    pub async fn update_continuous_backups(
        &self,
        arn: &TableArn,
        enabled: bool,
        days: Option<u32>,
    ) -> Result<ContinuousBackups> {
        let arn = arn.clone();
        self.carry_through("change of backups", move |tables| async move {
            let inner = &tables.inner;
            let mut control = inner.control.lock().await;
            let found = inner.find_for_backup(&arn)?;
            inner
                .change(&mut control, &found, |meta| {
                    meta.recovery = enabled.then(|| PointInTimeRecovery {
                        since: meta.recovery.map_or(found.now, |recovery| recovery.since),
                        days: days
                            .unwrap_or_else(|| meta.recovery.map_or(DAYS_DEFAULT, |recovery| recovery.days)),
                    });
                })
                .await?;
            Ok(backups(&inner.find_for_backup(&arn)?))
        })
        .await
    }
}

impl Inner {
    fn find_for_backup(&self, arn: &TableArn) -> Result<Found> {
        self.find(arn).map_err(|_| Error::TableNotFound(format!("Table not found: {}", arn.name)))
    }
}

fn backups(found: &Found) -> ContinuousBackups {
    let window = |recovery: PointInTimeRecovery| {
        let earliest = recovery.since.max(found.now.minus(DAY * recovery.days));
        let latest = found.now.minus(LATEST_LAG).max(earliest);
        RecoveryWindow { days: recovery.days, earliest, latest }
    };
    ContinuousBackups { recovery: found.meta.recovery.map(window) }
}
