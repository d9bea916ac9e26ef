//! `make bench-tables`: writes docs/benchmarks-tables.md.

use std::process::ExitCode;

use clap::Parser;
use millstream_benches::TablesArgs;
use millstream_runtime::{SystemClock, SystemEntropy};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    tables: TablesArgs,
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr)] // where a program says why it failed
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match millstream_benches::run_tables(cli.tables, SystemClock::shared(), SystemEntropy::shared()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
