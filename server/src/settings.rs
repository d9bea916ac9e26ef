//! What an operator may configure, with every default.
//!
//! One structure is read from TOML, overridden by variables and flags (the command line does that), printed
//! back by `config print`, and turned into the settings of the crates below.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use millstream_engine as engine;
use millstream_model::{AccountId, Region};
#[cfg(feature = "rocksdb")]
use millstream_storage::rocksdb as storage;
use serde::{Deserialize, Serialize};

use crate::faults::LATENCY_MILLIS_MAX;
use crate::init::{InitialStreams, InvalidStreams};

const MIB: usize = 1024 * 1024;

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

/// `"aws"`, `"off"`, or a table of figures; a figure that is left out is AWS's, 0 means no limit.
#[allow(clippy::large_enum_variant)] // there is one of them
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LimitsSetting {
    Preset(LimitsPreset),
    Custom(CustomLimits),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitsPreset {
    Aws,
    Off,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomLimits {
    pub write_bytes_per_second: Option<u64>,
    pub write_burst_bytes: Option<u64>,
    pub write_records_per_second: Option<u64>,
    pub read_bytes_per_second: Option<u64>,
    pub read_calls_per_second: Option<u64>,
    pub iterator_calls_per_second: Option<u64>,
    pub shards_per_account: Option<u32>,
    pub on_demand_streams_per_account: Option<u32>,
    pub on_demand_mib_per_second_max: Option<u32>,
    pub mode_switches_per_day: Option<u32>,
    pub count_updates_per_day: Option<u32>,
    pub consumers_per_stream: Option<u32>,
    pub consumers_per_advantage_stream: Option<u32>,
    pub subscription_bytes_per_second: Option<u64>,
    pub subscription_calls_per_second: Option<u64>,
    pub encryption_changes_per_day: Option<u32>,
    pub calls_per_second: CustomCalls,
}

/// Calls of each operation of the control plane, by account or by stream as AWS counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomCalls {
    pub create_stream: Option<u64>,
    pub delete_stream: Option<u64>,
    pub describe_stream: Option<u64>,
    pub describe_stream_summary: Option<u64>,
    pub list_streams: Option<u64>,
    pub list_shards: Option<u64>,
    pub describe_limits: Option<u64>,
    pub add_tags_to_stream: Option<u64>,
    pub remove_tags_from_stream: Option<u64>,
    pub list_tags_for_stream: Option<u64>,
    pub tag_resource: Option<u64>,
    pub untag_resource: Option<u64>,
    pub list_tags_for_resource: Option<u64>,
    pub put_resource_policy: Option<u64>,
    pub get_resource_policy: Option<u64>,
    pub delete_resource_policy: Option<u64>,
    pub enable_enhanced_monitoring: Option<u64>,
    pub disable_enhanced_monitoring: Option<u64>,
    pub register_stream_consumer: Option<u64>,
    pub deregister_stream_consumer: Option<u64>,
    pub describe_stream_consumer: Option<u64>,
    pub list_stream_consumers: Option<u64>,
    pub increase_stream_retention_period: Option<u64>,
    pub decrease_stream_retention_period: Option<u64>,
    pub split_shard: Option<u64>,
    pub merge_shards: Option<u64>,
    pub update_shard_count: Option<u64>,
    pub update_stream_mode: Option<u64>,
    pub update_stream_warm_throughput: Option<u64>,
    pub update_max_record_size: Option<u64>,
    pub update_stream_record_distribution_strategy: Option<u64>,
    pub describe_account_settings: Option<u64>,
    pub update_account_settings: Option<u64>,
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

/// Bounds on memory, in MiB.
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
        Self { tail_mib: 64, in_flight_mib: 64, bodies_mib: 256, write_buffer_mib: 64 }
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
        let MemorySetting { in_flight_mib, bodies_mib, write_buffer_mib, .. } = self.memory;
        let least = [
            ("in_flight_mib", in_flight_mib, 11),
            ("bodies_mib", bodies_mib, 32),
            ("write_buffer_mib", write_buffer_mib, 1),
        ];
        match least.into_iter().find(|(_, mib, least)| mib < least) {
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
}

impl From<LimitsSetting> for engine::Limits {
    fn from(setting: LimitsSetting) -> Self {
        let custom = match setting {
            LimitsSetting::Preset(LimitsPreset::Aws) => return Self::AWS,
            LimitsSetting::Preset(LimitsPreset::Off) => return Self::OFF,
            LimitsSetting::Custom(custom) => custom,
        };
        Self {
            write_bytes_per_second: figure(custom.write_bytes_per_second, Self::AWS.write_bytes_per_second),
            write_burst_bytes: figure(custom.write_burst_bytes, Self::AWS.write_burst_bytes),
            write_records_per_second: figure(
                custom.write_records_per_second,
                Self::AWS.write_records_per_second,
            ),
            read_bytes_per_second: figure(custom.read_bytes_per_second, Self::AWS.read_bytes_per_second),
            read_calls_per_second: figure(custom.read_calls_per_second, Self::AWS.read_calls_per_second),
            iterator_calls_per_second: figure(
                custom.iterator_calls_per_second,
                Self::AWS.iterator_calls_per_second,
            ),
            shards_per_account: figure(custom.shards_per_account, Self::AWS.shards_per_account),
            on_demand_streams_per_account: figure(
                custom.on_demand_streams_per_account,
                Self::AWS.on_demand_streams_per_account,
            ),
            on_demand_mib_per_second_max: figure(
                custom.on_demand_mib_per_second_max,
                Self::AWS.on_demand_mib_per_second_max,
            ),
            mode_switches_per_day: figure(custom.mode_switches_per_day, Self::AWS.mode_switches_per_day),
            count_updates_per_day: figure(custom.count_updates_per_day, Self::AWS.count_updates_per_day),
            consumers_per_stream: figure(custom.consumers_per_stream, Self::AWS.consumers_per_stream),
            consumers_per_advantage_stream: figure(
                custom.consumers_per_advantage_stream,
                Self::AWS.consumers_per_advantage_stream,
            ),
            subscription_bytes_per_second: figure(
                custom.subscription_bytes_per_second,
                Self::AWS.subscription_bytes_per_second,
            ),
            subscription_calls_per_second: figure(
                custom.subscription_calls_per_second,
                Self::AWS.subscription_calls_per_second,
            ),
            encryption_changes_per_day: figure(
                custom.encryption_changes_per_day,
                Self::AWS.encryption_changes_per_day,
            ),
            calls_per_second: custom.calls_per_second.into(),
        }
    }
}

impl From<CustomCalls> for engine::CallLimits {
    fn from(custom: CustomCalls) -> Self {
        let aws = Self::AWS;
        Self {
            create_stream: figure(custom.create_stream, aws.create_stream),
            delete_stream: figure(custom.delete_stream, aws.delete_stream),
            describe_stream: figure(custom.describe_stream, aws.describe_stream),
            describe_stream_summary: figure(custom.describe_stream_summary, aws.describe_stream_summary),
            list_streams: figure(custom.list_streams, aws.list_streams),
            list_shards: figure(custom.list_shards, aws.list_shards),
            describe_limits: figure(custom.describe_limits, aws.describe_limits),
            add_tags_to_stream: figure(custom.add_tags_to_stream, aws.add_tags_to_stream),
            remove_tags_from_stream: figure(custom.remove_tags_from_stream, aws.remove_tags_from_stream),
            list_tags_for_stream: figure(custom.list_tags_for_stream, aws.list_tags_for_stream),
            tag_resource: figure(custom.tag_resource, aws.tag_resource),
            untag_resource: figure(custom.untag_resource, aws.untag_resource),
            list_tags_for_resource: figure(custom.list_tags_for_resource, aws.list_tags_for_resource),
            put_resource_policy: figure(custom.put_resource_policy, aws.put_resource_policy),
            get_resource_policy: figure(custom.get_resource_policy, aws.get_resource_policy),
            delete_resource_policy: figure(custom.delete_resource_policy, aws.delete_resource_policy),
            enable_enhanced_monitoring: figure(
                custom.enable_enhanced_monitoring,
                aws.enable_enhanced_monitoring,
            ),
            disable_enhanced_monitoring: figure(
                custom.disable_enhanced_monitoring,
                aws.disable_enhanced_monitoring,
            ),
            register_stream_consumer: figure(custom.register_stream_consumer, aws.register_stream_consumer),
            deregister_stream_consumer: figure(
                custom.deregister_stream_consumer,
                aws.deregister_stream_consumer,
            ),
            describe_stream_consumer: figure(custom.describe_stream_consumer, aws.describe_stream_consumer),
            list_stream_consumers: figure(custom.list_stream_consumers, aws.list_stream_consumers),
            increase_stream_retention_period: figure(
                custom.increase_stream_retention_period,
                aws.increase_stream_retention_period,
            ),
            decrease_stream_retention_period: figure(
                custom.decrease_stream_retention_period,
                aws.decrease_stream_retention_period,
            ),
            split_shard: figure(custom.split_shard, aws.split_shard),
            merge_shards: figure(custom.merge_shards, aws.merge_shards),
            update_shard_count: figure(custom.update_shard_count, aws.update_shard_count),
            update_stream_mode: figure(custom.update_stream_mode, aws.update_stream_mode),
            update_stream_warm_throughput: figure(
                custom.update_stream_warm_throughput,
                aws.update_stream_warm_throughput,
            ),
            update_max_record_size: figure(custom.update_max_record_size, aws.update_max_record_size),
            update_stream_record_distribution_strategy: figure(
                custom.update_stream_record_distribution_strategy,
                aws.update_stream_record_distribution_strategy,
            ),
            describe_account_settings: figure(
                custom.describe_account_settings,
                aws.describe_account_settings,
            ),
            update_account_settings: figure(custom.update_account_settings, aws.update_account_settings),
        }
    }
}

/// The operator's figure, else AWS's; 0 means none.
fn figure<T: PartialEq + From<u8>>(custom: Option<T>, aws: Option<T>) -> Option<T> {
    custom.or(aws).filter(|figure| *figure != T::from(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_limits_fill_up_from_aws() {
        let settings: Settings =
            toml::from_str("limits = { write_records_per_second = 5, read_calls_per_second = 0 }").unwrap();
        let limits = engine::Limits::from(settings.limits);
        assert_eq!(limits.write_records_per_second, Some(5));
        assert_eq!(limits.read_calls_per_second, None);
        assert_eq!(limits.write_bytes_per_second, engine::Limits::AWS.write_bytes_per_second);
        let text = "limits = { calls_per_second = { create_stream = 50, list_streams = 0 } }";
        let settings: Settings = toml::from_str(text).unwrap();
        let calls = engine::Limits::from(settings.limits).calls_per_second;
        assert_eq!((calls.create_stream, calls.list_streams), (Some(50), None));
        assert_eq!(calls.describe_limits, Some(1));
        assert_eq!(toml::from_str::<Settings>(&toml::to_string(&settings).unwrap()).unwrap(), settings);
        let settings: Settings = toml::from_str("limits = \"off\"").unwrap();
        assert_eq!(engine::Limits::from(settings.limits), engine::Limits::OFF);
    }

    #[test]
    fn what_is_printed_can_be_read() {
        let settings = Settings::default();
        assert_eq!(toml::from_str::<Settings>(&toml::to_string(&settings).unwrap()).unwrap(), settings);
        assert_eq!(settings.check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_is_named() {
        assert!(toml::from_str::<Settings>("lissten = '127.0.0.1:1'").is_err());
        let wrong = Settings { account: "12".into(), ..Settings::default() };
        assert_eq!(wrong.check(), Err(InvalidSettings::Account("12".into())));
        let tls = TlsSetting { certificate: Some("c.pem".into()), key: None };
        assert_eq!(Settings { tls, ..Settings::default() }.check(), Err(InvalidSettings::TlsPair));
        let memory = MemorySetting { bodies_mib: 1, ..MemorySetting::default() };
        assert_eq!(
            Settings { memory, ..Settings::default() }.check(),
            Err(InvalidSettings::TooSmall("bodies_mib", 32))
        );
    }
}
