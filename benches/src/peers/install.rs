//! Gets the peers, once, into a folder of the user's cache.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millstream_runtime::TaskSet;

use super::catalogue::{
    DYNALITE_VERSION, DYNAMODB_LOCAL_VERSION, FERROKINESIS_VERSION, KINESALITE_VERSION, Peer, Software,
};
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
        Software::Kinesalite => npm(peer, cache, "kinesalite", KINESALITE_VERSION).await,
        Software::Dynalite => npm(peer, cache, "dynalite", DYNALITE_VERSION).await,
        Software::DynamoDbLocal => dynamodb_local(peer, cache).await,
    }
}

async fn npm(peer: &Peer, cache: &Path, package: &str, version: &str) -> Result<Installed, Error> {
    let directory = cache.join(format!("{package}-{version}"));
    if !directory.join("node_modules").join(package).exists() {
        std::fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        let mut command = Command::new("npm");
        command
            .args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(&directory)
            .arg(format!("{package}@{version}"));
        complete(peer, command).await?;
    }
    Ok(Installed { program: PathBuf::from("node"), directory })
}

/// The archive that AWS offers for download is not needed: the artifact names all that it consists of, the native
/// library of SQLite included, and runs from a folder that holds them.
async fn dynamodb_local(peer: &Peer, cache: &Path) -> Result<Installed, Error> {
    let directory = cache.join(format!("dynamodb-local-{DYNAMODB_LOCAL_VERSION}"));
    let library = directory.join("lib");
    if !library.exists() {
        // A folder that is half full must not be taken for a whole one.
        let unfinished = directory.join("lib.unfinished");
        std::fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        let project = directory.join("pom.xml");
        std::fs::write(&project, DYNAMODB_LOCAL_PROJECT.replace("{version}", DYNAMODB_LOCAL_VERSION))
            .map_err(Error::file(&project))?;
        let mut command = Command::new("mvn");
        command
            .args(["--quiet", "--batch-mode", "-f"])
            .arg(&project)
            .arg(format!("-Dmaven.repo.local={}", directory.join("repository").display()))
            .arg(MAVEN_COPY)
            .arg("-DincludeScope=runtime")
            .arg(format!("-DoutputDirectory={}", unfinished.display()));
        complete(peer, command).await?;
        std::fs::rename(&unfinished, &library).map_err(Error::file(&unfinished))?;
    }
    Ok(Installed { program: PathBuf::from("java"), directory })
}

const MAVEN_COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
const DYNAMODB_LOCAL_PROJECT: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millstream</groupId>
  <artifactId>peer</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>DynamoDBLocal</artifactId>
      <version>{version}</version>
    </dependency>
  </dependencies>
</project>
"#;

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
