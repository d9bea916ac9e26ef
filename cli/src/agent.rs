//! `agent`: follows files and puts their lines into streams.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use millstream_agent::settings::{Understood, understand};
use millstream_agent::{AgentSettings, Error};
use millstream_runtime::{SystemClock, SystemEntropy};

use crate::connection::ConnectionArguments;
use crate::exit::Failure;
use crate::logging::{DEFAULT_FILTER, LogArguments, start_log};
use crate::signals::StopSignals;

/// Follow files and put their lines into streams, in place of the Kinesis Agent.
///
/// Reads TOML of its own or the Kinesis Agent's JSON. What is asked for here goes before what the file says. Ends when it
/// gets SIGTERM, SIGINT or SIGHUP, once what is on its way is acknowledged; a second signal ends it at once.
#[derive(Args, Debug)]
pub(crate) struct AgentArguments {
    /// What to follow, and where to put it: TOML, or JSON as in /etc/aws-kinesis/agent.json.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,

    /// Where it is kept how far each file was put.
    #[arg(long, value_name = "FILE")]
    checkpoint_file: Option<PathBuf>,

    /// Say what is wrong with the file, and end.
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    connection: ConnectionArguments,

    #[command(flatten)]
    log: LogArguments,
}

impl AgentArguments {
    /// The endpoint, for messages.
    pub(crate) fn endpoint(&self) -> Option<String> {
        self.connection.endpoint()
    }
}

pub(crate) fn run(arguments: AgentArguments) -> Result<(), Failure> {
    let AgentArguments { config, checkpoint_file, check, connection, log } = arguments;
    start_log(log.log.as_deref().unwrap_or(DEFAULT_FILTER), log.log_format.unwrap_or_default())?;
    let text = std::fs::read_to_string(&config);
    let text = text.map_err(|error| Error::File { path: config.clone(), error })?;
    let Understood { settings, notices, warnings } = understand(&config, &text)?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    for notice in &notices {
        tracing::info!("{notice}");
    }
    if check {
        return io::stdout().write_all(b"The settings are valid.\n").map_err(Failure::Output);
    }
    let settings = AgentSettings {
        kinesis: connection.override_in(settings.kinesis),
        checkpoint_file: checkpoint_file.unwrap_or(settings.checkpoint_file),
        ..settings
    };
    tracing::info!(config = %config.display(), "millstream agent {}", env!("CARGO_PKG_VERSION"));
    crate::block_on(async {
        let mut signals = StopSignals::listen().map_err(Failure::Output)?;
        let (told, asked) = tokio::sync::oneshot::channel::<()>();
        let signalled_twice = async {
            signals.recv().await;
            let _ = told.send(());
            signals.recv().await;
        };
        let shutdown = async {
            // Whoever tells lives as long as this.
            let _ = asked.await;
        };
        let (clock, entropy) = (SystemClock::shared(), SystemEntropy::shared());
        tokio::select! {
            ended = millstream_agent::run(settings, clock, entropy, shutdown) => ended?,
            () = signalled_twice => return Err(Failure::Interrupted),
        }
        tracing::info!("stopped");
        Ok(())
    })
}
