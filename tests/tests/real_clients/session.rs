//! A server of its own for one run of one client, and what the client is told about it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Output};

use millstream_tests::raw::Request;
use millstream_tests::{Server, ServerOptions, clients};
use tempfile::TempDir;

/// Below TLS or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Http,
    Https,
}

/// How many requests came in each version of HTTP and each format, such as `2 json`.
pub(crate) type Protocols = BTreeMap<String, u64>;

pub(crate) struct Session {
    pub(crate) server: Server,
    pub(crate) transport: Transport,
    directory: TempDir,
}

impl Session {
    /// `create_delay_ms` is how long a new stream is in CREATING, for a client's waiter to wait.
    pub(crate) fn new(transport: Transport, create_delay_ms: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = ServerOptions::new(directory.path())
            .argument("--create-delay-ms")
            .argument(create_delay_ms.to_string())
            .start();
        Self { server, transport, directory }
    }

    pub(crate) fn url(&self) -> String {
        match self.transport {
            Transport::Http => self.server.http(),
            Transport::Https => self.server.https(),
        }
    }

    pub(crate) fn command(&self, program: PathBuf) -> Command {
        let mut command = clients::command(program, &self.url());
        command.current_dir(self.directory.path());
        if self.transport == Transport::Https {
            let authority = self.server.certificate_authority();
            command.env("AWS_CA_BUNDLE", &authority).env("NODE_EXTRA_CA_CERTS", &authority);
        }
        command
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// What was spoken so far.
    pub(crate) fn protocols(&self) -> Protocols {
        let request = Request::bare("GET", "").target("/metrics");
        let metrics = request.send(self.server.admin_address()).unwrap().text();
        let lines = metrics.lines().filter_map(|line| {
            let labels = line.strip_prefix("millstream_requests_by_protocol_total{")?;
            let (labels, count) = labels.split_once("} ")?;
            let values: Vec<_> = labels.split('"').skip(1).step_by(2).collect();
            Some((values.join(" "), count.parse().ok()?))
        });
        lines.collect()
    }

    /// The client spoke these and no others, each for more than a greeting.
    pub(crate) fn assert_spoke(&self, expected: &[&str]) {
        let protocols = self.protocols();
        assert!(protocols.keys().map(String::as_str).eq(expected.iter().copied()), "{protocols:?}");
        assert!(protocols.values().all(|requests| *requests >= 5), "{protocols:?}");
    }
}

/// What a program printed, for a test that fails.
pub(crate) struct Shown<'a>(pub(crate) &'a Output);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Output { status, stdout, stderr } = self.0;
        let (stdout, stderr) = (String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
        write!(f, "{status}\n{stdout}\n{stderr}")
    }
}
