//! Producer libraries side by side: each puts records into a stream of one Millstream server, and a page says what came
//! of it.
//!
//! A producer is a process, with those that it starts; it is measured alone on the machine, but for the server. Whatever
//! is measured has a stream of its own, which is deleted afterwards.

mod figures;
mod page;
mod process;
mod program;

use std::path::PathBuf;
use std::time::Duration;

use millstream_runtime::{SharedClock, SharedEntropy};
use tempfile::TempDir;

use self::figures::{Figures, Row};
use self::process::Process;
use self::program::{CONTENDERS, Contender, LOADS, Load, Programs};
use super::ground::Ground;
use super::{chosen, ids};
use crate::args::parse_duration;
use crate::error::Error;
use crate::report;
use crate::run::unless_interrupted;
use crate::streams::Caller;

/// Until a producer has put its first record.
const FIRST_LIMIT: Duration = Duration::from_secs(60);
/// Between two words of a producer there is much less.
const SAY_LIMIT: Duration = Duration::from_secs(10);

/// Compare Millstream's producer with other libraries that write to streams.
#[derive(Clone, Debug, clap::Args)]
pub struct ProducersArgs {
    /// Millstream's release binary, which serves
    #[arg(long, value_name = "FILE")]
    pub millstream: PathBuf,
    /// The release binary of producer_load, a program with Millstream's producer SDK
    #[arg(long, value_name = "FILE")]
    pub load: PathBuf,
    /// Where tools/clients has installed the others
    #[arg(long, env = "MILLSTREAM_CLIENTS", value_name = "DIR")]
    pub clients: PathBuf,
    /// Only these producers
    #[arg(long, value_delimiter = ',', value_parser = ids(CONTENDERS.iter().map(|contender| contender.id())))]
    pub producers: Vec<String>,
    /// Only these loads
    #[arg(long, value_delimiter = ',', value_parser = ids(LOADS.iter().map(|load| load.id())))]
    pub loads: Vec<String>,
    /// Times that everything is measured; the page gives medians
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,
    /// Load before each measurement that does not count; what Java runs is slow until it is compiled
    #[arg(long, default_value = "8s", value_parser = parse_duration)]
    pub warm_up: Duration,
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub shards: u32,
    /// Partition keys of the records
    #[arg(long, default_value_t = 10_000)]
    pub keys: u32,
    /// Tasks that put, of Millstream's producer
    #[arg(long, default_value_t = 2)]
    pub tasks: u32,
    /// Where the page is written
    #[arg(long, default_value = "docs/benchmarks-producers.md", value_name = "FILE")]
    pub output: PathBuf,
    /// Where the server keeps its data [default: millstream/peers in the user's cache]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

/// Measures and writes. Whatever fails is named on the page and fails the run in the end.
pub async fn run_producers(
    args: ProducersArgs,
    clock: SharedClock,
    entropy: SharedEntropy,
) -> Result<(), Error> {
    let figures = Box::pin(unless_interrupted(measure(&args, clock, entropy))).await?;
    let page = page::markdown(&args, &figures);
    std::fs::write(&args.output, page).map_err(Error::file(&args.output))?;
    figures.check()
}

async fn measure(args: &ProducersArgs, clock: SharedClock, entropy: SharedEntropy) -> Result<Figures, Error> {
    let contenders: Vec<_> =
        CONTENDERS.into_iter().filter(|contender| chosen(&args.producers, contender.id())).collect();
    let programs = Programs::find(&args.load, &args.clients, &contenders)?;
    let ground = Ground::prepare(&args.millstream, args.cache.as_deref(), clock.clone(), entropy).await?;
    let Ground { server, caller, scratch } = ground;
    let stage = Stage {
        caller,
        authority: server.url.trim_start_matches("http://").to_owned(),
        server: server.pid(),
        programs,
        contenders,
        args: args.clone(),
        scratch,
    };
    let measured = stage.measure().await;
    server.stop(&clock).await?;
    measured
}

/// A server that runs, and who is to be measured on it.
struct Stage {
    args: ProducersArgs,
    caller: Caller,
    /// Where the server is: the same for TLS and without.
    authority: String,
    server: u32,
    programs: Programs,
    contenders: Vec<Contender>,
    /// For logs, and for whatever producers unpack.
    scratch: TempDir,
}

impl Stage {
    /// Producers take turns within a round, the other way round every other time, so that a slow minute of the machine
    /// hits them all.
    async fn measure(&self) -> Result<Figures, Error> {
        let mut figures = Figures::of(&self.contenders);
        for round in 0..self.args.rounds.max(1) {
            for load in LOADS.into_iter().filter(|load| chosen(&self.args.loads, load.id())) {
                let mut contenders = self.contenders.clone();
                if !round.is_multiple_of(2) {
                    contenders.reverse();
                }
                for contender in contenders {
                    if let Err(error) = self.produce(load, contender, &mut figures).await {
                        figures.failed(load, contender, &error);
                    }
                    let last = figures.last(load, contender);
                    report::print(&format!("round {}: {}: {last}\n", round + 1, load.name()))?;
                }
            }
        }
        Ok(figures)
    }

