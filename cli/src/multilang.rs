//! `multilang`: programs in any language as record processors; also in place of `java`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use millstream_multilang::java::{self, DaemonArguments, JavaCommand, read_properties};
use millstream_multilang::properties::Properties;
use millstream_multilang::settings::understand;
use millstream_multilang::stub_jars::{self, Shape};
use millstream_multilang::{Error, log_configuration};
use millstream_runtime::{SystemClock, SystemEntropy};

use crate::config::log_format;
use crate::exit::Failure;
use crate::logging::{DEFAULT_FILTER, LogArguments, start_log};
use crate::signals::StopSignals;

/// Run programs of any language as record processors: KCL's MultiLangDaemon, without a JVM.
///
/// Reads the same .properties file and speaks the same JSON lines. Started as `java`, or with the arguments by which
/// amazon_kclpy and aws-kcl start one, it does the same.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct MultilangArguments {
    #[command(subcommand)]
    command: Option<MultilangCommand>,

    /// The properties file.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The same; where both are there, this one.
    #[arg(short, long, value_name = "FILE")]
    properties_file: Option<PathBuf>,

    /// A logback.xml, of which the level of the root counts.
    #[arg(short, long, value_name = "FILE")]
    log_configuration: Option<PathBuf>,

    #[command(flatten)]
    log: LogArguments,
}

#[derive(Debug, Subcommand)]
enum MultilangCommand {
    StubJars(StubJarsArguments),
}

/// Write the archives that amazon_kclpy and aws-kcl would fetch from Maven, empty.
///
/// `KCL_MVN_REPO_SEARCH_URL=file://DIR/ pip install amazon_kclpy` then needs no Maven, and `kcl-bootstrap --jar-path DIR`
/// (with --flat) neither.
#[derive(Args, Debug)]
struct StubJarsArguments {
    directory: PathBuf,

    /// Side by side, not as in a Maven repository.
    #[arg(long)]
    flat: bool,

    /// The pom.xml of the package, for versions that are not known; may be given more than once.
    #[arg(long, value_name = "FILE")]
    pom: Vec<PathBuf>,
}

pub(crate) fn run(arguments: MultilangArguments) -> Result<(), Failure> {
    let MultilangArguments { command, file, properties_file, log_configuration, log } = arguments;
    if let Some(MultilangCommand::StubJars(arguments)) = command {
        return write_stub_jars(&arguments);
    }
    let Some(properties_file) = properties_file.or(file) else {
        return Err(Failure::Usage("no properties file is named: millstream multilang FILE".to_owned()));
    };
    let daemon = DaemonArguments { properties_file, log_configuration, ..DaemonArguments::default() };
    run_daemon(&daemon, log)
}

/// Stands in for `java`; `arguments` are all, the program's name first.
pub(crate) fn run_as_java(arguments: &[String]) -> Result<(), Failure> {
    match java::parse(arguments.get(1..).unwrap_or_default())? {
        JavaCommand::Version => {
            let version = env!("CARGO_PKG_VERSION");
            let line = format!("millstream {version}, in place of a JVM, for KCL's MultiLangDaemon\n");
            io::stderr().write_all(line.as_bytes()).map_err(Failure::Output)
        }
        JavaCommand::Daemon(mut daemon) => {
            if daemon.class_path.is_empty()
                && let Some(path) = std::env::var_os("CLASSPATH")
            {
                daemon.class_path = std::env::split_paths(&path).collect();
            }
            run_daemon(&daemon, log_from_environment()?)
        }
    }
}

/// No options of ours are among those for `java`.
fn log_from_environment() -> Result<LogArguments, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let format = variable("MILLSTREAM_LOG_FORMAT").map(|text| log_format(&text)).transpose();
    let log_format = format.map_err(|error| Failure::Usage(format!("MILLSTREAM_LOG_FORMAT: {error}")))?;
    Ok(LogArguments { log: variable("MILLSTREAM_LOG"), log_format })
}

fn run_daemon(arguments: &DaemonArguments, log: LogArguments) -> Result<(), Failure> {
    let configured = arguments.log_configuration.as_deref().map(configured_filter);
    let filter = match (log.log, &configured) {
        (Some(filter), _) => filter,
        (None, Some(Ok(Some(filter)))) => (*filter).to_owned(),
        (None, _) => DEFAULT_FILTER.to_owned(),
    };
    start_log(&filter, log.log_format.unwrap_or_default())?;
    match configured {
        Some(Ok(_)) => tracing::info!(
            "of the log configuration, the level of the root counts; logs go to standard error"
        ),
        Some(Err(reason)) => tracing::warn!("the log configuration is not used: {reason}"),
        None => {}
    }
    let (path, content) = read_properties(&arguments.properties_file, &arguments.class_path)?;
    tracing::info!(properties = %path.display(), "millstream multilang {}", env!("CARGO_PKG_VERSION"));
    let properties = Properties::parse(&content).map_err(|error| Error::Properties { path, error })?;
    let understood = understand(&properties, &arguments.system)?;
    for warning in &understood.warnings {
        tracing::warn!("{warning}");
    }
    for notice in &understood.notices {
        tracing::info!("{notice}");
    }
    crate::block_on(async {
        let mut signals = StopSignals::listen().map_err(Failure::Output)?;
        let shutdown = async move { signals.recv().await };
        let (clock, entropy) = (SystemClock::shared(), SystemEntropy::shared());
        millstream_multilang::run(understood.settings, clock, entropy, shutdown).await?;
        tracing::info!("stopped");
        Ok(())
    })
}

fn configured_filter(path: &Path) -> Result<Option<&'static str>, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let xml = std::fs::read_to_string(path).map_err(|error| named(&error))?;
    log_configuration::filter(&xml).map_err(|error| named(&error))
}

fn write_stub_jars(arguments: &StubJarsArguments) -> Result<(), Failure> {
    let StubJarsArguments { directory, flat, pom } = arguments;
    let mut coordinates = if pom.is_empty() { stub_jars::known() } else { Default::default() };
    for pom in pom {
        coordinates.extend(stub_jars::of_pom(pom)?);
    }
    let shape = if *flat { Shape::Flat } else { Shape::Repository };
    let count = stub_jars::write(directory, shape, &coordinates)?;
    let directory = directory.canonicalize().map_err(Failure::Output)?;
    let next = if *flat {
        format!("kcl-bootstrap --jar-path {0} --java PATH-OF-MILLSTREAM …", directory.display())
    } else {
        format!("KCL_MVN_REPO_SEARCH_URL=file://{}/ pip install amazon_kclpy", directory.display())
    };
    let text = format!("{count} archives written. Next:\n  {next}\n");
    io::stdout().write_all(text.as_bytes()).map_err(Failure::Output)
}
