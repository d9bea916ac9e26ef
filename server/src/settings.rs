//! What an operator may configure, with every default.
//!
//! One structure is read from TOML, overridden by variables and flags (the command line does that), printed
//! back by `config print`, and turned into the settings of the crates below.

mod limits;
mod tables;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use millstream_engine as engine;
use millstream_model::{AccountId, Region};
#[cfg(feature = "rocksdb")]
use millstream_storage::rocksdb as storage;
use millstream_table as table;
use serde::{Deserialize, Serialize};

pub use limits::{CustomCalls, CustomLimits, LimitsPreset, LimitsSetting};
pub use tables::TablesSetting;

use crate::faults::LATENCY_MILLIS_MAX;
use crate::init::{InitialStreams, InvalidStreams};

const MIB: usize = 1024 * 1024;
/// More than any machine has, and far from what cannot be counted in bytes.
const MEMORY_MIB_MAX: usize = 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the AWS APIs are served: HTTP/1.1, HTTP/2 and TLS on one port.
    pub listen: SocketAddr,
    /// Where health and metrics are served; port 0 picks a free one.
    pub admin_listen: SocketAddr,
    /// Where records, streams and the certificate are kept.
    pub data_dir: PathBuf,
    pub storage: StorageKind,
    /// Owner of streams when the access key names none; 12 digits.
    pub account: String,
    pub limits: LimitsSetting,
    pub delays: DelaysSetting,
    pub tables: TablesSetting,
    pub memory: MemorySetting,
    pub tls: TlsSetting,
    pub encryption: EncryptionSetting,
    pub log: LogSetting,
    /// Start even though durable writes were found missing. Read the error first.
    pub accept_data_loss: bool,
    /// Whether the admin port lets tests reset the server, move its clock and so on; if absent, with storage in
    /// memory only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_api: Option<bool>,
    /// Streams that are made at the start where they are not there: `name:shards:region`, separated by commas.
    pub initialize_streams: String,
    /// Of streams above, and of scripts below, that name none.
    pub region: String,
    /// A folder of scripts that are run, one after another, before the server is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_dir: Option<PathBuf>,
    pub faults: FaultsSetting,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// On disk; an acknowledged record survives a power cut.
    #[default]
    Rocksdb,
    /// Forgotten when the process ends.
    Memory,
}

/// How long streams and consumers stay in CREATING, UPDATING and DELETING, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DelaysSetting {
    pub create_ms: u64,
    pub update_ms: u64,
    pub delete_ms: u64,
}

/// What goes wrong on purpose, from the start. More can be asked for while the server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultsSetting {
    /// The share, from 0 to 1, of calls (in PutRecords: of entries) that are answered as if a shard's throughput
    /// were used up.
    pub error_probability: f64,
    /// Milliseconds that every answer is held back.
    pub latency_ms: u64,
}

/// Bounds on memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemorySetting {
    /// The newest records of all shards, kept for readers.
    pub tail_mib: usize,
    /// Records on their way to the disk; further puts wait.
    pub in_flight_mib: usize,
    /// Bodies of requests and replies under way; further ones wait.
    pub bodies_mib: usize,
    /// Bytes written before they are flushed to a file; up to three times that may be held.
    pub write_buffer_mib: usize,
    /// Members of consumer groups over gRPC at once, each of whom may have 8 MiB read ahead; more are refused.
    pub group_members: u16,
}

/// Without files, a certificate is made for this machine and kept in the data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSetting {
    /// PEM, the server's own certificate first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM; must not be readable by others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// Where the master key of encrypted streams is. Without a file, and without the variable that holds the key itself,
