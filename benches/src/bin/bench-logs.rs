//! `make bench-logs`: writes docs/benchmarks-logs.md.

use std::process::ExitCode;

use clap::Parser;
use millstream_benches::LogsArgs;
use millstream_runtime::{SystemClock, SystemEntropy};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    logs: LogsArgs,
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr)] // where a program says why it failed
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let (clock, entropy) = (SystemClock::shared(), SystemEntropy::shared());
    match millstream_benches::run_logs(cli.logs, clock, entropy).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
