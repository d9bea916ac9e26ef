//! Who is compared, under which loads, and how a producer of theirs is started.
//!
//! Producers are processes, for memory and processor time are those of a process. None of them is part of this crate:
//! they lie where the tests have theirs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// What writes to streams, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Contender {
    /// On the AWS wire.
    Millstream,
    /// As the KPL does, which cannot do otherwise.
    MillstreamTls,
    MillstreamGrpc,
    Kpl,
}

/// What is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Load {
    Small,
    Large,
    /// Records that come at a certain rate.
    Paced,
}

pub(super) const CONTENDERS: [Contender; 4] =
    [Contender::Millstream, Contender::MillstreamTls, Contender::MillstreamGrpc, Contender::Kpl];
pub(super) const LOADS: [Load; 3] = [Load::Small, Load::Large, Load::Paced];

impl Contender {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Millstream => "millstream",
            Self::MillstreamTls => "millstream-tls",
            Self::MillstreamGrpc => "millstream-grpc",
            Self::Kpl => "kpl",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Millstream => "Millstream's producer",
            Self::MillstreamTls => "Millstream's producer, TLS",
            Self::MillstreamGrpc => "Millstream's producer, gRPC",
            Self::Kpl => "KPL 1.0.7, TLS",
        }
    }

    /// What a producer of it is.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Millstream | Self::MillstreamTls | Self::MillstreamGrpc => {
                "a Rust program with the producer SDK (`tests/src/bin/producer_load.rs`)"
            }
            Self::Kpl => {
                "a Java 17 program (`tests/clients/kpl`), with the heap and the garbage collector that the JVM chooses, \
                 and the native process that the library starts"
            }
        }
    }

    /// What the endpoint of Millstream's producer begins with; `None` of another.
    fn scheme(self) -> Option<&'static str> {
        match self {
            Self::Millstream => Some("http"),
            Self::MillstreamTls => Some("https"),
            Self::MillstreamGrpc => Some("grpc"),
            Self::Kpl => None,
        }
    }
}

impl Load {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
            Self::Paced => "paced",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Small => "records of 100 bytes",
            Self::Large => "records of 1 KiB",
            Self::Paced => "10,000 records of 100 bytes a second",
        }
    }

    pub(super) fn record_bytes(self) -> u32 {
        match self {
            Self::Small | Self::Paced => 100,
            Self::Large => 1024,
        }
    }

    /// `None` for as many as are taken.
    pub(super) fn records_per_second(self) -> Option<u32> {
        match self {
            Self::Small | Self::Large => None,
            Self::Paced => Some(10_000),
        }
    }
}

/// Where the producers are.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    load: PathBuf,
    clients: PathBuf,
}

impl Programs {
    /// Checks that all are there that are asked for.
    pub(super) fn find(load: &Path, clients: &Path, contenders: &[Contender]) -> Result<Self, Error> {
        let real = |path: &Path| std::fs::canonicalize(path).map_err(Error::file(path));
        let programs = Self { load: real(load)?, clients: real(clients)? };
        for contender in contenders {
            let program = match contender {
                Contender::Kpl => programs.clients.join("kpl/classes/Load.class"),
                _ => programs.load.clone(),
            };
            if !program.exists() {
                let reason = format!("{} is missing; `make clients` installs it", program.display());
                return Err(Error::Peer { peer: contender.name().to_owned(), reason });
            }
        }
        Ok(programs)
    }

    /// What starts a producer for a server at `authority`, but for what it is to put.
    pub(super) fn command(&self, contender: Contender, authority: &str, scratch: &Path) -> Command {
        let mut command = if let Some(scheme) = contender.scheme() {
            let mut load = Command::new(&self.load);
            load.env("ENDPOINT", format!("{scheme}://{authority}"));
            load
        } else {
            let mut java = Command::new("java");
            let folder = self.clients.join("kpl");
            java.arg("-cp").arg(format!("{0}/classes:{0}/lib/*", folder.display())).arg("Load");
            let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
            java.env("HOST", host).env("PORT", port).env("DIRECTORY", scratch);
            java
        };
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            // Whether this machine is one of AWS's is not the question.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(scratch);
        command
    }
}
