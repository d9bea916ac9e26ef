//! `config`: the settings of the server, from flags, variables, a file and defaults, in this order.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Subcommand};
use millstream_server::settings::{LimitsPreset, LimitsSetting, LogFormat, StorageKind};
use millstream_server::{Secrets, ServerError, Settings};

use crate::exit::Failure;

/// Read if it is there and no other file is named.
const DEFAULT_FILE: &str = "millstream.toml";
const VARIABLE_PREFIX: &str = "MILLSTREAM_";

/// Show or check the server's settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the settings that `serve` would run with, as TOML.
    Print {
        #[command(flatten)]
        settings: SettingsArguments,
        /// Print the defaults, whatever is configured.
        #[arg(long)]
        defaults: bool,
    },
    /// Check the settings that `serve` would run with, and say what is wrong.
    Check {
        #[command(flatten)]
        settings: SettingsArguments,
    },
}

pub(crate) fn run(command: &ConfigCommand) -> Result<(), Failure> {
    let text = match command {
        ConfigCommand::Print { defaults: true, .. } => to_toml(&Settings::default())?,
        ConfigCommand::Print { settings, .. } => to_toml(&settings.load()?)?,
        ConfigCommand::Check { settings } => {
            let settings = settings.load()?;
            Secrets::from_environment().check(&settings).map_err(ServerError::from)?;
            let unknown = unknown_variables();
            if !unknown.is_empty() {
                return Err(Failure::Usage(format!("no setting is called {}", unknown.join(", "))));
            }
            "The settings are valid.\n".to_owned()
        }
    };
    io::stdout().write_all(text.as_bytes()).map_err(Failure::Output)
}

fn to_toml(settings: &Settings) -> Result<String, Failure> {
    toml::to_string_pretty(settings).map_err(|error| Failure::Usage(error.to_string()))
}

/// Flags override variables, variables the file, the file the defaults.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArguments {
    /// Where the AWS APIs are served [default: 127.0.0.1:4566].
    #[arg(long, value_name = "ADDRESS", env = "MILLSTREAM_LISTEN")]
    listen: Option<SocketAddr>,

    /// Where health and metrics are served; port 0 takes a free one [default: 127.0.0.1:4580].
    #[arg(long, value_name = "ADDRESS", env = "MILLSTREAM_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,

    /// Where everything is kept [default: data].
    #[arg(long, value_name = "DIRECTORY", env = "MILLSTREAM_DATA_DIR")]
    data_dir: Option<PathBuf>,

    /// On disk, or forgotten at the end [default: rocksdb].
    #[arg(long, value_name = "rocksdb|memory", env = "MILLSTREAM_STORAGE", value_parser = storage_kind)]
    storage: Option<StorageKind>,

    /// Throttle shards as AWS does, or not at all; figures of one's own go into the file [default: aws].
    #[arg(long, value_name = "aws|off", env = "MILLSTREAM_LIMITS", value_parser = limits_preset)]
    limits: Option<LimitsPreset>,

    /// Owner of the streams of keys that are no account id [default: 000000000000].
    #[arg(long, value_name = "ACCOUNT", env = "MILLSTREAM_ACCOUNT")]
    account: Option<String>,

    /// Milliseconds that streams stay in CREATING [default: 0].
    #[arg(long, value_name = "MS", env = "MILLSTREAM_CREATE_DELAY_MS")]
    create_delay_ms: Option<u64>,

    /// Milliseconds that streams stay in UPDATING [default: 0].
    #[arg(long, value_name = "MS", env = "MILLSTREAM_UPDATE_DELAY_MS")]
    update_delay_ms: Option<u64>,

    /// Milliseconds that streams stay in DELETING [default: 0].
    #[arg(long, value_name = "MS", env = "MILLSTREAM_DELETE_DELAY_MS")]
    delete_delay_ms: Option<u64>,

    /// Throttle tables as AWS does, or not at all [default: off if the limits are off, else aws].
    #[arg(long, value_name = "aws|off", env = "MILLSTREAM_TABLE_THROUGHPUT", value_parser = limits_preset)]
    table_throughput: Option<LimitsPreset>,

    /// Milliseconds that tables stay in CREATING [default: 0].
    #[arg(long, value_name = "MS", env = "MILLSTREAM_TABLE_CREATE_DELAY_MS")]
    table_create_delay_ms: Option<u64>,

    /// Milliseconds that tables stay in UPDATING [default: 0].
    #[arg(long, value_name = "MS", env = "MILLSTREAM_TABLE_UPDATE_DELAY_MS")]
    table_update_delay_ms: Option<u64>,

    /// Milliseconds that tables stay in DELETING [default: 0].
    #[arg(long, value_name = "MS", env = "MILLSTREAM_TABLE_DELETE_DELAY_MS")]
    table_delete_delay_ms: Option<u64>,

    /// A certificate of one's own, PEM.
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_TLS_CERTIFICATE")]
    tls_certificate: Option<PathBuf>,

    /// Its key, PEM, readable by the owner alone.
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_TLS_KEY")]
    tls_key: Option<PathBuf>,

    /// Holds the master key of encrypted streams; readable by the owner alone [default: made in the data directory].
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_MASTER_KEY_FILE")]
    master_key_file: Option<PathBuf>,

    /// The master key before that one, for one start: its data keys go over to the new one.
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_PREVIOUS_MASTER_KEY_FILE")]
    previous_master_key_file: Option<PathBuf>,

    /// What is logged, as a filter of the `tracing` crate [default: info].
    #[arg(long, value_name = "FILTER", env = "MILLSTREAM_LOG")]
    log: Option<String>,

    /// How it is logged [default: text].
    #[arg(long, value_name = "text|json", env = "MILLSTREAM_LOG_FORMAT", value_parser = log_format)]
    log_format: Option<LogFormat>,

    /// Start although durable writes were found missing; read the error first.
    #[arg(long, env = "MILLSTREAM_ACCEPT_DATA_LOSS")]
    accept_data_loss: bool,

    /// Let tests reset the server, move its clock and so on over the admin port [default: with --storage memory].
    #[arg(long, value_name = "true|false", env = "MILLSTREAM_TEST_API", num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    test_api: Option<bool>,

    /// Streams to make at the start where they are not there: name:shards:region,… ; 4 shards and the region below
    /// if left out.
    #[arg(long, value_name = "STREAMS", env = "INITIALIZE_STREAMS")]
    initialize_streams: Option<String>,

    /// The region of such streams, and of init scripts [default: us-east-1].
    #[arg(long, value_name = "REGION", env = "MILLSTREAM_REGION")]
    region: Option<String>,

    /// A folder of scripts to run, one after another, before the server is ready.
    #[arg(long, value_name = "DIRECTORY", env = "MILLSTREAM_INIT_DIR")]
    init_dir: Option<PathBuf>,

    /// The share, 0 to 1, of calls and of PutRecords' entries to throttle on purpose [default: 0].
    #[arg(long, value_name = "SHARE", env = "KINESIS_ERROR_PROBABILITY", value_parser = given::<f64>)]
    error_probability: Option<Given<f64>>,

    /// Milliseconds to hold every answer back on purpose [default: 0].
    #[arg(long, value_name = "MS", env = "KINESIS_LATENCY", value_parser = given::<u64>)]
    latency_ms: Option<Given<u64>>,

    /// A TOML file; `config print --defaults` shows one [default: millstream.toml, if it is there].
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_CONFIG")]
    config: Option<PathBuf>,
}

