//! Who is compared: how each log is started, how it is loaded, and what its acknowledgement is worth.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::load::Load;
use crate::error::Error;

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Software {
    Millstream,
    Nats,
    Redis,
    Kafka,
    S2Lite,
}

/// One log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contender {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) software: Software,
    /// As the load calls it.
    pub(super) system: &'static str,
    /// The client that it is loaded through.
    pub(super) client: &'static str,
    /// The setting, and what holds when a record has been acknowledged.
    pub(super) durability: &'static str,
    /// How it is loaded over one connection.
    pub(super) one: Load,
    /// And over several.
    pub(super) several: Load,
}

/// The one that all others are compared with.
pub(super) const BASELINE: &str = "millstream";
const SEVERAL: usize = 8;

const fn loads(batch: usize, unanswered: usize) -> (Load, Load) {
    (Load { connections: 1, batch, unanswered }, Load { connections: SEVERAL, batch, unanswered })
}

const MILLSTREAM: (Load, Load) = loads(250, 16);
/// Each record is synced by itself, so that more of them ahead only wait longer.
const NATS: (Load, Load) = loads(1, 256);
const REDIS: (Load, Load) = loads(250, 8);
/// Its client makes batches itself.
const KAFKA: (Load, Load) = loads(1, 8_192);
const S2: (Load, Load) = loads(500, 16);

pub(super) const CONTENDERS: &[Contender] = &[
    Contender {
        id: BASELINE,
        name: "Millstream, gRPC",
        software: Software::Millstream,
        system: "millstream",
        client: "grpc-go: PutStream and Subscribe",
        durability: "as always: every record is fsynced before it is acknowledged, together with what came meanwhile",
        one: MILLSTREAM.0,
        several: MILLSTREAM.1,
    },
    Contender {
        id: "nats",
        name: "NATS JetStream",
        software: Software::Nats,
        system: "nats",
        client: "nats.go: PublishAsync, an ordered consumer",
        durability: "file storage with `sync_interval: always`: every record is fsynced before it is acknowledged",
        one: NATS.0,
        several: NATS.1,
    },
    Contender {
        id: "redis",
        name: "Redis Streams",
        software: Software::Redis,
        system: "redis",
        client: "rueidis: pipelined XADD, XREAD",
        durability: "`appendfsync always`: the log is fsynced before commands are answered, once for those that came \
                     together; its rewriting is off",
        one: REDIS.0,
        several: REDIS.1,
    },
    Contender {
        id: "kafka",
        name: "Kafka",
        software: Software::Kafka,
        system: "kafka",
        client: "franz-go: acks of all replicas, no compression, no linger",
        durability: "KRaft, one broker, `log.flush.interval.messages=1`: every batch of a producer is fsynced before \
                     it is acknowledged",
        one: KAFKA.0,
        several: KAFKA.1,
    },
    Contender {
        id: "s2-lite",
        name: "s2-lite",
        software: Software::S2Lite,
        system: "s2",
        client: "s2's session protocol, spoken directly",
        durability: "`--local-root`: appends are acknowledged when the object that holds them is fsynced; every 5 ms \
                     one is written",
        one: S2.0,
        several: S2.1,
    },
];

/// Where everything is.
#[derive(Debug)]
pub(super) struct Programs {
    millstream: PathBuf,
    clients: PathBuf,
}

/// What a server is told.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) port: u16,
    /// For Kafka, which talks to itself.
    pub(super) second_port: u16,
    /// Empty.
    pub(super) directory: &'a Path,
}

impl Programs {
    pub(super) fn new(millstream: &Path, clients: &Path) -> Result<Self, Error> {
        let found = |path: &Path| fs::canonicalize(path).map_err(Error::file(path));
        let programs = Self { millstream: found(millstream)?, clients: found(clients)? };
        if !programs.load().exists() {
            return Err(Error::Usage("the load is missing: tools/clients logs".to_owned()));
        }
        Ok(programs)
    }

    pub(super) fn load(&self) -> PathBuf {
        self.clients.join("logs/log_load")
    }

    /// Of the folder that tools/clients made for it; `None` where nothing is installed.
    pub(super) fn version(&self, software: Software) -> Option<String> {
        let folder = match software {
            Software::Millstream => return Some(env!("CARGO_PKG_VERSION").to_owned()),
            Software::Nats => "logs",
            Software::Redis => "redis",
            Software::Kafka => "kafka",
            Software::S2Lite => "s2lite",
        };
        let version = fs::read_to_string(self.clients.join(folder).join("version")).ok()?;
        Some(version.trim().to_owned()).filter(|version| !version.is_empty())
    }

