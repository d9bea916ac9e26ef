//! The programs of examples/grpc against a server in this process. Their packages are what `tools/clients` installs;
//! without MILLSTREAM_CLIENTS they are not run.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::*;

const LINES: usize = 200;

/// A language, by the client that `tools/clients` installs for it.
#[derive(Clone, Copy, Debug)]
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
    const fn client(self) -> &'static str {
        match self {
            Self::Python => "grpcpy",
            Self::Node => "grpcjs",
            Self::Go => "grpcgo",
            Self::Java => "grpcjava",
        }
    }

    /// One of its programs: `producer`, `subscriber` or `group_consumer`.
    fn program(self, installed: &Path, program: &str) -> Command {
        let examples = root().join("examples/grpc");
        match self {
            Self::Python => {
                let mut command = Command::new(installed.join("venv/bin/python"));
                command.arg(examples.join(format!("python/{program}.py")));
                command.env("PYTHONPATH", installed.join("generated"));
                command
            }
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(examples.join(format!("node/{program}.js")));
                command.env("NODE_PATH", installed.join("node_modules"));
                command.env("MILLSTREAM_PROTO", root().join("proto/proto"));
                command
            }
            Self::Go => Command::new(installed.join(program)),
            Self::Java => {
                let mut command = Command::new("java");
                let word = |word: &str| word[..1].to_uppercase() + &word[1..];
                let class: String = program.split('_').map(word).collect();
                let path = [installed.join("classes"), installed.join("lib/*")];
                command.arg("-cp").arg(std::env::join_paths(path).unwrap()).arg(class);
                command
            }
        }
    }
}

fn command(language: Language, installed: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = language.program(installed, program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

async fn lines(child: &mut Child, count: usize) -> Vec<String> {
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = Vec::new();
    while lines.len() < count
        && let Some(line) = soon(output.next_line()).await.unwrap()
    {
        lines.push(line);
    }
    lines
}

#[tokio::test]
async fn every_language_puts_and_is_pushed_what_it_put() {
    let Some(clients) = std::env::var_os("MILLSTREAM_CLIENTS").map(PathBuf::from) else { return };
    for language in LANGUAGES {
        let installed = clients.join(language.client());
        if !installed.join("ready").exists() {
            continue;
        }
        let world = World::new().await;
        let address = world.server.address().to_string();
        let mut subscriber =
            command(language, &installed, "subscriber", &[&address, "orders", "app"]).spawn().unwrap();
        let mut producer = command(language, &installed, "producer", &[&address, "orders"]).spawn().unwrap();
        let sent: Vec<String> = (0..LINES).map(|number| format!("key{} line {number}", number % 7)).collect();
        let mut input = producer.stdin.take().unwrap();
        input.write_all((sent.join("\n") + "\n").as_bytes()).await.unwrap();
        drop(input);
        let stored = lines(&mut producer, LINES).await;
        assert_eq!(stored.len(), LINES, "{language:?}");
        assert!(stored.iter().all(|line| line.starts_with(SHARD)), "{language:?}: {stored:?}");
        assert!(soon(producer.wait()).await.unwrap().success(), "{language:?}");
        let pushed = lines(&mut subscriber, LINES).await;
        let expected: Vec<_> =
            sent.iter().map(|line| format!("{} {line}", line.split_once(' ').unwrap().0)).collect();
        assert_eq!(pushed, expected, "{language:?}");
        soon(subscriber.kill()).await.unwrap();
    }
}

/// Leases are held by the server's clock, which goes while a member is waited for.
#[tokio::test]
async fn every_language_joins_a_group_and_leaves_it() {
    let Some(clients) = std::env::var_os("MILLSTREAM_CLIENTS").map(PathBuf::from) else { return };
    for language in LANGUAGES {
        let installed = clients.join(language.client());
        if !installed.join("ready").exists() {
            continue;
        }
        let mut world = World::new().await;
        let address = world.server.address().to_string();
        for data in [b"one".as_slice(), b"two", b"three"] {
            world.put(data).await;
        }
        let arguments = [address.as_str(), "orders", "billing"];
        for expected in [["one", "two", "three"].as_slice(), &["four"]] {
            let mut member = command(language, &installed, "group_consumer", &arguments).spawn().unwrap();
            let heard = world.while_time_passes(lines(&mut member, expected.len())).await;
            let expected: Vec<_> = expected.iter().map(|data| format!("{SHARD} k {data}")).collect();
            assert_eq!(heard, expected, "{language:?}");
            let id = member.id().unwrap().to_string();
            let told = Command::new("kill").args(["-s", "TERM", &id]).status().await.unwrap();
            assert!(told.success());
            // What was acknowledged before it left does not come again.
            let ended = world.while_time_passes(member.wait()).await.unwrap();
            assert!(ended.success(), "{language:?}: {ended}");
            world.put(b"four").await;
        }
    }
}

/// As short as they are said to be.
#[test]
fn each_program_has_less_than_sixty_lines() {
    let mut folders = vec![root().join("examples/grpc")];
    let mut programs = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["gen", "target", "node_modules"].contains(&name.as_str()) {
                folders.push(path);
            } else if ["py", "js", "go", "java"].iter().any(|end| name.ends_with(&format!(".{end}"))) {
                let lines = std::fs::read_to_string(&path).unwrap().lines().count();
                assert!(lines < 60, "{} has {lines}", path.display());
                programs += 1;
            }
        }
    }
    assert!(programs >= 3 * LANGUAGES.len(), "{programs}");
}
