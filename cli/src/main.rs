//! The command line of Millstream: it works against any Kinesis endpoint, AWS's included.
//!
//! One file a subcommand. Results go to standard output, everything else to standard error; what the exit
//! code means stands in [`exit`].

mod completions;
mod connection;
mod exit;
#[cfg(test)]
mod fake;
mod moment;
mod output;
mod put;
mod stream;
mod tail;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::connection::ConnectionArguments;
use crate::exit::Failure;
use crate::output::Format;

/// How long the blocking threads (standard input and output) may take to end once the work is done.
const LAST_BREATH: Duration = Duration::from_millis(100);

/// A streaming engine that speaks Amazon Kinesis Data Streams.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, after_help = exit::CODES_HELP)]
pub(crate) struct Arguments {
    /// How results are shown: for people, as one JSON document, or as one JSON object a line.
    #[arg(short, long, global = true, value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    connection: ConnectionArguments,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    Stream(stream::StreamCommand),
    Put(put::PutArguments),
    Tail(tail::TailArguments),
    Completions(completions::CompletionsArguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let endpoint = arguments.connection.endpoint();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(endpoint.as_deref()),
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { connection, output, command } = arguments;
    match command {
        Command::Stream(command) => block_on(stream::run(connection, output, command)),
        Command::Put(arguments) => block_on(put::run(connection, output, arguments)),
        Command::Tail(arguments) => block_on(tail::run(connection, output, arguments)),
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
