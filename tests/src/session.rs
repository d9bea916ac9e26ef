//! A server of its own for one run of one client, and what the client is told about it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::raw::Request;
use crate::{Server, ServerOptions, clients};

/// Below TLS or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Http,
    Https,
}

/// How many requests came in each version of HTTP and each format, such as `2 json`.
pub type Protocols = BTreeMap<String, u64>;

#[derive(Debug)]
pub struct Session {
    pub server: Server,
    pub transport: Transport,
    directory: TempDir,
}

impl Session {
    /// `create_delay_ms` is how long a new stream is in CREATING, for a client's waiter to wait.
    ///
    /// # Panics
    /// When the server does not become ready, or there is no room for its data.
    #[must_use]
    pub fn new(transport: Transport, create_delay_ms: u32) -> Self {
        Self::with(transport, |options| {
            options.argument("--create-delay-ms").argument(create_delay_ms.to_string())
        })
    }

    /// With a server that is started as `options` makes it.
    ///
    /// # Panics
    /// See [`Self::new`].
    #[must_use]
    pub fn with(transport: Transport, options: impl FnOnce(ServerOptions) -> ServerOptions) -> Self {
        let directory = tempfile::tempdir().expect("a directory for data");
        let server = options(ServerOptions::new(directory.path())).start();
        Self { server, transport, directory }
    }

    #[must_use]
    pub fn url(&self) -> String {
        match self.transport {
            Transport::Http => self.server.http(),
            Transport::Https => self.server.https(),
        }
    }

    /// A program that is told where the server is and whom to trust, and works beside its data.
    #[must_use]
    pub fn command(&self, program: PathBuf) -> Command {
        let mut command = clients::command(program, &self.url());
        command.current_dir(self.directory.path());
        if self.transport == Transport::Https {
            let authority = self.server.certificate_authority();
            command.env("AWS_CA_BUNDLE", &authority).env("NODE_EXTRA_CA_CERTS", &authority);
        }
        command
    }

    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// What was spoken so far.
    ///
    /// # Panics
    /// When the server does not say it.
    #[must_use]
    pub fn protocols(&self) -> Protocols {
        let request = Request::bare("GET", "").target("/metrics");
        let metrics = request.send(self.server.admin_address()).expect("the server's metrics").text();
        let lines = metrics.lines().filter_map(|line| {
            let labels = line.strip_prefix("millstream_requests_by_protocol_total{")?;
            let (labels, count) = labels.split_once("} ")?;
            let values: Vec<_> = labels.split('"').skip(1).step_by(2).collect();
            Some((values.join(" "), count.parse().ok()?))
        });
        lines.collect()
    }

    /// The client spoke these and no others, each for more than a greeting.
    ///
    /// # Panics
    /// When it did not.
    pub fn assert_spoke(&self, expected: &[&str]) {
        let protocols = self.protocols();
        assert!(protocols.keys().map(String::as_str).eq(expected.iter().copied()), "{protocols:?}");
        assert!(protocols.values().all(|requests| *requests >= 5), "{protocols:?}");
    }
}

/// What a program printed, for a test that fails.
#[derive(Debug)]
pub struct Shown<'a>(pub &'a Output);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Output { status, stdout, stderr } = self.0;
        let (stdout, stderr) = (String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
        write!(f, "{status}\n{stdout}\n{stderr}")
    }
}
