//! What commands log that run until they are asked to stop.

use std::io::{self, IsTerminal};

use clap::Args;
use millstream_server::settings::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::config::log_format;
use crate::exit::Failure;

/// What is logged where nothing else is asked for.
pub(crate) const DEFAULT_FILTER: &str = "info";

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LogArguments {
    /// What is logged, as a filter of the `tracing` crate [default: info].
    #[arg(long, value_name = "FILTER", env = "MILLSTREAM_LOG")]
    pub(crate) log: Option<String>,

    /// How it is logged [default: text].
    #[arg(long, value_name = "text|json", env = "MILLSTREAM_LOG_FORMAT", value_parser = log_format)]
    pub(crate) log_format: Option<LogFormat>,
}

/// Logs go to standard error from here on.
pub(crate) fn start_log(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::Usage(format!("the filter of the log, {filter:?}: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let is_terminal = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    match format {
        LogFormat::Text => builder.with_ansi(is_terminal).with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
