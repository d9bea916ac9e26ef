//! Servers under workloads, one at a time: each has a fresh process, an empty directory and the machine to itself.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use millstream_runtime::{SharedClock, SharedEntropy};

use super::ContestArgs;
use super::catalogue::{Peer, Software};
use super::comparison::{Cell, Comparison, Startup};
use super::install::{Installed, install};
use super::server::Server;
use super::workloads::Workload;
use crate::args::{BenchArgs, DiskArgs, Workload as BenchWorkload};
use crate::disk;
use crate::error::Error;
use crate::measure::{BenchResult, DiskResult};
use crate::report;
use crate::run::{check, measure};

/// Everything that a comparison needs at hand.
pub(super) struct Stage {
    args: ContestArgs,
    warm_up: Duration,
    cache: PathBuf,
    data: PathBuf,
    clock: SharedClock,
    entropy: SharedEntropy,
    installed: BTreeMap<&'static str, Installed>,
}

impl Stage {
    pub(super) fn new(
        args: ContestArgs,
        warm_up: Duration,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Result<Self, Error> {
        let cache = cache_folder(args.cache.as_deref())?;
        let data = cache.join("data");
        std::fs::create_dir_all(&data).map_err(Error::file(&data))?;
        Ok(Self { args, warm_up, cache, data, clock, entropy, installed: BTreeMap::new() })
    }

    /// Every one of these servers under every one of these workloads. Without Millstream's binary, it is left out.
    pub(super) async fn compare(
        &mut self,
        mut peers: Vec<&'static Peer>,
        workloads: Vec<&'static Workload>,
    ) -> Result<Comparison, Error> {
        peers.retain(|peer| self.args.millstream.is_some() || peer.software != Software::Millstream);
        for peer in &peers {
            let installed = install(peer, &self.cache, self.args.millstream.as_deref()).await?;
            self.installed.insert(peer.id, installed);
        }
        let mut comparison = Comparison::of(&peers, &workloads, (&self.args, self.warm_up), self.clock.now());
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
            ("--warm-up", seconds(self.warm_up)),
        ];
        let workload = workload_of(workload, &flags)?;
        let result = measure(workload, self.clock.clone(), self.entropy.clone()).await?;
        check(&result).map(|()| result)
    }

    /// The disk that the servers' data lies on.
    async fn disk(&self) -> Result<DiskResult, Error> {
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
pub(super) fn workload_of(workload: &Workload, flags: &[(&str, String)]) -> Result<BenchWorkload, Error> {
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

pub(super) fn cache_folder(given: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(cache) = given {
        return std::path::absolute(cache).map_err(Error::file(cache));
    }
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let cache = cache.ok_or_else(|| Error::Usage("no home directory: give --cache".to_owned()))?;
    Ok(cache.join(Path::new("millstream/peers")))
}
