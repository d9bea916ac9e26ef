//! Gets the peers, once, into a folder of the user's cache.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millstream_runtime::TaskSet;

use super::catalogue::{FERROKINESIS_VERSION, KINESALITE_VERSION, Peer, Software};
use crate::error::Error;

/// A program that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installed {
    pub(super) program: PathBuf,
    /// Where it is started: Node.js looks for its packages there.
    pub(super) directory: PathBuf,
}

/// Installs what a peer needs, unless it is there already.
pub(super) async fn install(
    peer: &Peer,
    cache: &Path,
    millstream: Option<&Path>,
) -> Result<Installed, Error> {
    match peer.software {
        Software::Millstream => {
            let program = millstream.ok_or_else(|| failure(peer, "give its binary with --millstream"))?;
            let program = std::fs::canonicalize(program).map_err(Error::file(program))?;
            Ok(Installed { program, directory: cache.to_owned() })
        }
        Software::Ferrokinesis => {
            let directory = cache.join(format!("ferrokinesis-{FERROKINESIS_VERSION}"));
            let program = directory.join("bin/ferrokinesis");
            if !program.exists() {
                let mut command = Command::new("cargo");
                command
                    .args(["install", "ferrokinesis", "--version", FERROKINESIS_VERSION, "--locked"])
                    // Without its access log, which would cost it time.
                    .args(["--no-default-features", "--features", "server", "--root"])
                    .arg(&directory);
                complete(peer, command).await?;
            }
            Ok(Installed { program, directory })
        }
        Software::Kinesalite => {
            let directory = cache.join(format!("kinesalite-{KINESALITE_VERSION}"));
            if !directory.join("node_modules/kinesalite").exists() {
                std::fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
                let mut command = Command::new("npm");
                command
                    .args(["install", "--no-audit", "--no-fund", "--prefix"])
                    .arg(&directory)
                    .arg(format!("kinesalite@{KINESALITE_VERSION}"));
                complete(peer, command).await?;
            }
            Ok(Installed { program: PathBuf::from("node"), directory })
        }
    }
}

/// Runs an installer to its end; what it says is shown, since it may take minutes.
async fn complete(peer: &Peer, mut command: Command) -> Result<(), Error> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let work = move || command.stdin(Stdio::null()).status();
    match TaskSet::blocking(work).await {
        Some(Ok(status)) if status.success() => Ok(()),
        Some(Ok(status)) => Err(failure(peer, &format!("{tool} ended with {status}"))),
        Some(Err(error)) => Err(failure(peer, &format!("{tool} cannot be started: {error}"))),
        None => Err(Error::Interrupted),
    }
}

fn failure(peer: &Peer, reason: &str) -> Error {
    Error::Peer { peer: peer.name.to_owned(), reason: reason.to_owned() }
}
