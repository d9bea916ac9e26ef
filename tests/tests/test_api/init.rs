//! What is there from the start: streams, and what scripts have made.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use millstream_runtime::SystemClock;
use millstream_tests::ServerOptions;
use millstream_tests::admin::Admin;
use millstream_tests::server::pause;
use serde_json::json;
use tempfile::tempdir;

use super::{Host, Storage, code};

/// An address that was free a moment ago, for a server that must be reached before it is ready.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn script(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

#[test]
fn initial_streams_are_made_once_and_again_after_a_reset() {
    let directory = tempdir().unwrap();
    let options = Storage::Disk.options(directory.path());
    let options = options.environment("INITIALIZE_STREAMS", "a:1, b::us-west-2,c");
    let mut host = Host { server: options.start(), directory };
    assert_eq!(host.streams(), ["a", "c"]);
    assert_eq!(host.wire().shards("c").unwrap().len(), 4);
    host.put("a", 0..2);
    host.server.restart();
    assert_eq!(host.records("a"), ["r0", "r1"]);
    host.wire().create_stream("mine", 1).unwrap();
    host.admin().post("/admin/reset", &json!(null));
    assert_eq!(host.streams(), ["a", "c"]);
    assert!(host.records("a").is_empty());
}

#[test]
fn initial_streams_wait_for_none_of_each_other() {
    let directory = tempdir().unwrap();
    let names: Vec<_> = (0..20).map(|number| format!("s{number:02}")).collect();
    // With AWS's limits only five streams are CREATING at once, and only so many a second are made.
    let options = ServerOptions::new(directory.path()).argument("--create-delay-ms").argument("60000");
    let options = options.environment("INITIALIZE_STREAMS", names.join(":1,") + ":1");
    let host = Host { server: options.start(), directory };
    assert_eq!(host.streams(), names);
    host.put("s19", 0..2);
    assert_eq!(host.records("s19"), ["r0", "r1"]);
}

#[test]
fn a_list_of_streams_that_cannot_be_read_stops_the_start() {
    let directory = tempdir().unwrap();
    let options = Storage::Memory.options(directory.path()).environment("INITIALIZE_STREAMS", "a:1,b:many");
    let failure = options.try_start().unwrap_err();
    assert_eq!(failure.status.and_then(|status| status.code()), Some(2));
    assert!(
        failure.log.contains("initialize_streams: \"b:many\" is not name:shards:region"),
        "{}",
        failure.log
    );
    let options =
        Storage::Memory.options(directory.path()).argument("--init-dir").argument("/no/such/folder");
    let failure = options.try_start().unwrap_err();
    assert!(failure.log.contains("init_dir: /no/such/folder"), "{}", failure.log);
}

#[test]
fn scripts_run_in_order_before_the_server_is_ready() {
    let directory = tempdir().unwrap();
    let folder = directory.path().join("ready.d");
    let go = directory.path().join("go");
    let call = |operation: &str, body: &str| {
        format!(
            "import os, urllib.request\n\
             print('calling', os.environ['AWS_REGION'])\n\
             headers = {{'x-amz-target': 'Kinesis_20131202.{operation}', 'content-type': 'application/x-amz-json-1.1',\n\
             'x-amz-date': '20260102T030405Z', 'authorization': 'AWS4-HMAC-SHA256 Credential=' + \
             os.environ['AWS_ACCESS_KEY_ID'] + '/20260102/us-east-1/kinesis/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=0'}}\n\
             urllib.request.urlopen(urllib.request.Request(os.environ['AWS_ENDPOINT_URL'], b'{body}', headers))\n"
        )
    };
    script(&folder, "1-wait.sh", &format!("while [ ! -e {} ]; do sleep 0.01; done", go.display()));
    script(&folder, "2-stream.py", &call("CreateStream", r#"{"StreamName": "made", "ShardCount": 1}"#));
    script(&folder, "3-fails.sh", "echo oh no >&2; exit 7");
    script(&folder, "4-last.sh", "echo last");
    let (listen, admin) = (free_address(), free_address());
    let options = Storage::Memory.options(directory.path()).argument("--init-dir").argument(&folder);
    let options = options.listening_at(listen, admin);
    let mut server = options.spawn();

    let live = || millstream_tests::raw::Request::bare("GET", "").target("/health/live").send(admin);
    while live().is_err() {
        pause();
    }
    let (status, _) = Admin(admin).refusal("GET", "/health/ready", "");
    assert_eq!(status, 503);
    let reason = Admin(admin).send("GET", "/health/ready", "").text();
    assert!(reason.contains("1-wait.sh"), "{reason}");
    let mut shown = Admin(admin).get("/admin/init");
    // The server may answer before the first one has begun.
    while shown["scripts"][0]["state"] == "pending" {
        pause();
        shown = Admin(admin).get("/admin/init");
    }
    assert_eq!((&shown["finished"], &shown["scripts"][0]["state"]), (&json!(false), &json!("running")));
    assert_eq!(shown["scripts"][3], json!({ "name": "4-last.sh", "state": "pending" }));
    // Requests are answered all the same.
    let mut wire = millstream_tests::wire::Wire::connect(listen).unwrap();
    assert_eq!(code(wire.put_record("made", "k", b"data")), "ResourceNotFoundException");

    fs::write(&go, "").unwrap();
    server.wait_until_ready().unwrap();
    let host = Host { server, directory };
    assert_eq!(host.admin().send("GET", "/health/ready", "").status, 200);
    assert_eq!(host.streams(), ["made"]);
    let shown = host.admin().get("/admin/init");
    let states: Vec<_> = shown["scripts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|script| (script["state"].as_str().unwrap(), script["exit_code"].as_i64().unwrap()))
        .collect();
    assert_eq!(states, [("succeeded", 0), ("succeeded", 0), ("failed", 7), ("succeeded", 0)]);
    let log = host.server.log();
    for said in ["oh no", "last", "calling us-east-1", "exit code 7"] {
        assert!(log.contains(said), "{said} is not in\n{log}");
    }
}

#[test]
fn scripts_are_led_to_no_other_server() {
    let directory = tempdir().unwrap();
    let folder = directory.path().join("ready.d");
    script(&folder, "1.sh", "echo \"[$AWS_ENDPOINT_URL_KINESIS] [$AWS_PROFILE$AWS_SESSION_TOKEN]\"");
    let mut options = Storage::Memory.options(directory.path()).argument("--init-dir").argument(&folder);
    for name in ["AWS_ENDPOINT_URL_KINESIS", "AWS_PROFILE", "AWS_SESSION_TOKEN"] {
        options = options.environment(name, "https://elsewhere");
    }
    let server = options.start();
    let (said, log) = (format!("[{}] []", server.http()), || server.log());
    // What it says may come a moment after its end.
    let clock = SystemClock::shared();
    let end = clock.monotonic() + Duration::from_secs(10);
    while !log().contains(&said) {
        assert!(clock.monotonic() < end, "{said} is not in\n{}", log());
        pause();
    }
}

#[test]
fn a_stop_does_not_wait_for_a_script() {
    let directory = tempdir().unwrap();
    let folder = directory.path().join("ready.d");
    script(&folder, "1.sh", "trap '' TERM; echo begun; sleep 1000 & wait; wait");
    let options = Storage::Disk.options(directory.path()).argument("--init-dir").argument(&folder);
    let mut server = options.spawn();
    while !server.log().contains("begun") {
        pause();
    }
    assert!(server.terminate().success());
    assert!(server.log().contains("an init script was ended"), "{}", server.log());
}
