//! The AWS CLI, as somebody at a shell uses it.
//!
//! It is version 1, which is what PyPI has: data are given as they are, or as files with `fileb://`, and a
//! service's error ends it with 255.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use millstream_tests::clients;
use serde_json::{Value, json};

use millstream_tests::session::{Session, Shown, Transport};

const SHARD: &str = "shardId-000000000000";

struct Shell {
    session: Session,
    aws: PathBuf,
}

impl Shell {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.session.command(self.aws.clone());
        command.args(["--output", "json", "kinesis"]).args(arguments).output().unwrap()
    }

    /// What a command that must succeed prints.
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "aws kinesis {arguments:?}: {}", Shown(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments)).unwrap()
    }

    fn refused(&self, arguments: &[&str], text: &str) {
        let output = self.run(arguments);
        let shown = Shown(&output).to_string();
        assert_eq!(output.status.code(), Some(255), "{shown}");
        assert!(shown.contains(text), "{text} is not in {shown}");
    }

    /// Everything in the only shard.
    fn records(&self, iterator_type: &[&str]) -> Value {
        let ask =
            ["get-shard-iterator", "--stream-name", "orders", "--shard-id", SHARD, "--shard-iterator-type"];
        let query = ["--query", "ShardIterator", "--output", "text"];
        let iterator = self.text(&[&ask[..], iterator_type, &query[..]].concat());
        self.json(&["get-records", "--shard-iterator", iterator.trim()])
    }
}

fn shell(transport: Transport) -> Option<Shell> {
    let aws = clients::require("python")?.join("venv/bin/aws");
    let shell = Shell { session: Session::new(transport, 0), aws };
    assert_eq!(shell.text(&["create-stream", "--stream-name", "orders", "--shard-count", "1"]), "");
    shell.text(&["wait", "stream-exists", "--stream-name", "orders"]);
    Some(shell)
}

fn records_file(directory: &Path) -> String {
    let records = json!([
        { "Data": "first", "PartitionKey": "a" },
        { "Data": "second", "PartitionKey": "b", "ExplicitHashKey": "0" },
    ]);
    let file = directory.join("records.json");
    fs::write(&file, records.to_string()).unwrap();
    format!("file://{}", file.display())
}

#[test]
fn awscli_over_http() {
    let Some(shell) = shell(Transport::Http) else { return };
    let directory = shell.session.directory();
    fs::write(directory.join("binary"), [0xff, 0x00, 0x80]).unwrap();
    let data = format!("fileb://{}", directory.join("binary").display());
    let put = shell.json(&["put-record", "--stream-name", "orders", "--partition-key", "k", "--data", &data]);
    assert_eq!(put["ShardId"], SHARD);
    let file = records_file(&directory);
    let puts = shell.json(&["put-records", "--stream-name", "orders", "--records", &file]);
    assert_eq!(puts["FailedRecordCount"], 0);

    let page = shell.records(&["TRIM_HORIZON"]);
    let records = page["Records"].as_array().unwrap();
    let shown: Vec<_> = records.iter().map(|r| (r["PartitionKey"].as_str(), r["Data"].as_str())).collect();
    // The AWS CLI shows data in base64.
    let expected = [("k", "/wCA"), ("a", "Zmlyc3Q="), ("b", "c2Vjb25k")].map(|(k, d)| (Some(k), Some(d)));
    assert_eq!(shown, expected);
    assert_eq!(records[0]["SequenceNumber"], put["SequenceNumber"]);
    assert_eq!(page["MillisBehindLatest"], 0);
    let after =
        ["AFTER_SEQUENCE_NUMBER", "--starting-sequence-number", put["SequenceNumber"].as_str().unwrap()];
    assert_eq!(shell.records(&after)["Records"].as_array().unwrap().len(), 2);

    let described = shell.json(&["describe-stream-summary", "--stream-name", "orders"]);
    assert_eq!(described["StreamDescriptionSummary"]["StreamStatus"], "ACTIVE");
    assert_eq!(shell.json(&["list-streams"])["StreamNames"], json!(["orders"]));
    assert_eq!(
        shell.text(&[
            "list-shards",
            "--stream-name",
            "orders",
            "--query",
            "Shards[].ShardId",
            "--output",
            "text"
        ]),
        format!("{SHARD}\n")
    );
    shell.text(&["add-tags-to-stream", "--stream-name", "orders", "--tags", "team=orders,stage=test"]);
    assert_eq!(
        shell.json(&["list-tags-for-stream", "--stream-name", "orders"])["Tags"],
        json!([{ "Key": "stage", "Value": "test" }, { "Key": "team", "Value": "orders" }])
    );

    shell.refused(
        &["create-stream", "--stream-name", "orders", "--shard-count", "1"],
        "An error occurred (ResourceInUseException) when calling the CreateStream operation: \
         Stream orders under account 000000000000 already exists.",
    );
    shell.text(&["delete-stream", "--stream-name", "orders"]);
    shell.text(&["wait", "stream-not-exists", "--stream-name", "orders"]);
    shell.refused(
        &["describe-stream", "--stream-name", "orders"],
        "An error occurred (ResourceNotFoundException) when calling the DescribeStream operation: \
         Stream orders under account 000000000000 not found.",
    );
    shell.session.assert_spoke(&["1.1 json"]);
}

#[test]
fn awscli_over_tls() {
    let Some(shell) = shell(Transport::Https) else { return };
    let put = ["put-record", "--stream-name", "orders", "--partition-key", "k", "--data", "hello, world"];
    let put = shell.json(&put);
    let records = shell.records(&["TRIM_HORIZON"])["Records"].take();
    assert_eq!(records[0]["SequenceNumber"], put["SequenceNumber"]);
    assert_eq!(records[0]["Data"], "aGVsbG8sIHdvcmxk");
    shell.refused(&["describe-stream", "--stream-name", "nothing"], "(ResourceNotFoundException)");
    shell.session.assert_spoke(&["1.1 json"]);
}
