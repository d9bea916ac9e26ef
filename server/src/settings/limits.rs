//! What shards, consumers and calls are allowed, as it is configured.

use std::fmt;

use millstream_engine as engine;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// `"aws"`, `"off"`, or a table of figures; a figure that is left out is AWS's, 0 means no limit.
#[allow(clippy::large_enum_variant)] // there is one of them
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum LimitsSetting {
    Preset(LimitsPreset),
    Custom(CustomLimits),
}

/// By what it is, not by what fits, so that what is wrong in a table is named.
impl<'de> Deserialize<'de> for LimitsSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;

        impl<'de> Visitor<'de> for TextOrTable {
            type Value = LimitsSetting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"aws\", \"off\" or a table of figures")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                LimitsPreset::deserialize(text.into_deserializer()).map(LimitsSetting::Preset)
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
                CustomLimits::deserialize(MapAccessDeserializer::new(table)).map(LimitsSetting::Custom)
            }
        }

        deserializer.deserialize_any(TextOrTable)
    }
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
    use crate::settings::Settings;

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
}
