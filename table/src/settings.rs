//! What an operator may change about tables.

use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub throughput: ThroughputLimits,
    pub delays: Delays,
    /// Tables of one account in one region; AWS allows 2,500.
    pub tables_max: usize,
    /// Between two looks for expired items and for what deleted tables have left.
    pub sweep_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            throughput: ThroughputLimits::Aws,
            delays: Delays::default(),
            tables_max: 2_500,
            sweep_interval: Duration::from_secs(1),
        }
    }
}

/// Whether a table takes no more reads and writes than were provisioned for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThroughputLimits {
    /// As AWS does it: what is not used is saved for up to 300 seconds.
    #[default]
    Aws,
    Off,
}

/// How long tables and indexes stay in a passing state. AWS takes seconds to minutes; most users want 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    pub create: Duration,
    pub update: Duration,
    pub delete: Duration,
}
