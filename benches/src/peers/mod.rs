//! Millstream and its peers, side by side, and a page that says what came of it.
//!
//! The same workloads go to servers that speak Kinesis and, in a contest of their own, to servers that speak DynamoDB.
//! `libraries` compares what consumes and `producers` what writes, all on one server; `logs` compares the gRPC wire with
//! logs that speak neither.
//!
//! Every measurement has a fresh server on an empty directory and the machine to itself. Servers take turns
//! within a round, and there are several rounds, so that a slow minute of the machine hits them all.

mod catalogue;
mod comparison;
mod ground;
mod install;
mod libraries;
mod logs;
mod page;
mod producers;
mod server;
mod stage;
mod table_page;
mod workloads;

use std::path::PathBuf;
use std::time::Duration;

use millstream_runtime::{SharedClock, SharedEntropy};

use crate::args::parse_duration;
use crate::error::Error;
use crate::measure::{BenchResult, Summary};
use crate::run::unless_interrupted;
use catalogue::{PEERS, TABLE_PEERS};
pub use libraries::{ConsumersArgs, run_consumers};
pub use logs::{LogsArgs, run_logs};
pub use producers::{ProducersArgs, run_producers};
use stage::Stage;
use workloads::{TABLE_WORKLOADS, WORKLOADS};

/// Compare Millstream with other servers that speak Kinesis.
#[derive(Clone, Debug, clap::Args)]
pub struct PeersArgs {
    /// Only these workloads
    #[arg(long, value_delimiter = ',', value_parser = ids(WORKLOADS.iter().map(|workload| workload.id)))]
    pub workloads: Vec<String>,
    /// Only these servers
    #[arg(long, value_delimiter = ',', value_parser = ids(PEERS.iter().map(|peer| peer.id)))]
    pub peers: Vec<String>,
    /// Where benchmarks.md, benchmarks.json and the pictures are written
    #[arg(long, default_value = "docs", value_name = "DIR")]
    pub output: PathBuf,
    /// Load before each measurement that does not count
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub warm_up: Duration,
    #[command(flatten)]
    pub contest: ContestArgs,
}

/// Compare Millstream with other servers that speak DynamoDB.
#[derive(Clone, Debug, clap::Args)]
pub struct TablesArgs {
    /// Only these workloads
    #[arg(long, value_delimiter = ',', value_parser = ids(TABLE_WORKLOADS.iter().map(|workload| workload.id)))]
    pub workloads: Vec<String>,
    /// Only these servers
    #[arg(long, value_delimiter = ',', value_parser = ids(TABLE_PEERS.iter().map(|peer| peer.id)))]
    pub peers: Vec<String>,
    /// Where the page is written
    #[arg(long, default_value = "docs/benchmarks-tables.md", value_name = "FILE")]
    pub output: PathBuf,
    /// Load before each measurement that does not count; a server that Java runs is slow until it is compiled
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub warm_up: Duration,
    #[command(flatten)]
    pub contest: ContestArgs,
}

/// What both comparisons have.
#[derive(Clone, Debug, clap::Args)]
pub struct ContestArgs {
    /// Millstream's release binary; without it, only the peers are measured
    #[arg(long, value_name = "FILE")]
    pub millstream: Option<PathBuf>,
    /// Times that everything is measured; the page gives medians
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,
    /// Where peers are installed and servers keep their data [default: millstream/peers in the user's cache]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

fn ids(ids: impl Iterator<Item = &'static str>) -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(ids.collect::<Vec<_>>())
}

/// Installs, measures and writes. Whatever fails is named on the page and fails the run in the end.
pub async fn run_peers(args: PeersArgs, clock: SharedClock, entropy: SharedEntropy) -> Result<(), Error> {
    std::fs::create_dir_all(&args.output).map_err(Error::file(&args.output))?;
    let peers = PEERS.iter().filter(|peer| chosen(&args.peers, peer.id)).collect();
    let workloads = WORKLOADS.iter().filter(|workload| chosen(&args.workloads, workload.id)).collect();
    let mut stage = Stage::new(args.contest, args.warm_up, clock, entropy)?;
    let comparison = Box::pin(unless_interrupted(stage.compare(peers, workloads))).await?;
    comparison.write(&args.output)?;
    comparison.check()
}

/// The same on tables.
pub async fn run_tables(args: TablesArgs, clock: SharedClock, entropy: SharedEntropy) -> Result<(), Error> {
    let peers = TABLE_PEERS.iter().filter(|peer| chosen(&args.peers, peer.id)).collect();
    let workloads = TABLE_WORKLOADS.iter().filter(|workload| chosen(&args.workloads, workload.id)).collect();
    let mut stage = Stage::new(args.contest, args.warm_up, clock, entropy)?;
    let comparison = Box::pin(unless_interrupted(stage.compare(peers, workloads))).await?;
    let page = table_page::markdown(&comparison);
    std::fs::write(&args.output, page).map_err(Error::file(&args.output))?;
    comparison.check()
}

/// Everyone, if nobody was named.
fn chosen(named: &[String], id: &str) -> bool {
    named.is_empty() || named.iter().any(|name| name == id)
}

/// Joins the rounds of one workload against one server into one result.
fn joined(rounds: &[BenchResult]) -> Option<BenchResult> {
    let mut all = rounds.first()?.clone();
    all.runs = rounds.iter().flat_map(|result| result.runs.iter().cloned()).collect();
    all.summary = Summary::of(&all.runs);
    Some(all)
}
