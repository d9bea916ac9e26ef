//! What the comparison found, as it is written to JSON and drawn. The page's text is made elsewhere.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::catalogue::{BASELINE, Peer};
use super::workloads::{Figure, Workload};
use super::{ContestArgs, joined, page};
use crate::error::Error;
use crate::measure::{BenchResult, DiskResult, FORMAT, Latency, Machine, RunResult, Spread, Summary};
use crate::report::{self, Bar, BarGroup};

/// One server under one workload in one round.
#[derive(Debug)]
pub(super) struct Cell {
    /// `None` when it did not start.
    pub(super) startup: Option<Startup>,
    pub(super) outcome: Result<BenchResult, String>,
}

/// A server before any load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Startup {
    pub(super) ready_after: Duration,
    pub(super) idle_rss_bytes: u64,
}

/// Everything, in the order in which it was measured.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) peers: Vec<Peer>,
    pub(super) workloads: Vec<Workload>,
    pub(super) rounds: usize,
    pub(super) duration: Duration,
    pub(super) warm_up: Duration,
    pub(super) machine: Machine,
    pub(super) started_unix_secs: u64,
    pub(super) disk: Vec<DiskResult>,
    cells: BTreeMap<(&'static str, &'static str), Vec<Cell>>,
}

/// A server over all its cells.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Footprint {
    pub(super) ready_ms: Spread,
    pub(super) idle_rss_mb: Spread,
    /// The highest under any workload.
    pub(super) peak_rss_mb: f64,
}

/// A workload's figures for one server.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Standing {
    pub(super) figure: Spread,
    pub(super) summary: Summary,
    /// Processor time of the server and of the generator, in cores.
    pub(super) target_cores: Spread,
    pub(super) generator_cores: Spread,
}

impl Cell {
    /// For whoever watches.
    pub(super) fn line(&self, workload: &Workload, peer: &Peer) -> String {
        let outcome = match &self.outcome {
            Ok(result) => match figure_of(workload, &result.summary) {
                Some(spread) => format!("{} {}", report::figure(spread.median), workload.figure.unit()),
                None => "nothing was measured".to_owned(),
            },
            Err(reason) => format!("FAILED: {reason}"),
        };
        format!("{}, {}: {outcome}", workload.title, peer.name)
    }
}

