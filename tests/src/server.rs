//! The binary `millstream serve` as a child process that can be killed, stopped and started again.
//!
//! A server is ready when `start` returns, and killed when it is dropped. What it logs is kept in a file
//! beside its data and shown when a start fails.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use millstream_runtime::SystemClock;

/// A start that takes longer than this has failed; the promise under test is far below.
const START_LIMIT: Duration = Duration::from_secs(30);
/// SIGTERM must end the server within 5 s; a bit more, so that the test sees a late end and not its own.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Somebody else's connection may have been given the port of a server that is away; it lets go of it soon.
const PORT_LIMIT: Duration = Duration::from_secs(5);
const PORT_POLL: Duration = Duration::from_millis(50);
/// The promise: a server on whatever a crash left is ready within this.
const START_PROMISE: Duration = Duration::from_secs(5);
/// One start in a hundred may take this long: the promise is of a machine that is the server's own, and a test's
/// machine stands still now and then.
const SLOW_START_LIMIT: Duration = Duration::from_secs(15);
const SLOW_ONCE_IN: u64 = 100;
const POLL: Duration = Duration::from_millis(2);

/// The binary under test: beside the running test, unless `MILLSTREAM_BINARY` names another.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("MILLSTREAM_BINARY") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let path = test.ancestors().nth(2).expect("target/profile/deps/test").join("millstream");
    assert!(path.exists(), "{} is not there: cargo build -p millstream-cli", path.display());
    path
}

/// How to start a server. Everything that is not set is the binary's default, but for the ports.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    data_dir: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    listen: SocketAddr,
    admin: SocketAddr,
}

impl ServerOptions {
    /// `data_dir` also holds the log, so that a failed test leaves both.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let data_dir = data_dir.to_owned();
        Self { data_dir, arguments: Vec::new(), environment: Vec::new(), listen: any, admin: any }
    }

    /// At these addresses, for whoever must reach the server before it says where it is.
    #[must_use]
    pub fn listening_at(self, listen: SocketAddr, admin: SocketAddr) -> Self {
        Self { listen, admin, ..self }
    }

    /// Without throttles.
    #[must_use]
    pub fn without_limits(self) -> Self {
        self.argument("--limits").argument("off")
    }

    /// Tables are in each passing state for a moment, so that a client sees it.
    #[must_use]
    pub fn with_passing_states(self) -> Self {
        let options = ["--table-create-delay-ms", "--table-update-delay-ms", "--table-delete-delay-ms"];
        options.into_iter().fold(self, |options, option| options.argument(option).argument("100"))
    }

    /// With a configuration file, beside the data.
    ///
    /// # Panics
    /// When the file cannot be written.
    #[must_use]
    pub fn config(self, toml: &str) -> Self {
        let file = self.data_dir.join("millstream.toml");
        fs::create_dir_all(&self.data_dir).expect("a directory for data");
        fs::write(&file, toml).expect("a configuration file");
        self.argument("--config").argument(file)
    }

    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    #[must_use]
    pub fn environment(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// With its log, when it ends or takes too long before it is ready.
    pub fn try_start(&self) -> Result<Server, StartFailure> {
        let mut server = self.spawn();
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Starts the server and does not wait; it has no addresses yet.
    ///
    /// # Panics
    /// When there is no binary, or no place for the log.
    #[must_use]
    pub fn spawn(&self) -> Server {
        fs::create_dir_all(&self.data_dir).expect("a directory for data");
        let log_path = self.data_dir.join("server.log");
        let log = File::options().create(true).append(true).open(&log_path).expect("a log file");
        let log_start = log.metadata().expect("a log file").len();
        let mut command = Command::new(binary());
        // They are for tests, and the server warns of what it does not know.
        for name in ["BINARY", "CLIENTS", "CYCLES", "RESULTS", "SEED"] {
            command.env_remove(format!("MILLSTREAM_{name}"));
        }
        let child = command
            .arg("serve")
            .arg("--listen")
            .arg(self.listen.to_string())
            .arg("--admin-listen")
            .arg(self.admin.to_string())
            .arg("--data-dir")
            .arg(self.data_dir.join("data"))
            .args(["--log-format", "json"])
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let (address, admin) = (self.listen, self.admin);
        Server { child, log_path, log_start, address, admin, options: self.clone() }
    }

    /// Like [`Self::try_start`].
    ///
    /// # Panics
    /// With the log when the server does not become ready.
    #[must_use]
    pub fn start(&self) -> Server {
        self.try_start().unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Like [`Self::start`], and in time.
    ///
    /// # Panics
    /// When it takes too long, or longer than promised too often.
    #[must_use]
    pub fn start_timed(&self, starts: &mut Starts) -> Server {
        let clock = SystemClock::shared();
        let began = clock.monotonic();
        let server = self.start();
        starts.note(clock.monotonic().saturating_sub(began));
        server
    }
}

/// How long starts took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Starts {
    pub count: u64,
    /// Those that took longer than the promise.
    pub slow: u64,
    pub slowest: Duration,
}

impl Starts {
    fn note(&mut self, took: Duration) {
        self.count += 1;
        self.slow += u64::from(took >= START_PROMISE);
        self.slowest = self.slowest.max(took);
        assert!(took < SLOW_START_LIMIT, "the start took {took:?}");
        assert!(self.slow <= self.count.div_ceil(SLOW_ONCE_IN), "the start took {took:?}: {self:?}");
    }
}

/// A server that did not become ready.
#[derive(Debug)]
pub struct StartFailure {
    /// `None` when it was still running and had to be killed.
    pub status: Option<ExitStatus>,
    pub log: String,
}

impl std::fmt::Display for StartFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(status) => write!(f, "the server ended with {status}:\n{}", self.log),
            None => write!(f, "the server was not ready within {START_LIMIT:?}:\n{}", self.log),
        }
    }
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log_path: PathBuf,
    /// Where this run's lines begin in the log.
    log_start: u64,
    address: SocketAddr,
    admin: SocketAddr,
    options: ServerOptions,
}

