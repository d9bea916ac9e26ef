//! Consumer libraries side by side: their workers on one Millstream server, and a page that says what came of it.
//!
//! There are two measurements. In the one a worker goes through a backlog, alone on the machine but for the server. In
//! the other, workers of all libraries wait together on a stream that is fed slowly, and half of them are killed at
//! one moment: what counts there is how long they wait, and waiting costs no processor time that others would miss.

mod backlog;
mod feed;
mod figures;
mod library;
mod page;
mod takeover;
mod worker;

use std::path::PathBuf;

use millstream_runtime::{SharedClock, SharedEntropy};
use tempfile::TempDir;

use self::figures::Figures;
use self::library::{Contender, LIBRARIES, Library, Programs, RETRIEVALS};
use super::ground::Ground;
use super::{chosen, ids};
use crate::error::Error;
use crate::report;
use crate::run::unless_interrupted;
use crate::streams::Caller;

/// Compare Millstream's consumer with other libraries that consume streams.
#[derive(Clone, Debug, clap::Args)]
pub struct ConsumersArgs {
    /// Millstream's release binary, which serves
    #[arg(long, value_name = "FILE")]
    pub millstream: PathBuf,
    /// The release binary of consumer_counter, a worker of Millstream's consumer SDK
    #[arg(long, value_name = "FILE")]
    pub counter: PathBuf,
    /// Where tools/clients has installed the others
    #[arg(long, env = "MILLSTREAM_CLIENTS", value_name = "DIR")]
    pub clients: PathBuf,
    /// The programs that need no compiler
    #[arg(long, default_value = "tests/clients", value_name = "DIR")]
    pub sources: PathBuf,
    /// Only these libraries
    #[arg(long, value_delimiter = ',', value_parser = ids(LIBRARIES.iter().map(|library| library.id())))]
    pub libraries: Vec<String>,
    /// Times that every worker goes through the backlog; the page gives medians
    #[arg(long, default_value_t = 2)]
    pub rounds: usize,
    /// Times that workers are killed: every other time those that lead
    #[arg(long, default_value_t = 2)]
    pub kills: usize,
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub shards: u32,
    /// Records of the backlog
    #[arg(long, default_value_t = 1_000_000)]
    pub records: usize,
    /// Bytes of data in a record
    #[arg(long, default_value_t = 100)]
    pub record_size: usize,
    /// Where the page is written
    #[arg(long, default_value = "docs/benchmarks-consumers.md", value_name = "FILE")]
    pub output: PathBuf,
    /// Where the server keeps its data [default: millstream/peers in the user's cache]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

/// Measures and writes. Whatever fails is named on the page and fails the run in the end.
pub async fn run_consumers(
    args: ConsumersArgs,
    clock: SharedClock,
    entropy: SharedEntropy,
) -> Result<(), Error> {
    let figures = Box::pin(unless_interrupted(measure(&args, clock, entropy))).await?;
    let page = page::markdown(&args, &figures);
    std::fs::write(&args.output, page).map_err(Error::file(&args.output))?;
    figures.check()
}

async fn measure(args: &ConsumersArgs, clock: SharedClock, entropy: SharedEntropy) -> Result<Figures, Error> {
    let libraries: Vec<_> =
        LIBRARIES.into_iter().filter(|library| chosen(&args.libraries, library.id())).collect();
    let programs = Programs::find(&args.counter, &args.clients, &args.sources, &libraries)?;
    let ground = Ground::prepare(&args.millstream, args.cache.as_deref(), clock.clone(), entropy).await?;
    let Ground { server, caller, scratch } = ground;
    let stage = Stage {
        caller,
        endpoint: server.url.clone(),
        programs,
        contenders: contenders(&libraries),
        args: args.clone(),
        scratch,
    };
    let measured = stage.measure().await;
    server.stop(&clock).await?;
    measured
}

/// Ways to read in turn, so that a slow minute of the machine hits all libraries.
fn contenders(libraries: &[Library]) -> Vec<Contender> {
    let of = |retrieval| libraries.iter().map(move |library| Contender { library: *library, retrieval });
    RETRIEVALS.into_iter().flat_map(of).collect()
}

/// A server that runs, and who is to be measured on it.
struct Stage {
    args: ConsumersArgs,
    caller: Caller,
    endpoint: String,
    programs: Programs,
    contenders: Vec<Contender>,
    /// For logs.
    scratch: TempDir,
}

impl Stage {
    async fn measure(&self) -> Result<Figures, Error> {
        let mut figures = Figures::of(&self.contenders);
        let streams = self.caller.stream_names("consumers", 2);
        self.caller.create_streams(&streams, self.args.shards).await?;
        if let [backlog, trickle] = streams.as_slice() {
            if self.args.rounds > 0 {
                self.backlog_rounds(backlog, &mut figures).await?;
            }
            for kill in 0..self.args.kills {
                self.takeover(trickle, kill, &mut figures).await?;
            }
        }
        Ok(figures)
    }

    /// All contenders, the other way round every other time.
    fn in_turn(&self, round: usize) -> Vec<Contender> {
        let mut contenders = self.contenders.clone();
        if !round.is_multiple_of(2) {
            contenders.reverse();
        }
        contenders
    }

    fn say(text: &str) -> Result<(), Error> {
        report::print(&format!("{text}\n"))
    }
}