/// one is made when it is first needed and kept in the data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncryptionSetting {
    /// 64 hexadecimal digits, or 32 bytes in base64; must not be readable by others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key_file: Option<PathBuf>,
    /// The master key before the present one, needed for one start: what it wrapped is wrapped anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_master_key_file: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSetting {
    pub format: LogFormat,
    /// A `tracing` filter, such as `info` or `info,millstream_engine=debug`.
    pub filter: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    #[error("account: {0:?} is not 12 digits")]
    Account(String),
    #[error("region: {0:?} is not the name of a region")]
    Region(String),
    #[error("initialize_streams: {0}")]
    InitialStreams(#[from] InvalidStreams),
    #[error("faults.error_probability: {0} is not from 0 to 1")]
    ErrorProbability(String),
    #[error("faults.latency_ms: {0} is more than {LATENCY_MILLIS_MAX}")]
    Latency(u64),
    #[error("tls: certificate and key go together")]
    TlsPair,
    #[error("memory.{0}: must be at least {1} MiB")]
    TooSmall(&'static str, usize),
    #[error("memory.{0}: must be at most {max} MiB", max = MEMORY_MIB_MAX)]
    TooLarge(&'static str),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4566)),
            admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4580)),
            data_dir: PathBuf::from("data"),
            storage: StorageKind::default(),
            account: "000000000000".to_owned(),
            limits: LimitsSetting::Preset(LimitsPreset::Aws),
            delays: DelaysSetting::default(),
            tables: TablesSetting::default(),
            memory: MemorySetting::default(),
            tls: TlsSetting::default(),
            encryption: EncryptionSetting::default(),
            log: LogSetting::default(),
            accept_data_loss: false,
            test_api: None,
            initialize_streams: String::new(),
            region: "us-east-1".to_owned(),
            init_dir: None,
            faults: FaultsSetting::default(),
        }
    }
}

impl Default for MemorySetting {
    fn default() -> Self {
        Self { tail_mib: 64, in_flight_mib: 64, bodies_mib: 256, write_buffer_mib: 64, group_members: 256 }
    }
}

impl Default for LogSetting {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: "info".to_owned() }
    }
}

