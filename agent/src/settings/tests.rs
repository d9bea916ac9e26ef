use millstream_client::aws::{CredentialsFrom, Keys};

use super::*;

fn read(text: &str) -> Result<Understood> {
    understand(Path::new("agent.conf"), text)
}

fn faults(text: &str) -> Vec<String> {
    match read(text) {
        Err(Error::Settings(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

/// The example that the Kinesis Agent is shipped with, and what its documentation names.
const KINESIS_AGENT: &str = r#"{
    "cloudwatch.emitMetrics": true,
    "kinesis.endpoint": "kinesis.eu-west-1.amazonaws.com",
    "awsAccessKeyId": "id",
    "awsSecretAccessKey": "secret",
    "checkpointFile": "/tmp/c",
    "maxBufferAge": 5,
    "flows": [
        {
            "filePattern": "/tmp/app.log*",
            "kinesisStream": "orders",
            "partitionKeyOption": "DETERMINISTIC",
            "initialPosition": "START_OF_FILE",
            "multiLineStartPattern": "\\d+",
            "skipHeaderLines": 2,
            "maxBufferAgeMillis": "5000",
            "maxBufferSizeBytes": 1000000,
            "maxBufferSizeRecords": 100,
            "minTimeBetweenFilePollsMillis": 50,
            "truncatedRecordTerminator": "...",
            "retryMaxBackoffMillis": 10,
            "dataProcessingOptions": [
                {"optionName": "SINGLELINE"},
                {"optionName": "CSVTOJSON", "customFieldNames": ["a", "b"], "delimiter": "\\|"},
                {"optionName": "LOGTOJSON", "logFormat": "RFC3339SYSLOG", "jsonFormat": "PRETTYPRINT"}
            ]
        }
    ]
}"#;

#[test]
fn a_file_of_the_kinesis_agent_means_the_same() {
    let Understood { settings, notices, warnings } = read(KINESIS_AGENT).unwrap();
    assert_eq!(settings.kinesis.endpoint_url.as_deref(), Some("https://kinesis.eu-west-1.amazonaws.com"));
    assert_eq!(settings.kinesis.region.as_deref(), Some("eu-west-1"));
    let keys = Keys { id: "id".to_owned(), secret: "secret".to_owned(), session_token: None };
    assert_eq!(settings.kinesis.credentials, CredentialsFrom::Keys(keys));
    assert_eq!(settings.checkpoint_file, PathBuf::from("/tmp/c"));
    let flow = &settings.flows[0];
    assert_eq!(flow.name, "kinesis:orders:/tmp/app.log*");
    assert_eq!(flow.partition_key, PartitionKey::Deterministic);
    assert_eq!((flow.initial_position, flow.skip_header_lines), (InitialPosition::Start, 2));
    assert_eq!(flow.multi_line_start, Some(StartPattern::new("\\d+").unwrap()));
    assert_eq!(flow.buffer_age, Duration::from_secs(5));
    assert_eq!((flow.buffer_bytes, flow.buffer_records), (1_000_000, 100));
    assert_eq!(flow.poll_interval, Duration::from_millis(50));
    assert_eq!(flow.on_too_large, OnTooLarge::Truncate { terminator: b"...".to_vec() });
    assert_eq!((flow.keep_newline, flow.aggregate), (true, false));
    assert_eq!(flow.on_unconvertible, OnUnconvertible::Skip);
    assert_eq!(flow.conversions.len(), 3);
    assert_eq!(warnings, ["maxBufferAge is not known, and ignored"]);
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[0].starts_with("cloudwatch.emitMetrics changes nothing: "));
}

#[test]
fn what_the_kinesis_agent_leaves_out_is_as_there() {
    let text = r#"{"flows": [{"filePattern": "/tmp/a", "kinesisStream": "s"}]}"#;
    let settings = read(text).unwrap().settings;
    let flow = &settings.flows[0];
    assert_eq!(flow.initial_position, InitialPosition::End);
    assert_eq!(flow.partition_key, PartitionKey::Random);
    assert_eq!(flow.buffer_age, Duration::from_secs(60));
    assert_eq!((flow.buffer_records, flow.buffer_bytes), (500, 5_242_880));
    assert_eq!(flow.on_too_large, OnTooLarge::Truncate { terminator: b"\n".to_vec() });
    assert_eq!(settings.kinesis.credentials, CredentialsFrom::Anywhere);
    assert_eq!(settings.status_interval, Duration::from_secs(30));
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(10));
}

#[test]
fn all_faults_of_a_file_are_named() {
    let found = faults(
        r#"{"awsAccessKeyId": "id", "flows": [
            {"filePattern": "/tmp/a", "deliveryStream": "s"},
            {"filePattern": "/tmp/", "kinesisStream": "s p"},
            {"kinesisStream": "s"},
            {"filePattern": "/tmp/b", "kinesisStream": "s", "maxBufferAgeMillis": 10, "initialPosition": "MIDDLE",
             "dataProcessingOptions": [{"optionName": "LOGTOJSON", "logFormat": "SYSLOG", "matchPattern": "(a)"},
                                       {"optionName": "CSVTOJSON"}, {"optionName": "NONE"}]}
        ]}"#,
    );
    let expected = [
        "awsAccessKeyId: it goes with",
        "flow 1: deliveryStream: flows into Firehose are not supported",
        "flow 2: filePattern: \"/tmp/\" is no pattern",
        "flow 2: kinesisStream: ",
        "flow 3: filePattern: it is missing",
        "flow 4: initialPosition: \"MIDDLE\" is none of START_OF_FILE, END_OF_FILE",
        "matchPattern: the pattern captures 1 groups",
        "customFieldNames: the names of the columns are missing",
        "optionName: \"NONE\" is none of",
        "flow 4: maxBufferAgeMillis: it is a whole number from 1000 to 900000",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}: {expected}");
    }
}