    async fn produce(&self, load: Load, contender: Contender, figures: &mut Figures) -> Result<(), Error> {
        let streams = self.caller.stream_names("producers", 1);
        self.caller.create_streams(&streams, self.args.shards).await?;
        for stream in &streams {
            self.produce_into(stream, load, contender, figures).await?;
        }
        self.caller.delete_streams(&streams, false).await
    }

    async fn produce_into(
        &self,
        stream: &str,
        load: Load,
        contender: Contender,
        figures: &mut Figures,
    ) -> Result<(), Error> {
        let mut command = self.programs.command(contender, &self.authority, self.scratch.path());
        command
            .env("STREAM", stream)
            .env("RECORD_BYTES", load.record_bytes().to_string())
            .env("RATE", load.records_per_second().unwrap_or(0).to_string())
            .env("KEYS", self.args.keys.to_string())
            .env("TASKS", self.args.tasks.to_string())
            .env("WARM_UP_SECS", self.args.warm_up.as_secs().to_string());
        let log = self.scratch.path().join(format!("{}-{}.log", load.id(), contender.id()));
        let process = Process::start(command, contender, &log, &self.caller.clock)?;
        process.first(FIRST_LIMIT).await?;
        self.caller.clock.sleep(self.args.warm_up).await;
        let before = process.next(SAY_LIMIT).await?;
        let server_before = self.server_cpu();
        self.caller.clock.sleep(self.args.duration).await;
        let after = process.next(SAY_LIMIT).await?;
        let server_cpu = self.server_cpu().saturating_sub(server_before);
        if after.said.failed > 0 {
            return Err(process.failure(&format!("could not put {} records", after.said.failed)));
        }
        let elapsed = after.at.saturating_sub(before.at).as_secs_f64();
        let cpu = after.usage.cpu.saturating_sub(before.usage.cpu).as_secs_f64();
        let records = after.said.records.saturating_sub(before.said.records) as f64;
        let mut add = |row, figure| figures.add(load, row, contender, figure);
        add(Row::RecordsPerSecond, records / elapsed);
        add(Row::MegabytesPerSecond, records * f64::from(load.record_bytes()) / elapsed / 1e6);
        add(Row::RecordsPerCpuSecond, records / cpu);
        add(Row::Cores, cpu / elapsed);
        add(Row::ServerCores, server_cpu.as_secs_f64() / elapsed);
        add(Row::MemoryPeak, after.usage.rss_peak_bytes as f64 / 1e6);
        if load.records_per_second().is_some() {
            add(Row::LatencyMedian, after.said.p50_ms);
            add(Row::Latency99, after.said.p99_ms);
        }
        Ok(())
    }

    fn server_cpu(&self) -> Duration {
        crate::measure::usage_of(self.server).unwrap_or_default().cpu
    }
}
