//! What may be configured of tables.

use std::time::Duration;

use millstream_table::Delays;
use serde::{Deserialize, Serialize};

use super::LimitsPreset;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TablesSetting {
    /// Whether tables take no more than was provisioned for them; if absent, unless the limits of streams are off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<LimitsPreset>,
    /// How long tables stay in CREATING, in milliseconds.
    pub create_ms: u64,
    /// How long tables, and what is switched on and off in them, stay in passing states such as UPDATING, in
    /// milliseconds.
    pub update_ms: u64,
    /// How long tables stay in DELETING, in milliseconds.
    pub delete_ms: u64,
}

impl TablesSetting {
    pub(super) fn delays(&self) -> Delays {
        Delays {
            create: Duration::from_millis(self.create_ms),
            update: Duration::from_millis(self.update_ms),
            delete: Duration::from_millis(self.delete_ms),
        }
    }
}