    pub(super) fn has(&self, contender: &Contender) -> bool {
        self.version(contender.software).is_some()
    }

    /// What has to be done before a server can start, if anything, and the server.
    pub(super) fn commands(
        &self,
        software: Software,
        place: &Place<'_>,
    ) -> Result<(Option<Command>, Command), Error> {
        let directory = place.directory;
        let mut first = None;
        let command = match software {
            Software::Millstream => {
                let mut command = Command::new(&self.millstream);
                command
                    .args(["serve", "--limits", "off", "--admin-listen", "127.0.0.1:0", "--listen"])
                    .arg(format!("127.0.0.1:{}", place.port))
                    .arg("--data-dir")
                    .arg(directory.join("data"));
                command
            }
            Software::Nats => {
                let file = written(directory.join("nats.conf"), &nats(place))?;
                let mut command = Command::new(self.clients.join("logs/nats-server"));
                command.arg("-c").arg(file);
                command
            }
            Software::Redis => {
                let mut command = Command::new(self.clients.join("redis/redis-server"));
                command
                    .args(["--bind", "127.0.0.1", "--port", &place.port.to_string(), "--dir"])
                    .arg(directory)
                    .args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
                    .args(["--auto-aof-rewrite-percentage", "0"]);
                command
            }
            Software::Kafka => {
                let file = written(directory.join("server.properties"), &kafka(place))?;
                let mut format = self.kafka("kafka.tools.StorageTool");
                format.args(["format", "--cluster-id", KAFKA_CLUSTER, "--config"]).arg(&file);
                first = Some(format);
                let mut command = self.kafka("kafka.Kafka");
                command.arg(file);
                command
            }
            Software::S2Lite => {
                let mut command = Command::new(self.clients.join("s2lite/bin/server"));
                command
                    .arg("--local-root")
                    .arg(directory.join("data"))
                    .args(["--no-dashboard", "--port", &place.port.to_string()])
                    .env("RUST_LOG", "warn");
                command
            }
        };
        Ok((first, command))
    }

    /// As Kafka's own script starts it.
    fn kafka(&self, main: &str) -> Command {
        let mut command = Command::new("java");
        command
            .args(["-server", "-Xms1G", "-Xmx1G", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"])
            .args(["-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"])
            .args(["-Djava.awt.headless=true", "-cp"])
            .arg(self.clients.join("kafka/lib/*"))
            .arg(main);
        command
    }
}

/// Any will do.
const KAFKA_CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qk";

fn written(path: PathBuf, text: &str) -> Result<PathBuf, Error> {
    fs::write(&path, text).map_err(Error::file(&path))?;
    Ok(path)
}

fn nats(place: &Place<'_>) -> String {
    let store = place.directory.join("data");
    format!(
        "listen: \"127.0.0.1:{}\"\njetstream {{ store_dir: \"{}\", sync_interval: always }}\n",
        place.port,
        store.display()
    )
}

fn kafka(place: &Place<'_>) -> String {
    let Place { port, second_port, directory } = place;
    format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{second_port}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{second_port}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
         log.dirs={}\noffsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\nlog.flush.interval.messages=1\n",
        directory.join("data").display()
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn contenders_are_told_apart_and_one_of_them_is_the_baseline() {
        let ids: HashSet<_> = CONTENDERS.iter().map(|contender| contender.id).collect();
        assert_eq!(ids.len(), CONTENDERS.len());
        assert!(ids.contains(BASELINE));
    }

    #[test]
    fn every_log_keeps_its_promise_by_its_settings() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place { port: 1, second_port: 2, directory: directory.path() };
        assert!(nats(&place).contains("sync_interval: always"));
        assert!(kafka(&place).contains("log.flush.interval.messages=1\n"));
        let programs = Programs { millstream: "m".into(), clients: "c".into() };
        for contender in CONTENDERS {
            let (first, command) = programs.commands(contender.software, &place).unwrap();
            assert_eq!(first.is_some(), contender.software == Software::Kafka);
            let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
            assert!(words.iter().any(|word| word.contains(&*directory.path().to_string_lossy())));
            if contender.software == Software::Redis {
                assert!(words.windows(2).any(|pair| pair == ["--appendfsync", "always"]));
            }
        }
    }
}