impl SettingsArguments {
    pub(crate) fn load(&self) -> Result<Settings, Failure> {
        let mut settings = match &self.config {
            Some(file) => read(file)?,
            None if Path::new(DEFAULT_FILE).exists() => read(Path::new(DEFAULT_FILE))?,
            None => Settings::default(),
        };
        self.clone().override_in(&mut settings);
        settings.check().map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(settings)
    }

    /// A misspelt variable would otherwise be a setting that silently does nothing.
    pub(crate) fn warn_of_unknown_variables(&self) {
        for variable in unknown_variables() {
            tracing::warn!(variable, "no setting is called so");
        }
    }

    fn override_in(self, settings: &mut Settings) {
        set(&mut settings.listen, self.listen);
        set(&mut settings.admin_listen, self.admin_listen);
        set(&mut settings.data_dir, self.data_dir);
        set(&mut settings.storage, self.storage);
        set(&mut settings.limits, self.limits.map(LimitsSetting::Preset));
        set(&mut settings.account, self.account);
        set(&mut settings.delays.create_ms, self.create_delay_ms);
        set(&mut settings.delays.update_ms, self.update_delay_ms);
        set(&mut settings.delays.delete_ms, self.delete_delay_ms);
        set(&mut settings.tables.throughput, self.table_throughput.map(Some));
        set(&mut settings.tables.create_ms, self.table_create_delay_ms);
        set(&mut settings.tables.update_ms, self.table_update_delay_ms);
        set(&mut settings.tables.delete_ms, self.table_delete_delay_ms);
        set(&mut settings.tls.certificate, self.tls_certificate.map(Some));
        set(&mut settings.tls.key, self.tls_key.map(Some));
        set(&mut settings.encryption.master_key_file, self.master_key_file.map(Some));
        set(&mut settings.encryption.previous_master_key_file, self.previous_master_key_file.map(Some));
        set(&mut settings.log.filter, self.log);
        set(&mut settings.log.format, self.log_format);
        set(&mut settings.test_api, self.test_api.map(Some));
        set(&mut settings.initialize_streams, self.initialize_streams);
        set(&mut settings.region, self.region);
        set(&mut settings.init_dir, self.init_dir.map(Some));
        set(&mut settings.faults.error_probability, self.error_probability.and_then(|given| given.0));
        set(&mut settings.faults.latency_ms, self.latency_ms.and_then(|given| given.0));
        settings.accept_data_loss |= self.accept_data_loss;
    }
}

