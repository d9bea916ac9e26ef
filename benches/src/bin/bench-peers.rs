//! `make bench-peers`: writes docs/benchmarks.md.

use std::process::ExitCode;

use clap::Parser;
use millstream_benches::PeersArgs;
use millstream_runtime::{SystemClock, SystemEntropy};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    peers: PeersArgs,
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr)] // where a program says why it failed
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match millstream_benches::run_peers(cli.peers, SystemClock::shared(), SystemEntropy::shared()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