const OURS: &str = r#"
endpoint_url = "http://127.0.0.1:4566"
checkpoint_file = "/tmp/agent"
checkpoint_interval_ms = 100

[[flow]]
name = "web"
stream = "orders"
files = ["/var/log/a.log*", "/var/log/*/b.log"]
initial_position = "start"
partition_key_field = "/user/id"
order = "key"
aggregate = false
too_large = "skip"
unconvertible = "skip"
multi_line_start = '^\d'
poll_intervall_ms = 10

[[flow.convert]]
kind = "single_line"

[[flow.convert]]
kind = "log_to_json"
pattern = '(\d+) (.*)'
fields = ["number", "rest"]

[[flow]]
name = "rows"
stream = "arn:aws:kinesis:us-east-1:000000000000:stream/rows"
files = "/var/rows.csv"
partition_key_column = 2
partition_key_delimiter = ";"
"#;

#[test]
fn our_own_file_is_read() {
    let Understood { settings, warnings, .. } = read(OURS).unwrap();
    assert_eq!(settings.checkpoint_interval, Duration::from_millis(100));
    let [web, rows] = settings.flows.as_slice() else { panic!("{settings:?}") };
    assert_eq!(web.files.len(), 2);
    assert_eq!(web.partition_key, PartitionKey::Field("/user/id".to_owned()));
    assert_eq!((web.order, web.aggregate), (Order::PartitionKey, false));
    assert_eq!((&web.on_too_large, web.on_unconvertible), (&OnTooLarge::Skip, OnUnconvertible::Skip));
    assert_eq!(web.conversions.len(), 2);
    assert_eq!(rows.partition_key, PartitionKey::Column { index: 1, delimiter: b';' });
    assert_eq!(rows.initial_position, InitialPosition::End);
    assert_eq!(warnings, ["web: poll_intervall_ms is not known, and ignored; is poll_interval_ms meant?"]);
}

#[test]
fn nonsense_is_refused() {
    let flow = |more: &str| format!("[[flow]]\nname = 'a'\nstream = 's'\nfiles = '/tmp/a'\n{more}\n");
    let two = flow("") + &flow("");
    assert_eq!(faults(&two), ["two flows are called a"]);
    assert_eq!(faults("region = 'x'"), ["there is no flow"]);
    let keys = flow("partition_key = 'file'\npartition_key_field = 'x'");
    assert_eq!(faults(&keys), ["a: partition_key: there are several, and only one can be used"]);
    let small = flow("outstanding_bytes_max = 1048576\nrecord_bytes_max = 4194304");
    assert_eq!(faults(&small), ["flow a: fewer bytes may be outstanding than one record has"]);
    assert!(matches!(read("{"), Err(Error::Unreadable { .. })));
    assert!(matches!(read("= 1"), Err(Error::Unreadable { .. })));
    assert_eq!(faults(&flow("poll_interval_ms = 'soon'")).len(), 1);
    let bad = flow("[[flow.convert]]\nkind = 'xml'");
    assert!(faults(&bad)[0].starts_with("flow a: convert 1: kind: \"xml\" is none of"), "{:?}", faults(&bad));
}
