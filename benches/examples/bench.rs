//! `millstream bench` without the rest of the command line, for work on the harness itself.

use clap::Parser;
use millstream_benches::BenchArgs;
use millstream_runtime::{SystemClock, SystemEntropy};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    bench: BenchArgs,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cli = Cli::parse();
    Ok(millstream_benches::run(cli.bench, SystemClock::shared(), SystemEntropy::shared()).await?)
}