impl Server {
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The name `localhost` is in the certificate that the server makes for itself.
    #[must_use]
    pub fn https(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The certificate authority that clients are told to trust.
    #[must_use]
    pub fn certificate_authority(&self) -> PathBuf {
        self.data_dir().join("tls").join("ca.pem")
    }

    /// Where the server keeps its data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.options.data_dir.join("data")
    }

    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// What this run has logged so far: one JSON object a line.
    #[must_use]
    pub fn log(&self) -> String {
        let mut text = String::new();
        let mut file = File::open(&self.log_path).expect("the server's log");
        file.seek(io::SeekFrom::Start(self.log_start)).expect("the server's log");
        file.read_to_string(&mut text).expect("the server's log is text");
        text
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub fn kill(&mut self) {
        // It may have ended by itself, which is what whoever kills it wanted.
        let _ = self.child.kill();
        self.child.wait().expect("a child can be waited for");
    }

    /// SIGTERM, and how the server ends.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait(STOP_LIMIT).expect("the server ends after SIGTERM")
    }

    /// Sends it a signal, such as `HUP`.
    ///
    /// # Panics
    /// When there is nobody to send it to.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill");
        assert!(sent.success());
    }

    /// Waits for an end that was not asked for.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let clock = SystemClock::shared();
        let end = clock.monotonic() + limit;
        loop {
            let status = self.child.try_wait().expect("a child can be waited for");
            if status.is_some() || clock.monotonic() >= end {
                return status;
            }
            pause();
        }
    }

    /// Starts again on the same ports and the same data, after [`Self::kill`] or [`Self::terminate`].
    ///
    /// # Errors
    /// As [`ServerOptions::try_start`].
    pub fn try_restart(&mut self) -> Result<(), StartFailure> {
        let options = ServerOptions { listen: self.address, admin: self.admin, ..self.options.clone() };
        self.kill();
        let clock = SystemClock::shared();
        let end = clock.monotonic() + PORT_LIMIT;
        loop {
            match options.try_start() {
                Ok(server) => *self = server,
                Err(failure) if failure.log.contains("cannot listen") && clock.monotonic() < end => {
                    pause_for(PORT_POLL);
                    continue;
                }
                Err(failure) => return Err(failure),
            }
            return Ok(());
        }
    }

    /// Like [`Self::try_restart`].
    ///
    /// # Panics
    /// With the log when the server does not become ready.
    pub fn restart(&mut self) {
        self.try_restart().unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// Waits until a server that was spawned answers.
    ///
    /// # Errors
    /// With its log, when it ends or takes too long before it is ready.
    pub fn wait_until_ready(&mut self) -> Result<(), StartFailure> {
        let clock = SystemClock::shared();
        let end = clock.monotonic() + START_LIMIT;
        loop {
            if let Some((address, admin)) = self.addresses_in_log() {
                (self.address, self.admin) = (address, admin);
                return Ok(());
            }
            let status = self.child.try_wait().expect("a child can be waited for");
            if status.is_some() || clock.monotonic() >= end {
                self.kill();
                return Err(StartFailure { status, log: self.log() });
            }
            pause();
        }
    }

    /// Both addresses, from the line that says that the server is ready.
    fn addresses_in_log(&self) -> Option<(SocketAddr, SocketAddr)> {
        let log = self.log();
        let line = BufReader::new(log.as_bytes())
            .lines()
            .map_while(Result::ok)
            .find(|line| line.contains("\"message\":\"ready\"") && line.ends_with('}'))?;
        let fields: serde_json::Value = serde_json::from_str(&line).ok()?;
        Some((fields["address"].as_str()?.parse().ok()?, fields["admin"].as_str()?.parse().ok()?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits a little before another look at another process.
pub fn pause() {
    pause_for(POLL);
}

/// The one place where a test waits without being told: for the moment at which it breaks something.
#[allow(clippy::disallowed_methods)]
pub fn pause_for(time: Duration) {
    std::thread::sleep(time);
}
