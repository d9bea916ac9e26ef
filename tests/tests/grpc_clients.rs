//! The examples of all four languages, and grpcurl, against the real binary, in the clear and over TLS.
//!
//! What each puts, each is pushed, whoever of them put it. `tools/clients` installs what they need.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use millstream_tests::wire::Wire;
use millstream_tests::{Session, Transport, clients};
use serde_json::Value;

const STREAM: &str = "orders";
/// Of each producer.
const LINES: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Python,
    Node,
    Go,
    Java,
}

const LANGUAGES: [Language; 4] = [Language::Python, Language::Node, Language::Go, Language::Java];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

impl Language {
    fn client(self) -> Option<PathBuf> {
        clients::require(match self {
            Self::Python => "grpcpy",
            Self::Node => "grpcjs",
            Self::Go => "grpcgo",
            Self::Java => "grpcjava",
        })
    }

    /// `producer` or `subscriber`.
    fn program(self, session: &Session, installed: &Path, program: &str) -> Command {
        let examples = root().join("examples/grpc");
        let mut command = match self {
            Self::Python => {
                let mut command = session.command(installed.join("venv/bin/python"));
                command.arg(examples.join(format!("python/{program}.py")));
                command.env("PYTHONPATH", installed.join("generated"));
                command
            }
            Self::Node => {
                let mut command = session.command("node".into());
                command.arg(examples.join(format!("node/{program}.js")));
                command.env("NODE_PATH", installed.join("node_modules"));
                command.env("MILLSTREAM_PROTO", root().join("proto/proto"));
                command
            }
            Self::Go => session.command(installed.join(program)),
            Self::Java => {
                let mut command = session.command("java".into());
                let path = [installed.join("classes"), installed.join("lib/*")];
                let class = program[..1].to_uppercase() + &program[1..];
                command.arg("-cp").arg(std::env::join_paths(path).unwrap()).arg(class);
                command
            }
        };
        if session.transport == Transport::Https {
            command.env("MILLSTREAM_CA", session.server.certificate_authority());
        }
        command.arg(address(session)).arg(STREAM).stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
}

/// By a name that is in the server's certificate.
fn address(session: &Session) -> String {
    format!("localhost:{}", session.server.address().port())
}

/// A program that is ended with the test, or by `timeout`, under which it runs.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, which `timeout` passes on. The program may have ended by itself.
        let _ = Command::new("kill").arg(self.child.id().to_string()).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// So many lines of what it prints.
    fn lines(&mut self, count: usize, whose: Language) -> Vec<String> {
        let lines: Vec<_> = self.output.by_ref().lines().take(count).map(Result::unwrap).collect();
        assert_eq!(lines.len(), count, "{whose:?} prints no more");
        lines
    }
}

fn go_through(transport: Transport) {
    let session = Session::with(transport, |options| options);
    Wire::connect(session.server.address()).unwrap().create_stream(STREAM, 1).unwrap();
    let installed: Vec<_> =
        LANGUAGES.into_iter().filter_map(|language| Some((language, language.client()?))).collect();
    let mut subscribers = Vec::new();
    for (language, installed) in &installed {
        let mut command = language.program(&session, installed, "subscriber");
        command.arg(format!("{language:?}"));
        subscribers.push((*language, Running::start(command)));
    }
    let mut expected = Vec::new();
    for (language, installed) in &installed {
        let mut producer = Running::start(language.program(&session, installed, "producer"));
        let sent: Vec<_> =
            (0..LINES).map(|number| format!("key{} {language:?} {number}", number % 7)).collect();
        let mut input = producer.child.stdin.take().unwrap();
        input.write_all((sent.join("\n") + "\n").as_bytes()).unwrap();
        drop(input);
        let stored = producer.lines(LINES, *language);
        assert!(stored.iter().all(|line| line.starts_with("shardId-000000000000 ")), "{language:?}");
        assert!(producer.child.wait().unwrap().success(), "{language:?}");
        expected.extend(sent.iter().map(|line| format!("{} {line}", line.split_once(' ').unwrap().0)));
    }
    for (language, subscriber) in &mut subscribers {
        assert_eq!(subscriber.lines(expected.len(), *language), expected, "{language:?}");
    }
}

#[test]
fn examples_in_the_clear() {
    go_through(Transport::Http);
}

#[test]
fn examples_over_tls() {
    go_through(Transport::Https);
}

fn grpcurl(session: &Session, installed: &Path, arguments: &[&str]) -> String {
    let mut command = session.command(installed.join("tools/grpcurl"));
    match session.transport {
        Transport::Http => command.arg("-plaintext"),
        Transport::Https => command.arg("-cacert").arg(session.server.certificate_authority()),
    };
    let output = command.args(arguments).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn grpcurl_asks_by_reflection() {
    let Some(installed) = clients::require("grpcgo") else { return };
    for transport in [Transport::Http, Transport::Https] {
        let session = Session::with(transport, |options| options);
        Wire::connect(session.server.address()).unwrap().create_stream(STREAM, 1).unwrap();
        let address = address(&session);
        let listed = grpcurl(&session, &installed, &[&address, "list"]);
        assert!(listed.contains("millstream.v1.Records"), "{listed}");
        let put = format!(r#"{{"stream_name": "{STREAM}", "partition_key": "k", "data": "aGVsbG8="}}"#);
        let put = grpcurl(&session, &installed, &["-d", &put, &address, "millstream.v1.Records/PutRecord"]);
        let put: Value = serde_json::from_str(&put).unwrap();
        assert_eq!(put["shardId"], "shardId-000000000000");
    }
}
