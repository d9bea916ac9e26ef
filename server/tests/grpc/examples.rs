//! The programs of examples/grpc against a server in this process. Their packages are what `tools/clients` installs;
//! without MILLSTREAM_CLIENTS they are not run.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::*;

const LINES: usize = 200;

struct Language {
    name: &'static str,
    folder: &'static str,
    extension: &'static str,
    /// The program that runs others, within the folder that the packages are in or on the path.
    runner: &'static str,
}

const LANGUAGES: [Language; 2] = [
    Language { name: "grpcpy", folder: "python", extension: "py", runner: "venv/bin/python" },
    Language { name: "grpcjs", folder: "node", extension: "js", runner: "node" },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn command(language: &Language, installed: &Path, program: &str, arguments: &[&str]) -> Command {
    let runner = installed.join(language.runner);
    let mut command = Command::new(if runner.exists() { runner } else { language.runner.into() });
    let script = format!("examples/grpc/{}/{program}.{}", language.folder, language.extension);
    command
        .arg(root().join(script))
        .args(arguments)
        .env("PYTHONPATH", installed.join("generated"))
        .env("NODE_PATH", installed.join("node_modules"))
        .env("MILLSTREAM_PROTO", root().join("proto/proto"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
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
        let installed = clients.join(language.name);
        if !installed.join("ready").exists() {
            continue;
        }
        let world = World::new().await;
        let address = world.server.address().to_string();
        let mut subscriber =
            command(&language, &installed, "subscriber", &[&address, "orders", "app"]).spawn().unwrap();
        let mut producer = command(&language, &installed, "producer", &[&address, "orders"]).spawn().unwrap();
        let sent: Vec<String> = (0..LINES).map(|number| format!("key{} line {number}", number % 7)).collect();
        let mut input = producer.stdin.take().unwrap();
        input.write_all((sent.join("\n") + "\n").as_bytes()).await.unwrap();
        drop(input);
        let stored = lines(&mut producer, LINES).await;
        assert_eq!(stored.len(), LINES, "{}", language.name);
        assert!(stored.iter().all(|line| line.starts_with(SHARD)), "{}: {stored:?}", language.name);
        assert!(soon(producer.wait()).await.unwrap().success(), "{}", language.name);
        let pushed = lines(&mut subscriber, LINES).await;
        let expected: Vec<_> =
            sent.iter().map(|line| format!("{} {line}", line.split_once(' ').unwrap().0)).collect();
        assert_eq!(pushed, expected, "{}", language.name);
        soon(subscriber.kill()).await.unwrap();
    }
}

/// Leases are held by the server's clock, which goes while a member is waited for.
#[tokio::test]
async fn every_language_joins_a_group_and_leaves_it() {
    let Some(clients) = std::env::var_os("MILLSTREAM_CLIENTS").map(PathBuf::from) else { return };
    for language in LANGUAGES {
        let installed = clients.join(language.name);
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
            let mut member = command(&language, &installed, "group_consumer", &arguments).spawn().unwrap();
            let heard = world.while_time_passes(lines(&mut member, expected.len())).await;
            let expected: Vec<_> = expected.iter().map(|data| format!("{SHARD} k {data}")).collect();
            assert_eq!(heard, expected, "{}", language.name);
            let id = member.id().unwrap().to_string();
            let told = Command::new("kill").args(["-s", "TERM", &id]).status().await.unwrap();
            assert!(told.success());
            // What was acknowledged before it left does not come again.
            let ended = world.while_time_passes(member.wait()).await.unwrap();
            assert!(ended.success(), "{}: {ended}", language.name);
            world.put(b"four").await;
        }
    }
}