impl Comparison {
    pub(super) fn of(peers: &[&Peer], workloads: &[&Workload], args: &ContestArgs, now: Duration) -> Self {
        Self {
            peers: peers.iter().map(|peer| **peer).collect(),
            workloads: workloads.iter().map(|workload| **workload).collect(),
            rounds: args.rounds.max(1),
            duration: args.duration,
            warm_up: args.warm_up,
            machine: Machine::this(),
            started_unix_secs: now.as_secs(),
            disk: Vec::new(),
            cells: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, workload: &Workload, peer: &Peer, cell: Cell) {
        self.cells.entry((workload.id, peer.id)).or_default().push(cell);
    }

    fn cells(&self, workload: &Workload, peer: &Peer) -> &[Cell] {
        self.cells.get(&(workload.id, peer.id)).map_or(&[], Vec::as_slice)
    }

    /// All rounds of a workload against a server.
    fn result(&self, workload: &Workload, peer: &Peer) -> Option<BenchResult> {
        let rounds = self.cells(workload, peer).iter().filter_map(|cell| cell.outcome.as_ref().ok());
        joined(&rounds.cloned().collect::<Vec<_>>())
    }

    /// `None` when a server was not measured or never succeeded.
    pub(super) fn standing(&self, workload: &Workload, peer: &Peer) -> Option<Standing> {
        let result = self.result(workload, peer)?;
        let figure = figure_of(workload, &result.summary)?;
        let cores = |secs: fn(&RunResult) -> f64| {
            Spread::of(result.runs.iter().map(|run| secs(run) / run.measured_secs.max(f64::MIN_POSITIVE)))
        };
        let target_cores = cores(|run| run.target_cpu_secs.unwrap_or_default());
        let generator_cores = cores(|run| run.generator_cpu_secs);
        let summary = result.summary.into_values().next()?;
        Some(Standing { figure, summary, target_cores, generator_cores })
    }

    /// How many times the baseline is a peer's figure; for latencies less than 1 is better.
    pub(super) fn ratio(&self, workload: &Workload, peer: &Peer) -> Option<f64> {
        let baseline = self.peers.iter().find(|peer| peer.id == BASELINE)?;
        let ours = self.standing(workload, baseline)?.figure.median;
        let theirs = self.standing(workload, peer)?.figure.median;
        (theirs > 0.0).then(|| ours / theirs)
    }

    pub(super) fn footprint(&self, peer: &Peer) -> Footprint {
        let cells = || self.cells.iter().filter(|((_, id), _)| *id == peer.id).flat_map(|(_, cells)| cells);
        let startups = || cells().filter_map(|cell| cell.startup);
        let runs = cells().filter_map(|cell| cell.outcome.as_ref().ok()).flat_map(|result| &result.runs);
        Footprint {
            ready_ms: Spread::of(startups().map(|startup| startup.ready_after.as_secs_f64() * 1e3)),
            idle_rss_mb: Spread::of(startups().map(|startup| startup.idle_rss_bytes as f64 / 1e6)),
            peak_rss_mb: runs.filter_map(|run| run.target_rss_peak_bytes).max().unwrap_or(0) as f64 / 1e6,
        }
    }

    /// Every cell that failed, in words.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for ((workload, peer), cells) in &self.cells {
            for (round, cell) in cells.iter().enumerate() {
                if let Err(reason) = &cell.outcome {
                    failures.push(format!("{workload} against {peer}, round {}: {reason}", round + 1));
                }
            }
        }
        failures
    }

    /// Fails when any measurement did.
    pub(super) fn check(&self) -> Result<(), Error> {
        let failures = self.failures();
        match failures.first() {
            None => Ok(()),
            Some(first) => Err(Error::Peer {
                peer: "the comparison".to_owned(),
                reason: format!("{} measurements failed, the first: {first}", failures.len()),
            }),
        }
    }

    /// Writes page, figures and pictures into a folder.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(Error::file(path))
        };
        report::write_json(Some(&folder.join("benchmarks.json")), &self.to_json())?;
        write("benchmarks-throughput.svg", self.throughput_picture())?;
        let mut pictures = Vec::new();
        for workload in &self.workloads {
            let results = self.peers.iter().filter_map(|peer| self.result(workload, peer));
            let name = format!("benchmarks-{}.svg", workload.id);
            let disk = self.disk_beside(workload).map(|latency| ("fdatasync after 4 KiB", latency));
            let disk: Vec<_> = disk.into_iter().collect();
            write(&name, report::latency_and_throughput(&results.collect::<Vec<_>>(), &disk))?;
            pictures.push((workload.title, name));
        }
        write("benchmarks.md", page::markdown(self, &pictures))
    }

    fn to_json(&self) -> serde_json::Value {
        let servers: BTreeMap<_, _> =
            self.peers.iter().map(|peer| (peer.id, self.server_json(peer))).collect();
        let workloads = self.workloads.iter().map(|workload| {
            let standings = self.peers.iter().filter_map(|peer| {
                Some((peer.id, (self.standing(workload, peer)?, self.ratio(workload, peer))))
            });
            let results: BTreeMap<_, _> = standings
                .map(|(id, (standing, ratio))| {
                    (id, serde_json::json!({ "standing": standing, "ratio": ratio }))
                })
                .collect();
            let workload_json = serde_json::json!({
                "title": workload.title,
                "flags": workload.flags,
                "figure": workload.figure.unit(),
                "results": results,
            });
            (workload.id, workload_json)
        });
        serde_json::json!({
            "format": FORMAT,
            "machine": self.machine,
            "started_unix_secs": self.started_unix_secs,
            "rounds": self.rounds,
            "duration_secs": self.duration.as_secs_f64(),
            "warm_up_secs": self.warm_up.as_secs_f64(),
            "servers": servers,
            "workloads": workloads.collect::<BTreeMap<_, _>>(),
            "fdatasync_4096_p99_ms": self.fdatasync(|latency| latency.p99_ms),
            "fdatasync_4096_p50_ms": self.fdatasync(|latency| latency.p50_ms),
            "failures": self.failures(),
        })
    }

    fn server_json(&self, peer: &Peer) -> serde_json::Value {
        serde_json::json!({
            "name": peer.name,
            "version": peer.version(),
            "durability": peer.durability,
            "arguments": peer.arguments,
            "footprint": self.footprint(peer),
        })
    }

    /// A figure of the disk's smallest append over all probes.
    pub(super) fn fdatasync(&self, pick: fn(&Latency) -> f64) -> Spread {
        Spread::of(self.disk.iter().filter_map(|result| result.fdatasync.get(&4096)).map(pick))
    }

    /// Of the probes beside a workload, the one that stands in the middle.
    fn disk_beside(&self, workload: &Workload) -> Option<&Latency> {
        let mut probes: Vec<_> = self.disk.iter().filter_map(|result| result.fdatasync.get(&4096)).collect();
        probes.sort_by(|one, two| one.p99_ms.total_cmp(&two.p99_ms));
        probes.get(probes.len() / 2).copied().filter(|_| workload.disk_beside)
    }

    fn throughput_picture(&self) -> String {
        let group = |workload: &Workload| {
            let bars = self.peers.iter().enumerate().filter_map(|(colour, peer)| {
                let value = self.standing(workload, peer)?.figure.median;
                Some(Bar { label: peer.name.to_owned(), colour, value })
            });
            BarGroup {
                title: workload.title.to_owned(),
                unit: workload.figure.unit().to_owned(),
                bars: bars.collect(),
            }
        };
        let judged = self.workloads.iter().filter(|workload| workload.figure != Figure::P99);
        report::bars("Throughput, median of all rounds", &judged.map(group).collect::<Vec<_>>())
    }
}

/// The figure by which a workload is judged.
fn figure_of(workload: &Workload, summary: &BTreeMap<String, Summary>) -> Option<Spread> {
    // These workloads have one operation each.
    let summary = summary.values().next()?;
    Some(match workload.figure {
        Figure::RequestsPerSecond => summary.requests_per_second,
        Figure::RecordsPerSecond => summary.records_per_second,
        Figure::UserMbPerSecond => summary.user_mb_per_second,
        Figure::P99 => summary.p99_ms,
    })
}
