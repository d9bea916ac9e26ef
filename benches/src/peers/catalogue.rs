//! Who is compared: every server, how it is started, and what its acknowledgement is worth.

/// Where a server comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Software {
    /// The release binary under test, given by its path.
    Millstream,
    /// A crate.
    Ferrokinesis,
    /// An npm package, run by Node.js.
    Kinesalite,
}

/// One server in one mode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) software: Software,
    /// What holds when a put has been acknowledged.
    pub(super) durability: &'static str,
    /// `{port}` and `{dir}` are replaced by a free port and an empty directory.
    pub(super) arguments: &'static [&'static str],
}

/// The one that all others are compared with.
pub(super) const BASELINE: &str = "millstream";
pub(super) const FERROKINESIS_VERSION: &str = "0.7.0";
pub(super) const KINESALITE_VERSION: &str = "3.3.3";

/// Limits are off everywhere: work is compared, not throttling. Streams become ACTIVE at once, and
/// ferrokinesis takes no snapshots, which would halt it while a workload runs. Kinesalite's command line
/// listens on every address, so its server is started as a library.
pub(super) const PEERS: &[Peer] = &[
    Peer {
        id: BASELINE,
        name: "Millstream",
        software: Software::Millstream,
        durability: "on disk: every record is fsynced before it is acknowledged",
        arguments: &[
            "serve",
            "--listen",
            "127.0.0.1:{port}",
            "--admin-listen",
            "127.0.0.1:0",
            "--data-dir",
            "{dir}",
            "--limits",
            "off",
        ],
    },
    Peer {
        id: "millstream-memory",
        name: "Millstream, in memory",
        software: Software::Millstream,
        durability: "none: gone with the process",
        arguments: &[
            "serve",
            "--listen",
            "127.0.0.1:{port}",
            "--admin-listen",
            "127.0.0.1:0",
            "--storage",
            "memory",
            "--limits",
            "off",
        ],
    },
    Peer {
        id: "ferrokinesis-memory",
        name: "ferrokinesis, in memory",
        software: Software::Ferrokinesis,
        durability: "none: gone with the process",
        arguments: &[
            "--port",
            "{port}",
            "--create-stream-ms",
            "0",
            "--delete-stream-ms",
            "0",
            "--shard-limit",
            "100000",
            "--max-request-body-mb",
            "64",
            "--enforce-limits",
            "false",
            "--log-level",
            "off",
        ],
    },
    Peer {
        id: "ferrokinesis-durable",
        name: "ferrokinesis, durable",
        software: Software::Ferrokinesis,
        durability: "on disk: every put is written to a log and fsynced, one put at a time",
        arguments: &[
            "--port",
            "{port}",
            "--state-dir",
            "{dir}",
            "--snapshot-interval-secs",
            "0",
            "--create-stream-ms",
            "0",
            "--delete-stream-ms",
            "0",
            "--shard-limit",
            "100000",
            "--max-request-body-mb",
            "64",
            "--enforce-limits",
            "false",
            "--log-level",
            "off",
        ],
    },
    Peer {
        id: "kinesalite-memory",
        name: "kinesalite, in memory",
        software: Software::Kinesalite,
        durability: "none: gone with the process",
        arguments: &[
            "-e",
            "require('kinesalite')({createStreamMs:0,deleteStreamMs:0,updateStreamMs:0,shardLimit:100000})\
             .listen({port},'127.0.0.1')",
        ],
    },
    Peer {
        id: "kinesalite-path",
        name: "kinesalite, with a path",
        software: Software::Kinesalite,
        durability: "in the page cache: LevelDB without syncing survives the process, not the machine",
        arguments: &[
            "-e",
            "require('kinesalite')({path:'{dir}',createStreamMs:0,deleteStreamMs:0,updateStreamMs:0,\
             shardLimit:100000}).listen({port},'127.0.0.1')",
        ],
    },
];

impl Peer {
    pub(super) fn version(&self) -> &'static str {
        match self.software {
            Software::Millstream => env!("CARGO_PKG_VERSION"),
            Software::Ferrokinesis => FERROKINESIS_VERSION,
            Software::Kinesalite => KINESALITE_VERSION,
        }
    }

    pub(super) fn arguments(&self, port: u16, directory: &str) -> Vec<String> {
        let fill =
            |argument: &&str| argument.replace("{port}", &port.to_string()).replace("{dir}", directory);
        self.arguments.iter().map(fill).collect()
    }
}
