//! Who is compared: the libraries, how each reads, and how a worker of theirs is started.
//!
//! Workers are processes, for memory and processor time are those of a process. None of them is part of this crate:
//! they lie where the tests have theirs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// The KCL's own default, which all have in common.
pub(super) const FAILOVER_SECS: u64 = 10;
/// Of those settings that docs/kcl.md names for tests.
const QUICK_FAILOVER_MILLIS: &str = "3000";

/// What helps programs to consume streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Library {
    Millstream,
    Kcl,
    KclRs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Retrieval {
    Polling,
    FanOut,
}

/// A library that reads in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Contender {
    pub(super) library: Library,
    pub(super) retrieval: Retrieval,
}

/// With what settings a worker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tuning {
    /// As the library has them.
    Defaults,
    /// Those that docs/kcl.md names for tests, as far as the library has them. Millstream's consumer needs none.
    Quick,
}

pub(super) const LIBRARIES: [Library; 3] = [Library::Millstream, Library::Kcl, Library::KclRs];
pub(super) const RETRIEVALS: [Retrieval; 2] = [Retrieval::Polling, Retrieval::FanOut];

impl Library {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Millstream => "millstream",
            Self::Kcl => "kcl3",
            Self::KclRs => "kcl-rs",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Millstream => "Millstream's consumer",
            Self::Kcl => "KCL 3.5.1",
            Self::KclRs => "kcl-rs 0.1.4",
        }
    }

    /// What a worker of it is.
    pub(super) fn worker(self) -> &'static str {
        match self {
            Self::Millstream => "a Rust program with the consumer SDK (`tests/src/bin/consumer_counter.rs`)",
            Self::Kcl => {
                "a Java 17 program (`tests/clients/kcl`), with the heap and the garbage collector that the JVM chooses"
            }
            Self::KclRs => {
                "a Python program (`tests/clients/python/kcl_rs_counter.py`): the library is Rust, and Python is the \
                 only language it is published for"
            }
        }
    }

    /// What it is given beyond its defaults where the page speaks of quick settings.
    pub(super) fn quick_settings(self) -> &'static str {
        match self {
            Self::Millstream => "none; its defaults",
            Self::Kcl => {
                "those that [docs/kcl.md](kcl.md) names for tests, a failover time of 3 s among them"
            }
            Self::KclRs => "sync of shards every 1 s, polling every 250 ms; it lets nothing else be set",
        }
    }
}

impl Retrieval {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::FanOut => "fan-out",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Polling => "Polling",
            Self::FanOut => "Enhanced fan-out",
        }
    }
}

impl Contender {
    pub(super) fn id(self) -> String {
        format!("{}-{}", self.library.id(), self.retrieval.id())
    }

    pub(super) fn name(self) -> String {
        format!("{}, {}", self.library.name(), self.retrieval.id())
    }
}

/// Where the workers are.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    counter: PathBuf,
    clients: PathBuf,
    sources: PathBuf,
}

impl Programs {
    /// Checks that all are there that are asked for.
    pub(super) fn find(
        counter: &Path,
        clients: &Path,
        sources: &Path,
        libraries: &[Library],
    ) -> Result<Self, Error> {
        let real = |path: &Path| std::fs::canonicalize(path).map_err(Error::file(path));
        let programs = Self { counter: real(counter)?, clients: real(clients)?, sources: real(sources)? };
        for library in libraries {
            let program = match library {
                Library::Millstream => programs.counter.clone(),
                Library::Kcl => programs.clients.join("kcl3/classes/Counter.class"),
                Library::KclRs => programs.python(),
            };
            if !program.exists() {
                let reason = format!("{} is missing; `make clients` installs it", program.display());
                return Err(Error::Peer { peer: library.name().to_owned(), reason });
            }
        }
        Ok(programs)
    }

    fn python(&self) -> PathBuf {
        self.clients.join("python/venv/bin/python")
    }

    /// What starts a worker, settings left out. It is one process, without a launcher that would have to be told of
    /// signals.
    pub(super) fn command(&self, contender: Contender, tuning: Tuning) -> Command {
        let mut command = match contender.library {
            Library::Millstream => Command::new(&self.counter),
            Library::Kcl => {
                let mut java = Command::new("java");
                let folder = self.clients.join("kcl3");
                java.arg("-cp").arg(format!("{0}/classes:{0}/lib/*", folder.display())).arg("Worker");
                java.env("COUNT", "true");
                java
            }
            Library::KclRs => {
                let mut python = Command::new(self.python());
                python.arg(self.sources.join("python/kcl_rs_counter.py"));
                python
            }
        };
        if tuning == Tuning::Quick {
            command.env("QUICK", "true").env("FAILOVER_MILLIS", QUICK_FAILOVER_MILLIS);
        }
        command.env("RETRIEVAL", contender.retrieval.id());
        command
    }
}