impl Settings {
    /// Finds what no single field shows.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        self.initial_streams()?;
        let FaultsSetting { error_probability, latency_ms } = self.faults;
        if !(0.0..=1.0).contains(&error_probability) {
            return Err(InvalidSettings::ErrorProbability(error_probability.to_string()));
        }
        if latency_ms > LATENCY_MILLIS_MAX {
            return Err(InvalidSettings::Latency(latency_ms));
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return Err(InvalidSettings::TlsPair);
        }
        // Below this, one large request would wait for room that never comes.
        let MemorySetting { tail_mib, in_flight_mib, bodies_mib, write_buffer_mib, group_members: _ } =
            self.memory;
        let least = [
            ("tail_mib", tail_mib, 0),
            ("in_flight_mib", in_flight_mib, 11),
            ("bodies_mib", bodies_mib, 32),
            ("write_buffer_mib", write_buffer_mib, 1),
        ];
        match least.into_iter().find(|(_, mib, least)| !(*least..=MEMORY_MIB_MAX).contains(mib)) {
            Some((name, mib, _)) if mib > MEMORY_MIB_MAX => Err(InvalidSettings::TooLarge(name)),
            Some((name, _, least)) => Err(InvalidSettings::TooSmall(name, least)),
            None => Ok(()),
        }
    }

    pub(crate) fn account_id(&self) -> Result<AccountId, InvalidSettings> {
        self.account.parse().map_err(|_| InvalidSettings::Account(self.account.clone()))
    }

    pub(crate) fn region(&self) -> Result<Region, InvalidSettings> {
        self.region.parse().map_err(|_| InvalidSettings::Region(self.region.clone()))
    }

    pub(crate) fn initial_streams(&self) -> Result<InitialStreams, InvalidSettings> {
        Ok(InitialStreams::parse(&self.initialize_streams, &self.account_id()?, &self.region()?)?)
    }

    /// Whether the admin port has the test API. Whoever reaches it can remove everything, so where data is to last it
    /// must be asked for.
    #[must_use]
    pub fn has_test_api(&self) -> bool {
        self.test_api.unwrap_or(self.storage == StorageKind::Memory)
    }

    #[cfg(feature = "rocksdb")]
    pub(crate) fn storage(&self) -> storage::Settings {
        storage::Settings {
            write_buffer_bytes: self.memory.write_buffer_mib * MIB,
            accept_loss: self.accept_data_loss,
            ..storage::Settings::default()
        }
    }

    pub(crate) fn engine(&self) -> engine::Settings {
        engine::Settings {
            limits: self.limits.into(),
            delays: engine::Delays {
                create: Duration::from_millis(self.delays.create_ms),
                update: Duration::from_millis(self.delays.update_ms),
                delete: Duration::from_millis(self.delays.delete_ms),
            },
            tail_bytes_max: self.memory.tail_mib * MIB,
            in_flight_bytes_max: self.memory.in_flight_mib * MIB,
            ..engine::Settings::default()
        }
    }

    /// Tables are throttled unless nothing is, or their own setting says otherwise.
    pub(crate) fn tables(&self) -> table::Settings {
        let is_off = self.limits == LimitsSetting::Preset(LimitsPreset::Off);
        let like_streams = if is_off { LimitsPreset::Off } else { LimitsPreset::Aws };
        let throughput = match self.tables.throughput.unwrap_or(like_streams) {
            LimitsPreset::Aws => table::ThroughputLimits::Aws,
            LimitsPreset::Off => table::ThroughputLimits::Off,
        };
        table::Settings { throughput, delays: self.tables.delays(), ..table::Settings::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_throttled_as_streams_are_unless_it_is_said() {
        let throughput = |text: &str| toml::from_str::<Settings>(text).unwrap().tables().throughput;
        assert_eq!(throughput(""), table::ThroughputLimits::Aws);
        assert_eq!(throughput("limits = \"off\""), table::ThroughputLimits::Off);
        assert_eq!(throughput("limits = { read_calls_per_second = 0 }"), table::ThroughputLimits::Aws);
        assert_eq!(throughput("tables = { throughput = \"off\" }"), table::ThroughputLimits::Off);
        let text = "limits = \"off\"\ntables = { throughput = \"aws\", delete_ms = 7 }";
        assert_eq!(throughput(text), table::ThroughputLimits::Aws);
        let settings: Settings = toml::from_str(text).unwrap();
        assert_eq!(settings.tables().delays.delete, Duration::from_millis(7));
        assert_eq!(toml::from_str::<Settings>(&toml::to_string(&settings).unwrap()).unwrap(), settings);
    }

    #[test]
    fn what_is_printed_can_be_read() {
        let settings = Settings::default();
        assert_eq!(toml::from_str::<Settings>(&toml::to_string(&settings).unwrap()).unwrap(), settings);
        assert_eq!(settings.check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let misread = |text| toml::from_str::<Settings>(text).unwrap_err().to_string();
        assert!(misread("lissten = '127.0.0.1:1'").contains("unknown field `lissten`"));
        assert!(
            misread("limits = { read_cals_per_second = 1 }").contains("unknown field `read_cals_per_second`")
        );
        assert!(misread("limits = { calls_per_second = { list = 1 } }").contains("unknown field `list`"));
        assert!(misread("limits = { write_burst_bytes = '1MiB' }").contains("invalid type: string \"1MiB\""));
        assert!(misread("limits = 'on'").contains("unknown variant `on`"));
        assert!(misread("limits = true").contains("\"aws\", \"off\" or a table of figures"));
        let wrong = Settings { account: "12".into(), ..Settings::default() };
        assert_eq!(wrong.check(), Err(InvalidSettings::Account("12".into())));
        let tls = TlsSetting { certificate: Some("c.pem".into()), key: None };
        assert_eq!(Settings { tls, ..Settings::default() }.check(), Err(InvalidSettings::TlsPair));
        let memory = MemorySetting { bodies_mib: 1, ..MemorySetting::default() };
        assert_eq!(
            Settings { memory, ..Settings::default() }.check(),
            Err(InvalidSettings::TooSmall("bodies_mib", 32))
        );
        let memory = MemorySetting { tail_mib: usize::MAX, ..MemorySetting::default() };
        let refused = Settings { memory, ..Settings::default() }.check().unwrap_err();
        assert_eq!(refused.to_string(), "memory.tail_mib: must be at most 1048576 MiB");
    }
}
