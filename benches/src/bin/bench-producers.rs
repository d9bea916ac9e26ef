//! `make bench-producers`: writes docs/benchmarks-producers.md.

use std::process::ExitCode;

use clap::Parser;
use millstream_benches::ProducersArgs;
use millstream_runtime::{SystemClock, SystemEntropy};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    producers: ProducersArgs,
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr)] // where a program says why it failed
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let (clock, entropy) = (SystemClock::shared(), SystemEntropy::shared());
    match millstream_benches::run_producers(cli.producers, clock, entropy).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