/// A variable of other servers' that compose files pass on even where it says nothing.
#[derive(Clone, Copy, Debug)]
struct Given<T>(Option<T>);

fn given<T: std::str::FromStr>(text: &str) -> Result<Given<T>, T::Err> {
    let text = text.trim();
    if text.is_empty() { Ok(Given(None)) } else { Ok(Given(Some(text.parse()?))) }
}

fn set<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}

fn read(file: &Path) -> Result<Settings, Failure> {
    let in_file = |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| in_file(&error))?;
    toml::from_str(&text).map_err(|error| in_file(&error))
}

/// Variables with our prefix that no flag of any command reads.
fn unknown_variables() -> Vec<String> {
    let command = crate::Arguments::command();
    // A secret is no argument.
    let mut known = vec![Secrets::MASTER_KEY_VARIABLE.to_owned()];
    collect_variables(&command, &mut known);
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    set.filter(|name| name.starts_with(VARIABLE_PREFIX) && !known.contains(name)).collect()
}

fn collect_variables(command: &clap::Command, known: &mut Vec<String>) {
    known.extend(
        command.get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned)),
    );
    command.get_subcommands().for_each(|command| collect_variables(command, known));
}

fn storage_kind(text: &str) -> Result<StorageKind, &'static str> {
    match text {
        "rocksdb" => Ok(StorageKind::Rocksdb),
        "memory" => Ok(StorageKind::Memory),
        _ => Err("expected rocksdb or memory"),
    }
}

fn limits_preset(text: &str) -> Result<LimitsPreset, &'static str> {
    match text {
        "aws" => Ok(LimitsPreset::Aws),
        "off" => Ok(LimitsPreset::Off),
        _ => Err("expected aws or off"),
    }
}

pub(crate) fn log_format(text: &str) -> Result<LogFormat, &'static str> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected text or json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> (tempfile::TempDir, SettingsArguments) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("settings.toml");
        fs::write(&file, text).unwrap();
        (directory, SettingsArguments { config: Some(file), ..SettingsArguments::default() })
    }

    #[test]
    fn flags_come_before_the_file_and_the_file_before_defaults() {
        let (_directory, mut arguments) = with_file("account = '111111111111'\nlimits = 'off'\n");
        arguments.account = Some("222222222222".to_owned());
        let settings = arguments.load().unwrap();
        assert_eq!(settings.account, "222222222222");
        assert_eq!(settings.limits, LimitsSetting::Preset(LimitsPreset::Off));
        assert_eq!(settings.listen, Settings::default().listen);
    }

    #[test]
    fn what_is_wrong_in_a_file_is_named() {
        let (_directory, arguments) = with_file("limit = 'off'\n");
        let failure = arguments.load().unwrap_err().to_string();
        assert!(failure.contains("settings.toml") && failure.contains("limit"), "{failure}");
        let (_directory, arguments) = with_file("account = 'me'\n");
        assert!(arguments.load().unwrap_err().to_string().contains("12 digits"));
    }

    /// The rows of the table in the documentation, cell by cell.
    fn documented() -> Vec<Vec<&'static str>> {
        let rows = include_str!("../../docs/configuration.md").lines().filter(|line| line.starts_with("| "));
        rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
    }

    #[test]
    fn every_setting_is_documented() {
        let rows = documented();
        let is_in = |column: usize, name: &str| {
            let name = format!("`{name}`");
            rows.iter().any(|row| row.get(column).is_some_and(|cell| *cell == name))
        };
        let command = SettingsArguments::augment_args(clap::Command::new("serve"));
        for argument in command.get_arguments() {
            let flag = format!("--{}", argument.get_long().unwrap());
            let variable = argument.get_env().unwrap().to_str().unwrap();
            let row = rows.iter().find(|row| row[0] == format!("`{flag}`"));
            let row = row.unwrap_or_else(|| panic!("{flag} is not in the table"));
            assert_eq!(row[1], format!("`{variable}`"), "{flag}");
        }
        let defaults: toml::Table = to_toml(&Settings::default()).unwrap().parse().unwrap();
        for (key, value) in &defaults {
            match value {
                toml::Value::Table(table) => {
                    for inner in table.keys() {
                        assert!(is_in(2, &format!("{key}.{inner}")), "{key}.{inner} is not in the table");
                    }
                }
                _ => assert!(is_in(2, key), "{key} is not in the table"),
            }
        }
    }
}
