//! What `millstream lease` shows and does.

use std::process::{Command, Output};

use millstream_lease::LeaseStore;
use millstream_lease::store::Layout;
use millstream_tests::server::binary;
use serde_json::Value;
use tempfile::tempdir;

use crate::scene::{APPLICATION, FIRST, SECOND, STREAM, Scene, store, worker};

/// `millstream lease` on a machine where nothing is configured but the endpoint.
fn lease(scene: &Scene, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("lease").args(arguments).env_clear();
    command.env("AWS_ENDPOINT_URL", scene.server.http()).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn findings(explained: &Value) -> Vec<&str> {
    explained["findings"].as_array().unwrap().iter().map(|told| told["finding"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn leases_are_listed_and_shown() {
    let directory = tempdir().unwrap();
    let scene = Scene::new(directory.path()).await;
    let rows = json(&lease(&scene, &["ls", APPLICATION, "--stream", STREAM, "-o", "json"]));
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0]["leaseOwner"].as_str(), rows[0]["state"].as_str()), (Some(FIRST), Some("owned")));
    assert_eq!(rows[0]["leaseCounter"], 1);
    // It was put before the lease was made, a while ago.
    assert!(rows[0]["millisBehind"].as_u64().unwrap() > 0, "{rows:?}");
    assert_eq!((&rows[1]["leaseOwner"], rows[1]["state"].as_str()), (&Value::Null, Some("unowned")));

    let watched = ["ls", APPLICATION, "--watch-for", "1500ms", "--failover", "1s", "-o", "ndjson"];
    let watched = lease(&scene, &watched);
    let first = String::from_utf8(watched.stdout).unwrap();
    assert!(first.lines().next().unwrap().contains(r#""state":"expired""#), "{first}");

    let table = lease(&scene, &["ls", APPLICATION]);
    assert!(String::from_utf8_lossy(&table.stdout).starts_with("LEASE"), "{}", said(&table));

    let shown = json(&lease(&scene, &["show", APPLICATION, &scene.shards[1], "-o", "json"]));
    assert_eq!(shown["checkpoint"], "TRIM_HORIZON");
    assert_eq!(shown["ownerSwitchesSinceCheckpoint"], 0);
}

#[tokio::test]
async fn it_is_explained_why_nobody_has_a_lease() {
    let directory = tempdir().unwrap();
    let scene = Scene::new(directory.path()).await;
    let arguments = ["explain", APPLICATION, "--stream", STREAM, "--failover", "500ms", "-o", "json"];
    let explained = json(&lease(&scene, &arguments));
    assert_eq!(explained["leader"], FIRST);
    assert_eq!(explained["workers"][SECOND]["isAlive"], true);
    let leases = explained["leases"].as_array().unwrap();
    assert_eq!(leases.len(), 3, "{explained}");
    assert!(leases.iter().all(|lease| lease["isTrouble"] == true), "{explained}");
    assert!(findings(&leases[0]).contains(&"expired") && findings(&leases[0]).contains(&"behind"));
    let unowned = findings(&leases[1]);
    assert!(unowned.contains(&"unowned") && unowned.contains(&"willGoTo"), "{unowned:?}");
    assert_eq!(leases[2]["leaseKey"], scene.shards[2].as_str());
    assert_eq!(findings(&leases[2]), ["neverSynced"]);

    let one = lease(&scene, &["explain", APPLICATION, &scene.shards[1], "--failover", "500ms"]);
    let words = String::from_utf8_lossy(&one.stdout).into_owned();
    assert!(words.contains("it has no owner") && words.contains("the leader should give it to"), "{words}");
}

#[tokio::test]
async fn leases_are_moved_and_released() {
    let directory = tempdir().unwrap();
    let scene = Scene::new(directory.path()).await;
    let shard = scene.shards[0].as_str();
    let unknown = lease(&scene, &["steal", APPLICATION, shard, "--to", "wroker-2"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("no worker wroker-2 reports"), "{}", said(&unknown));

    let graceful =
        json(&lease(&scene, &["steal", APPLICATION, shard, "--to", SECOND, "--graceful", "-o", "json"]));
    assert_eq!(
        (graceful["state"].as_str(), graceful["checkpointOwner"].as_str()),
        (Some("inHandoff"), Some(FIRST))
    );
    let again = lease(&scene, &["steal", APPLICATION, shard, "--to", FIRST, "--graceful"]);
    assert!(said(&again).contains("is being handed over from worker-1 to worker-2"), "{}", said(&again));

    json(&lease(&scene, &["steal", APPLICATION, shard, "--to", SECOND, "-o", "json"]));
    let stolen = scene.lease(0).await;
    assert_eq!(
        (stolen.owner.clone(), stolen.checkpoint_owner, stolen.counter),
        (Some(worker(SECOND)), None, 2)
    );

    json(&lease(&scene, &["release", APPLICATION, shard, "-o", "json"]));
    assert_eq!(scene.lease(0).await.owner, None);
    let nobody = lease(&scene, &["release", APPLICATION, shard]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(said(&nobody).contains("has no owner already"), "{}", said(&nobody));
    assert!(scene.store.keys_of(&worker(SECOND)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_table_with_another_key_is_none_of_leases() {
    let directory = tempdir().unwrap();
    let scene = Scene::new(directory.path()).await;
    // One of its three tables is that of the workers' reports.
    store(&scene.server.http(), Layout::three("older")).prepare().await.unwrap();
    let reports = "older-WorkerMetricStats";
    for arguments in [&["show", reports, "a"][..], &["explain", reports]] {
        let output = lease(&scene, arguments);
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains("is no table of leases"), "{}", said(&output));
    }
}

#[tokio::test]
async fn what_is_not_there_is_code_4() {
    let directory = tempdir().unwrap();
    let scene = Scene::new(directory.path()).await;
    for arguments in [
        &["ls", "nowhere"][..],
        &["show", APPLICATION, "shardId-000000000099"],
        &["explain", "nowhere"],
        &["ls", APPLICATION, "--stream", "nowhere"],
        &["explain", APPLICATION, "--stream", "nowhere"],
    ] {
        let output = lease(&scene, arguments);
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {}", said(&output));
    }
}

/// The table may be elsewhere than the stream: its own option goes before its own variable, and that before the one
/// for all services.
#[tokio::test]
async fn the_table_has_an_endpoint_of_its_own() {
    let directory = tempdir().unwrap();
    let scene = Scene::new(directory.path()).await;
    let (here, nowhere) = (scene.server.http(), "http://127.0.0.1:9");
    let run = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = Command::new(binary());
        command.args(["lease", "show", APPLICATION, &scene.shards[0]]).args(arguments);
        command.env_clear().envs(environment.iter().copied()).output().unwrap()
    };
    let variables = [("AWS_ENDPOINT_URL", nowhere), ("AWS_ENDPOINT_URL_DYNAMODB", here.as_str())];
    let by_variable = run(&[], &variables);
    assert!(by_variable.status.success(), "{}", said(&by_variable));
    let by_option = run(&["--dynamodb-endpoint", &here, "--endpoint-url", nowhere], &[]);
    assert!(by_option.status.success(), "{}", said(&by_option));
    let unreachable = run(&["--endpoint-url", nowhere], &variables);
    assert_eq!(unreachable.status.code(), Some(3), "{}", said(&unreachable));
    assert!(said(&unreachable).contains(nowhere), "{}", said(&unreachable));
}
