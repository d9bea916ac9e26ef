//! Millstream's gRPC wire beside the logs that a user would otherwise pick, each fully durable; and its two wires beside
//! each other.
//!
//! Every log has a fresh server on an empty directory of the same disk, and one stream in which all records keep one
//! order: a shard, a stream, a key or a topic of one partition. All are loaded by one program, `log_load` of
//! tests/clients/logs, each through the client that its users would take. What is installed is compared; what is not is
//! named on the page. Servers take turns within a round, as in every comparison here.

mod catalogue;
mod figures;
mod goals;
mod load;
mod page;
mod server;
mod wires;

use std::path::PathBuf;
use std::time::Duration;

use millstream_runtime::{SharedClock, SharedEntropy, TaskSet};

use self::catalogue::{CONTENDERS, Contender};
use self::figures::{Figures, Phase};
use self::load::{Observed, Task};
use self::server::LogServer;
use super::stage::{Stage, cache_folder};
use super::{ContestArgs, chosen, ids};
use crate::error::Error;
use crate::measure::Machine;
use crate::report;
use crate::run::unless_interrupted;

const RECORD_BYTES: usize = 1024;
/// Load that does not count: what Java runs is slow until it is compiled.
const WARM_UP: Duration = Duration::from_secs(2);
/// How much longer reading may take than the measured time of a put.
const REPLAY_TIMES: u32 = 2;
/// What is read has to be put before, and must last for so long.
const WIRES_SECONDS_MAX: u64 = 3;
const WIRES_WARM_UP: Duration = Duration::from_secs(1);
/// Of Millstream's two wires.
const WIRES: &str = "wires";

/// Compare Millstream's gRPC wire with NATS JetStream, Redis Streams, Kafka and s2-lite.
#[derive(Clone, Debug, clap::Args)]
pub struct LogsArgs {
    /// Millstream's release binary
    #[arg(long, value_name = "FILE")]
    pub millstream: PathBuf,
    /// Where tools/clients has installed the load and the logs
    #[arg(long, value_name = "DIR")]
    pub clients: PathBuf,
    /// Only these logs; `wires` stands for the comparison of Millstream's own wires
    #[arg(long, value_delimiter = ',', value_parser = ids(CONTENDERS.iter().map(|log| log.id).chain([WIRES])))]
    pub only: Vec<String>,
    /// Times that everything is measured; the page gives medians
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Where the page is written
    #[arg(long, default_value = "docs/benchmarks-logs.md", value_name = "FILE")]
    pub output: PathBuf,
    /// Where servers keep their data [default: millstream/peers in the user's cache]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

/// Measures and writes. Whatever fails is named on the page and fails the run in the end.
pub async fn run_logs(args: LogsArgs, clock: SharedClock, entropy: SharedEntropy) -> Result<(), Error> {
    let contest = Contest::new(args, clock.clone())?;
    let args = &contest.args;
    let mut figures = Figures::of(&contest.contenders, contest.missing.clone());
    Box::pin(unless_interrupted(contest.rounds(&mut figures))).await?;
    let wires = if chosen(&args.only, WIRES) {
        let contest = ContestArgs {
            millstream: Some(args.millstream.clone()),
            rounds: args.rounds,
            duration: Duration::from_secs(args.seconds.min(WIRES_SECONDS_MAX)),
            cache: args.cache.clone(),
        };
        let mut stage = Stage::new(contest, WIRES_WARM_UP, clock, entropy)?;
        let compared = stage.compare(vec![wires::MILLSTREAM], wires::WORKLOADS.iter().collect());
        Some(Box::pin(unless_interrupted(compared)).await?)
    } else {
        None
    };
    let setting = page::Setting {
        machine: Machine::this(),
        rounds: args.rounds,
        seconds: args.seconds,
        versions: contest.versions(),
    };
    let page = page::markdown(&figures, wires.as_ref(), &setting);
    std::fs::write(&args.output, page).map_err(Error::file(&args.output))?;
    figures.check()?;
    wires.map_or(Ok(()), |wires| wires.check())
}

/// Everything that the comparison needs at hand.
struct Contest {
    args: LogsArgs,
    programs: catalogue::Programs,
    contenders: Vec<&'static Contender>,
    missing: Vec<&'static Contender>,
    data: PathBuf,
    clock: SharedClock,
}

impl Contest {
    fn new(args: LogsArgs, clock: SharedClock) -> Result<Self, Error> {
        let data = cache_folder(args.cache.as_deref())?.join("data");
        std::fs::create_dir_all(&data).map_err(Error::file(&data))?;
        let programs = catalogue::Programs::new(&args.millstream, &args.clients)?;
        let asked = CONTENDERS.iter().filter(|contender| chosen(&args.only, contender.id));
        let (contenders, missing) = asked.partition(|contender| programs.has(contender));
        Ok(Self { args, programs, contenders, missing, data, clock })
    }

    fn versions(&self) -> Vec<(&'static str, String)> {
        let version = |log: &&Contender| Some((log.id, self.programs.version(log.software)?));
        self.contenders.iter().filter_map(version).collect()
    }

    async fn rounds(&self, figures: &mut Figures) -> Result<(), Error> {
        for round in 0..self.args.rounds {
            let count = self.contenders.len();
            for turn in 0..count {
                // Nobody always comes first, on a disk that still has something to do for the one before.
                let contender = self.contenders[(turn + round) % count];
                match self.measure(contender, figures).await {
                    Err(Error::Interrupted) => return Err(Error::Interrupted),
                    Err(error) => figures.failed(contender, &error),
                    Ok(()) => {}
                }
                report::print(&format!("round {}: {}\n", round + 1, figures.last(contender)))?;
            }
        }
        Ok(())
    }

    /// One server, all that is measured of it.
    async fn measure(&self, contender: &'static Contender, figures: &mut Figures) -> Result<(), Error> {
        let directory = tempfile::tempdir_in(&self.data).map_err(Error::file(&self.data))?;
        let server = LogServer::start(contender, &self.programs, directory, &self.clock).await?;
        for phase in [Phase::PutOne, Phase::PutSeveral] {
            self.task(&server, Task::Create { stream: phase.stream() }).await?;
            let load = phase.load(contender);
            let put = self.task(&server, Task::Put { stream: phase.stream(), load }).await?;
            let stored = put.figures.records_stored;
            figures.add(phase, contender, &put);
            if phase == Phase::PutSeveral {
                let replay = Task::Read { stream: phase.stream(), records: stored };
                figures.add(Phase::Replay, contender, &self.task(&server, replay).await?);
            }
        }
        let stream = Phase::Push.stream();
        self.task(&server, Task::Create { stream }).await?;
        figures.add(Phase::Push, contender, &self.task(&server, Task::Push { stream }).await?);
        figures.memory(contender, server.idle_rss_bytes, server.usage()?.rss_peak_bytes);
        server.stop(&self.clock).await
    }

    /// Has the load do something, while the server is looked at.
    async fn task(&self, server: &LogServer, task: Task) -> Result<Observed, Error> {
        let measured = Duration::from_secs(self.args.seconds);
        let command = load::Command {
            program: self.programs.load(),
            system: server.contender.system,
            address: server.address.clone(),
            task,
            measured: if task.is_read() { measured * REPLAY_TIMES } else { measured },
            warm_up: WARM_UP,
        };
        let pid = server.pid();
        let observed = TaskSet::blocking(move || load::observe(&command, pid)).await;
        observed.ok_or(Error::Interrupted)?.map_err(|reason| server.failure(&reason))
    }
}
