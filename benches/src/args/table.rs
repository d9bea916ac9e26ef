//! The flags of `millstream bench table`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{MeasurementArgs, as_secs, parse_duration};

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TableArgs {
    #[arg(long, value_enum, default_value_t = TableMode::Update)]
    pub mode: TableMode,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 32)]
    pub connections: usize,
    /// Leases in the table; in either mode a lease has one request under way at most
    #[arg(long, default_value_t = 10_000)]
    pub items: usize,
    /// How often --mode renew renews each lease
    #[arg(long, default_value = "3s", value_parser = parse_duration)]
    #[serde(serialize_with = "as_secs")]
    pub period: Duration,
    /// Workers of --mode renew: each renews all its leases at once, as the KCL does, and their times are evenly spread.
    /// With as many as there are leases, renewals are evenly spread
    #[arg(long, default_value_t = 20)]
    pub workers: usize,
    #[arg(long, value_enum, default_value_t = Spelling::Legacy)]
    pub spelling: Spelling,
    /// The table is named PREFIX-RANDOM
    #[arg(long, default_value = "millstream-bench")]
    #[serde(skip)]
    pub table_prefix: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub measurement: MeasurementArgs,
}

/// When leases are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableMode {
    /// As fast as the target takes it, each connection its own leases in turn.
    Update,
    /// Each once in a period, all of a worker at once, whatever the target does.
    Renew,
}

/// How a conditional update is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spelling {
    /// With `Expected` and `AttributeUpdates`, as the KCL does.
    Legacy,
    /// With `ConditionExpression` and `UpdateExpression`.
    Expression,
}
