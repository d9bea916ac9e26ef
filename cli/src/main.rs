//! The command line of Millstream: it works against any Kinesis endpoint, AWS's included.
//!
//! One file a subcommand. Results go to standard output, everything else to standard error; what the exit
//! code means stands in [`exit`].

mod admin;
mod agent;
mod bench;
mod completions;
mod config;
mod connection;
mod exit;
#[cfg(test)]
mod fake;
mod lease;
mod logging;
mod moment;
mod multilang;
mod output;
mod put;
mod serve;
mod signals;
mod snapshot;
mod stream;
mod tail;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use millstream_multilang::java::is_java;

use crate::connection::ConnectionArguments;
use crate::exit::Failure;
use crate::output::Format;

/// Also RocksDB's. Beside glibc's it serves 12 % more conditional updates a second (32 connections, medians of three:
/// 14,000 and 15,800), for 2 MB more when idle.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long the blocking threads (standard input and output) may take to end once the work is done.
const LAST_BREATH: Duration = Duration::from_millis(100);

/// A streaming engine that speaks Amazon Kinesis Data Streams.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, after_help = exit::CODES_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArguments),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Create, list, describe and remove streams.
    Stream {
        #[command(flatten)]
        service: ServiceArguments,
        #[command(subcommand)]
        command: stream::StreamCommand,
    },
    Put(Client<put::PutArguments>),
    Tail(Client<tail::TailArguments>),
    /// Look at the leases of KCL applications and move them, in any lease table.
    Lease {
        #[command(flatten)]
        service: ServiceArguments,
        #[command(flatten)]
        tables: lease::TableArguments,
        #[command(subcommand)]
        command: lease::LeaseCommand,
    },
    Multilang(multilang::MultilangArguments),
    Agent(agent::AgentArguments),
    Bench(bench::BenchArguments),
    /// Save everything that a server holds, or load it, over the server's test API.
    Snapshot {
        #[command(flatten)]
        admin: admin::AdminArguments,
        #[command(subcommand)]
        command: snapshot::SnapshotCommand,
    },
    Completions(completions::CompletionsArguments),
}

/// What every command that talks to a service takes.
#[derive(Args, Clone, Debug)]
struct ServiceArguments {
    #[command(flatten)]
    connection: ConnectionArguments,

    /// How results are shown: for people, as one JSON document, or as one JSON object a line.
    #[arg(short, long, global = true, value_enum, default_value_t)]
    output: Format,
}

// A command with the service that it talks to. Not a doc comment: the help shows that of the command.
#[derive(Args, Debug)]
struct Client<A: Args> {
    #[command(flatten)]
    service: ServiceArguments,
    #[command(flatten)]
    arguments: A,
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().map(|text| text.to_string_lossy().into_owned()).collect();
    if is_java(&arguments) {
        return match multilang::run_as_java(&arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(None),
        };
    }
    let Arguments { command } = Arguments::parse();
    let endpoint = command.endpoint();
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(endpoint.as_deref()),
    }
}

impl Command {
    /// The endpoint that a failure to reach anything is about.
    fn endpoint(&self) -> Option<String> {
        let service = match self {
            Self::Lease { service, tables, .. } => return tables.endpoint(&service.connection),
            Self::Stream { service, .. } => service,
            Self::Put(client) => &client.service,
            Self::Tail(client) => &client.service,
            Self::Agent(agent) => return agent.endpoint(),
            Self::Serve(_)
            | Self::Config(_)
            | Self::Multilang(_)
            | Self::Bench(_)
            | Self::Snapshot { .. }
            | Self::Completions(_) => return None,
        };
        service.connection.endpoint()
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Config(command) => config::run(&command),
        Command::Stream { service: ServiceArguments { connection, output }, command } => {
            block_on(stream::run(connection, output, command))
        }
        Command::Put(Client { service: ServiceArguments { connection, output }, arguments }) => {
            block_on(put::run(connection, output, arguments))
        }
        Command::Tail(Client { service: ServiceArguments { connection, output }, arguments }) => {
            block_on(tail::run(connection, output, arguments))
        }
        Command::Lease { service: ServiceArguments { connection, output }, tables, command } => {
            block_on(lease::run(connection, tables, output, command))
        }
        Command::Multilang(arguments) => multilang::run(arguments),
        Command::Agent(arguments) => agent::run(arguments),
        Command::Bench(arguments) => block_on(bench::run(arguments)),
        Command::Snapshot { admin, command } => block_on(snapshot::run(&admin, command)),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}

/// Runs a command that talks to a service.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::Output)?;
    let result = runtime.block_on(command);
    // A thread may still sit in a read of standard input that never ends.
    runtime.shutdown_timeout(LAST_BREATH);
    result
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
