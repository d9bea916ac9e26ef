//! Members of aggregated records that cannot be read: no processor can be given them, so the policy for failures decides.

use super::session::{Halt, Session};
use crate::deaggregation::Broken;
use crate::failure::AfterRetries;
use crate::record::UserRecord;

impl Session {
    /// Why the shard has to stop behind `records`, which then end in front of the first broken member; `None` where the
    /// policy gives up on such members. Trying again would not make them readable.
    pub(super) async fn give_up_on_broken(
        &mut self,
        broken: Vec<Broken>,
        records: &mut Vec<UserRecord>,
    ) -> Result<Option<String>, Halt> {
        let Some(first) = broken.first() else { return Ok(None) };
        let letters = match &self.parts.settings.failures.then {
            AfterRetries::StopShard => {
                let end = first.remains.checkpoint();
                records.retain(|record| record.checkpoint() < end);
                return Ok(Some(first.why.clone()));
            }
            AfterRetries::Skip => None,
            AfterRetries::DeadLetter(letters) => Some(letters.clone()),
        };
        for Broken { remains, why } in broken {
            if let Some(letters) = &letters {
                self.put_away(letters.as_ref(), &remains, &why).await?;
            }
            tracing::error!(shard = %self.shard.shard, %why, "a record is left out");
            self.status.skipped();
        }
        Ok(None)
    }
}
