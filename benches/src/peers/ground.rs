//! The server that libraries are compared on: Millstream as it is run, with a disk and without AWS's limits.

use std::path::Path;

use millstream_runtime::{SharedClock, SharedEntropy};
use tempfile::TempDir;

use super::catalogue::{BASELINE, PEERS};
use super::install::install;
use super::server::Server;
use super::stage::cache_folder;
use crate::args::TargetArgs;
use crate::error::Error;
use crate::measure::Machine;
use crate::report::figure;
use crate::run::caller;
use crate::streams::Caller;
use crate::wire::Service;

/// A server that runs, how it is called, and a folder for what the libraries leave behind.
pub(super) struct Ground {
    pub(super) server: Server,
    pub(super) caller: Caller,
    pub(super) scratch: TempDir,
}

impl Ground {
    /// Starts the binary `millstream` with its data below `cache`, by default the user's.
    pub(super) async fn prepare(
        millstream: &Path,
        cache: Option<&Path>,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Result<Self, Error> {
        let cache = cache_folder(cache)?;
        std::fs::create_dir_all(&cache).map_err(Error::file(&cache))?;
        let directory = || tempfile::tempdir_in(&cache).map_err(Error::file(&cache));
        let missing = || Error::Usage("there is no server".to_owned());
        let peer = PEERS.iter().find(|peer| peer.id == BASELINE).ok_or_else(missing)?;
        let installed = install(peer, &cache, Some(millstream)).await?;
        let server = Server::start(peer, &installed, directory()?, &clock).await?;
        let target = TargetArgs { endpoint_url: Some(server.url.clone()), ..TargetArgs::default() };
        let caller = caller(Service::Kinesis, &target, clock, entropy)?;
        Ok(Self { server, caller, scratch: directory()? })
    }
}

/// What a page says of the machine and the server; `sharers` are the programs that ran beside each other.
pub(super) fn machine_line(sharers: &str) -> String {
    let machine = Machine::this();
    format!(
        "Machine: {}, {} cores, {} GB of memory, {}; {sharers} share it. Server: millstream {}, every put fsynced before \
         it is acknowledged, limits off.\n",
        machine.processor,
        machine.cores,
        figure(machine.memory_bytes as f64 / 1e9),
        machine.system,
        env!("CARGO_PKG_VERSION"),
    )
}
