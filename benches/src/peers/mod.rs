//! The same workloads against Millstream and its peers, side by side, and a page that says what came of it.
//!
//! Every measurement has a fresh server on an empty directory and the machine to itself. Servers take turns
//! within a round, and there are several rounds, so that a slow minute of the machine hits them all.

mod catalogue;
mod comparison;
mod install;
mod page;
mod server;
mod workloads;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use millstream_runtime::{SharedClock, SharedEntropy};

use crate::args::{BenchArgs, DiskArgs, Workload as BenchWorkload, parse_duration};
use crate::disk;
use crate::error::Error;
use crate::measure::{BenchResult, Summary};
use crate::report;
use crate::run::{check, measure, unless_interrupted};
use catalogue::{PEERS, Peer};
use comparison::{Cell, Comparison, Startup};
use install::{Installed, install};
use server::Server;
use workloads::{WORKLOADS, Workload};

/// Compare Millstream with other servers that speak Kinesis.
#[derive(Clone, Debug, clap::Args)]
pub struct PeersArgs {
    /// Millstream's release binary; without it, only the peers are measured
    #[arg(long, value_name = "FILE")]
    pub millstream: Option<PathBuf>,
    /// Times that everything is measured; the page gives medians
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,
    /// Load before each measurement that does not count
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub warm_up: Duration,
    /// Only these workloads
    #[arg(long, value_delimiter = ',', value_parser = ids(WORKLOADS.iter().map(|workload| workload.id)))]
    pub workloads: Vec<String>,
    /// Only these servers
    #[arg(long, value_delimiter = ',', value_parser = ids(PEERS.iter().map(|peer| peer.id)))]
    pub peers: Vec<String>,
    /// Where benchmarks.md, benchmarks.json and the pictures are written
    #[arg(long, default_value = "docs", value_name = "DIR")]
    pub output: PathBuf,
    /// Where peers are installed and servers keep their data [default: millstream/peers in the user's cache]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

fn ids(ids: impl Iterator<Item = &'static str>) -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(ids.collect::<Vec<_>>())
}

/// Installs, measures and writes. Whatever fails is named on the page and fails the run in the end.
pub async fn run_peers(args: PeersArgs, clock: SharedClock, entropy: SharedEntropy) -> Result<(), Error> {
    let cache = cache_folder(&args)?;
    let data = cache.join("data");
    std::fs::create_dir_all(&data).map_err(Error::file(&data))?;
    std::fs::create_dir_all(&args.output).map_err(Error::file(&args.output))?;
    let mut stage = Stage { args, cache, data, clock, entropy, installed: BTreeMap::new() };
    let comparison = Box::pin(unless_interrupted(stage.compare())).await?;
    comparison.write(&stage.args.output)?;
    comparison.check()
}

/// Everything that a comparison needs at hand.
struct Stage {
    args: PeersArgs,
    cache: PathBuf,
    data: PathBuf,
    clock: SharedClock,
    entropy: SharedEntropy,
    installed: BTreeMap<&'static str, Installed>,
}

impl Stage {
    async fn compare(&mut self) -> Result<Comparison, Error> {
        let peers: Vec<&Peer> = PEERS.iter().filter(|peer| self.is_wanted(peer)).collect();
        for peer in &peers {
            let installed = install(peer, &self.cache, self.args.millstream.as_deref()).await?;
            self.installed.insert(peer.id, installed);
        }
        let wanted = |workload: &&Workload| {
            self.args.workloads.is_empty() || self.args.workloads.iter().any(|id| id == workload.id)
        };
        let workloads: Vec<&Workload> = WORKLOADS.iter().filter(wanted).collect();
        let mut comparison = Comparison::of(&peers, &workloads, &self.args, self.clock.now());
        for round in 0..self.args.rounds.max(1) {
            for workload in &workloads {
                for peer in peers.iter().filter(|peer| workload.includes(peer.id)) {
                    if workload.disk_beside {
                        comparison.disk.push(self.disk().await?);
                    }
                    let cell = self.cell(workload, peer).await?;
                    report::print(&format!("round {}: {}\n", round + 1, cell.line(workload, peer)))?;
                    comparison.add(workload, peer, cell);
                }
            }
        }
        Ok(comparison)
    }

