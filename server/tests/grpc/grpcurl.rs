//! grpcurl, which knows nothing of the files and asks the server what there is. `tools/clients` installs it with the
//! client `grpcgo`; without MILLSTREAM_CLIENTS it is not run.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value as Json;
use tokio::process::Command;

use super::*;

fn grpcurl() -> Option<PathBuf> {
    let installed = PathBuf::from(std::env::var_os("MILLSTREAM_CLIENTS")?).join("grpcgo");
    installed.join("ready").exists().then(|| installed.join("tools/grpcurl"))
}

/// What it prints, and whether it says that all went well.
async fn ask(program: &PathBuf, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(program);
    command.arg("-plaintext").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = soon(command.output()).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn services_are_listed_and_described() {
    let Some(program) = grpcurl() else { return };
    let world = World::new().await;
    let address = world.server.address().to_string();
    let (is_well, listed) = ask(&program, &[&address, "list"]).await;
    assert!(is_well, "{listed}");
    let services: Vec<_> = listed.lines().collect();
    for service in ["millstream.v1.Records", "millstream.v1.Streams", "millstream.v1.Tables"] {
        assert!(services.contains(&service), "{listed}");
    }
    assert!(!services.contains(&"millstream.v1.Admin"), "{listed}");
    let (is_well, calls) = ask(&program, &[&address, "list", "millstream.v1.Records"]).await;
    assert!(is_well && calls.contains("millstream.v1.Records.PutStream"), "{calls}");
    let (is_well, described) = ask(&program, &[&address, "describe", "millstream.v1.PutRecordRequest"]).await;
    assert!(is_well && described.contains("optional string partition_key = 3;"), "{described}");

    let admin = world.server.admin_address().to_string();
    let (is_well, listed) = ask(&program, &[&admin, "list"]).await;
    assert!(is_well && listed.contains("millstream.v1.Admin"), "{listed}");
    assert!(!listed.contains("millstream.v1.Records"), "{listed}");
}

#[tokio::test]
async fn calls_are_made_by_reflection() {
    let Some(program) = grpcurl() else { return };
    let world = World::new().await;
    let address = world.server.address().to_string();
    let put = r#"{"stream_name": "orders", "partition_key": "k", "data": "aGVsbG8="}"#;
    let (is_well, put) = ask(&program, &["-d", put, &address, "millstream.v1.Records/PutRecord"]).await;
    assert!(is_well, "{put}");
    let put: Json = serde_json::from_str(&put).unwrap();
    assert_eq!(put["shardId"], SHARD);

    let missing = r#"{"stream_name": "missing"}"#;
    let arguments = ["-d", missing, &address, "millstream.v1.Streams/DescribeStreamSummary"];
    let (is_well, said) = ask(&program, &arguments).await;
    assert!(!is_well, "{said}");
    for part in [
        "Code: NotFound",
        "Message: Stream missing under account 000000000000 not found.",
        "google.rpc.ErrorInfo",
        r#""reason":"ResourceNotFoundException""#,
        r#""domain":"millstream""#,
    ] {
        assert!(said.replace(": \"", ":\"").contains(part) || said.contains(part), "{part}: {said}");
    }
}
