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
    /// An npm package too.
    Dynalite,
    /// An artifact of Maven Central, run by Java.
    DynamoDbLocal,
}

/// One server in one mode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) software: Software,
    /// What holds when a write has been acknowledged.
    pub(super) durability: &'static str,
    /// `{port}` and `{dir}` are replaced by a free port and an empty directory.
    pub(super) arguments: &'static [&'static str],
}

/// The one that all others are compared with.
pub(super) const BASELINE: &str = "millstream";
pub(super) const FERROKINESIS_VERSION: &str = "0.7.0";
pub(super) const KINESALITE_VERSION: &str = "3.3.3";
pub(super) const DYNALITE_VERSION: &str = "4.0.0";
pub(super) const DYNAMODB_LOCAL_VERSION: &str = "2.6.1";

const MILLSTREAM_ON_DISK: &[&str] = &[
    "serve",
    "--listen",
    "127.0.0.1:{port}",
    "--admin-listen",
    "127.0.0.1:0",
    "--data-dir",
    "{dir}",
    "--limits",
    "off",
];
const MILLSTREAM_IN_MEMORY: &[&str] = &[
    "serve",
    "--listen",
    "127.0.0.1:{port}",
    "--admin-listen",
    "127.0.0.1:0",
    "--storage",
    "memory",
    "--limits",
    "off",
];

/// Who speaks Kinesis. Limits are off everywhere: work is compared, not throttling. Streams become ACTIVE at once, and
/// ferrokinesis takes no snapshots, which would halt it while a workload runs. Kinesalite's command line
/// listens on every address, so its server is started as a library.
pub(super) const PEERS: &[Peer] = &[
    Peer {
        id: BASELINE,
        name: "Millstream",
        software: Software::Millstream,
        durability: "on disk: every record is fsynced before it is acknowledged",
        arguments: MILLSTREAM_ON_DISK,
    },
    Peer {
        id: "millstream-memory",
        name: "Millstream, in memory",
        software: Software::Millstream,
        durability: "none: gone with the process",
        arguments: MILLSTREAM_IN_MEMORY,
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

/// Tables become ACTIVE at once. What DynamoDB Local does by itself, without telling, is to report to AWS how it is
/// used; that is off. Its data lie in one file, as its users run it.
pub(super) const TABLE_PEERS: &[Peer] = &[
    Peer {
        id: BASELINE,
        name: "Millstream",
        software: Software::Millstream,
        durability: "on disk: every write is fsynced before it is acknowledged",
        arguments: MILLSTREAM_ON_DISK,
    },
    Peer {
        id: "millstream-memory",
        name: "Millstream, in memory",
        software: Software::Millstream,
        durability: "none: gone with the process",
        arguments: MILLSTREAM_IN_MEMORY,
    },
    Peer {
        id: "dynalite-memory",
        name: "dynalite, in memory",
        software: Software::Dynalite,
        durability: "none: gone with the process",
        arguments: &[
            "node_modules/dynalite/cli.js",
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
            "--createTableMs",
            "0",
            "--deleteTableMs",
            "0",
            "--updateTableMs",
            "0",
        ],
    },
    Peer {
        id: "dynalite-path",
        name: "dynalite, with a path",
        software: Software::Dynalite,
        durability: "in the page cache: LevelDB without syncing survives the process, not the machine",
        arguments: &[
            "node_modules/dynalite/cli.js",
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
            "--createTableMs",
            "0",
            "--deleteTableMs",
            "0",
            "--updateTableMs",
            "0",
            "--path",
            "{dir}",
        ],
    },
    Peer {
        id: "dynamodb-local-memory",
        name: "DynamoDB Local, in memory",
        software: Software::DynamoDbLocal,
        durability: "none: gone with the process",
        arguments: &[
            "-cp",
            "lib/*",
            DYNAMODB_LOCAL_MAIN,
            "-port",
            "{port}",
            "-inMemory",
            "-sharedDb",
            "-disableTelemetry",
        ],
    },
    Peer {
        id: "dynamodb-local-path",
        name: "DynamoDB Local, with a path",
        software: Software::DynamoDbLocal,
        durability: "on disk: SQLite with its rollback journal and synchronous=FULL, four fsyncs a write",
        arguments: &[
            "-cp",
            "lib/*",
            DYNAMODB_LOCAL_MAIN,
            "-port",
            "{port}",
            "-dbPath",
            "{dir}",
            "-sharedDb",
            "-disableTelemetry",
        ],
    },
];

const DYNAMODB_LOCAL_MAIN: &str = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner";

impl Peer {
    pub(super) fn version(&self) -> &'static str {
        match self.software {
            Software::Millstream => env!("CARGO_PKG_VERSION"),
            Software::Ferrokinesis => FERROKINESIS_VERSION,
            Software::Kinesalite => KINESALITE_VERSION,
            Software::Dynalite => DYNALITE_VERSION,
            Software::DynamoDbLocal => DYNAMODB_LOCAL_VERSION,
        }
    }

    pub(super) fn arguments(&self, port: u16, directory: &str) -> Vec<String> {
        let fill =
            |argument: &&str| argument.replace("{port}", &port.to_string()).replace("{dir}", directory);
        self.arguments.iter().map(fill).collect()
    }
}