    fn is_wanted(&self, peer: &Peer) -> bool {
        let chosen = self.args.peers.is_empty() || self.args.peers.iter().any(|id| id == peer.id);
        chosen && (self.args.millstream.is_some() || peer.software != catalogue::Software::Millstream)
    }

    /// One server, one workload. What the server does wrong is part of the result.
    async fn cell(&self, workload: &Workload, peer: &Peer) -> Result<Cell, Error> {
        let Some(installed) = self.installed.get(peer.id) else { return Err(Error::Interrupted) };
        let directory = tempfile::tempdir_in(&self.data).map_err(Error::file(&self.data))?;
        let server = match Server::start(peer, installed, directory, &self.clock).await {
            Ok(server) => server,
            Err(error) => return Ok(Cell { startup: None, outcome: Err(error.to_string()) }),
        };
        let startup = Startup { ready_after: server.ready_after, idle_rss_bytes: server.idle_rss_bytes };
        let outcome = self.measure(workload, peer, &server).await;
        server.stop(&self.clock).await?;
        match outcome {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            outcome => {
                Ok(Cell { startup: Some(startup), outcome: outcome.map_err(|error| error.to_string()) })
            }
        }
    }

    async fn measure(&self, workload: &Workload, peer: &Peer, server: &Server) -> Result<BenchResult, Error> {
        let seconds = |duration: Duration| format!("{}s", duration.as_secs_f64());
        let flags = [
            ("--endpoint-url", server.url.clone()),
            ("--target-pid", server.pid().to_string()),
            ("--label", peer.name.to_owned()),
            ("--durability", peer.durability.to_owned()),
            ("--duration", seconds(self.args.duration)),
            ("--warm-up", seconds(self.args.warm_up)),
        ];
        let workload = workload_of(workload, &flags)?;
        let result = measure(workload, self.clock.clone(), self.entropy.clone()).await?;
        check(&result).map(|()| result)
    }

    /// The disk that the servers' data lies on.
    async fn disk(&self) -> Result<crate::measure::DiskResult, Error> {
        let args = DiskArgs {
            dir: self.data.clone(),
            size: 65_536,
            rate: None,
            duration: self.args.duration / 2,
            json: None,
        };
        disk::probe(&args, &self.clock, &self.entropy).await
    }
}

/// The arguments that a workload's flags stand for.
fn workload_of(workload: &Workload, flags: &[(&str, String)]) -> Result<BenchWorkload, Error> {
    #[derive(Parser)]
    #[command(name = "bench")]
    struct Line {
        #[command(flatten)]
        bench: BenchArgs,
    }
    let words = std::iter::once("bench".to_owned())
        .chain(workload.flags.split_whitespace().map(str::to_owned))
        .chain(flags.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]));
    let line = Line::try_parse_from(words).map_err(|error| Error::Usage(error.to_string()))?;
    Ok(line.bench.workload)
}

fn cache_folder(args: &PeersArgs) -> Result<PathBuf, Error> {
    if let Some(cache) = &args.cache {
        return std::path::absolute(cache).map_err(Error::file(cache));
    }
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let cache = cache.ok_or_else(|| Error::Usage("no home directory: give --cache".to_owned()))?;
    Ok(cache.join(Path::new("millstream/peers")))
}

/// Joins the rounds of one workload against one server into one result.
fn joined(rounds: &[BenchResult]) -> Option<BenchResult> {
    let mut all = rounds.first()?.clone();
    all.runs = rounds.iter().flat_map(|result| result.runs.iter().cloned()).collect();
    all.summary = Summary::of(&all.runs);
    Some(all)
}
