//! `millstream bench` without the rest of the command line, for work on the harness itself.

use std::process::ExitCode;

use clap::Parser;
use millstream_benches::BenchArgs;
use millstream_runtime::{SystemClock, SystemEntropy};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    bench: BenchArgs,
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr)] // where a program says why it failed
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match millstream_benches::run(cli.bench, SystemClock::shared(), SystemEntropy::shared()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
