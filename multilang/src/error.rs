//! Why the daemon could not start, or ended by itself.

use std::io;
use std::path::PathBuf;

use millstream_consumer_sdk::Error as Consumer;

use crate::properties::InvalidProperties;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    /// The file is neither in a directory of the class path nor where its name says.
    #[error("there is no properties file {name}{}", beside(directories))]
    NoProperties { name: String, directories: Vec<PathBuf> },
    #[error("{}: {error}", path.display())]
    Properties { path: PathBuf, error: InvalidProperties },
    /// What the file asks for makes no sense; every fault of it is named.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    #[error("{0}")]
    CommandLine(String),
    /// No child process can ever be started.
    #[error("executableName: {program:?} cannot be run: {reason}")]
    Executable { program: String, reason: String },
    #[error(transparent)]
    Service(#[from] millstream_client::Error),
    #[error(transparent)]
    Consumer(#[from] Consumer),
    /// Nothing is left to be done.
    #[error(
        "every shard that this worker has is stopped, because its child processes failed again and again"
    )]
    AllStopped,
}

impl Error {
    /// What the stream service said, or that it cannot be reached.
    #[must_use]
    pub fn of_service(&self) -> Option<&millstream_client::Error> {
        match self {
            Self::Service(error) | Self::Consumer(Consumer::Stream { error, .. }) => Some(error),
            _ => None,
        }
    }

    #[must_use]
    pub fn is_table_unreachable(&self) -> bool {
        matches!(self, Self::Consumer(Consumer::Leases(millstream_lease::Error::Unavailable(_))))
    }
}

fn beside(directories: &[PathBuf]) -> String {
    if directories.is_empty() {
        return String::new();
    }
    let shown: Vec<_> = directories.iter().map(|directory| directory.display().to_string()).collect();
    format!(", nor one of that name in {}", shown.join(", "))
}
