use proptest::prelude::*;

use super::keys::Meaning;
use super::*;

const LEAST: &str = "executableName = python app.py --flag\nstreamName = orders\napplicationName = billing\n\
                     AWSCredentialsProvider = DefaultAWSCredentialsProviderChain\n";

fn read(text: &str) -> Result<Understood> {
    understand(&Properties::parse(text.as_bytes()).unwrap(), &SystemProperties::new())
}

fn with(more: &str) -> Understood {
    read(&format!("{LEAST}{more}")).unwrap()
}

fn faults(text: &str) -> Vec<String> {
    match read(text) {
        Err(Error::Settings(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_least_that_is_needed_gives_the_defaults() {
    let Understood { settings, notices, warnings } = with("");
    assert_eq!((notices.len(), warnings.len()), (0, 0), "{warnings:?}");
    assert_eq!(settings.command, ["python", "app.py", "--flag"]);
    assert_eq!((settings.application.as_str(), settings.table.as_str()), ("billing", "billing"));
    assert_eq!(settings.stream, "orders".parse().unwrap());
    assert_eq!(settings.consumer, ConsumerSettings::default());
    assert!(!settings.consumer.shutdown_grace.is_zero());
    assert_eq!((settings.silence_limit, settings.calls_max), (None, None));
}

#[test]
fn all_that_is_missing_or_wrong_is_named_at_once() {
    assert_eq!(
        faults(""),
        [
            "executableName is missing",
            "applicationName is missing",
            "streamName (or streamArn) is missing",
            "AwsCredentialsProvider is missing; DefaultCredentialsProvider looks in all the usual places",
        ]
    );
    let wrong = [
        "failoverTimeMillis = soon",
        "maxRecords = 10001",
        "retrievalMode = PUSH",
        "initialPositionInStream = AT_TIMESTAMP",
        "isGracefulLeaseHandoffEnabled = perhaps",
        "timeoutInSeconds = 0",
        "dampeningPercentage = -1",
        "workerMetricsEMAAlpha = 1.5",
        "fanoutConfig.consumerArn = x",
        "leaseAssignmentStrategy = FAIR",
        "awscredentialsproviderdynamodb = org.example.Mine",
    ];
    let faults = faults(&format!("{LEAST}{}", wrong.join("\n")));
    for line in wrong {
        let key = line.split(' ').next().unwrap();
        assert!(
            faults.iter().any(|fault| fault.to_lowercase().starts_with(&key.to_lowercase())),
            "{key}: {faults:?}"
        );
    }
    assert_eq!(faults.len(), wrong.len(), "{faults:?}");
}

#[test]
fn places_and_regions() {
    let all = with(
        "regionName = eu-west-1\nkinesisEndpoint = http://127.0.0.1:4566\ndynamoDBEndpoint = dynamodb.local\n\
         dynamoDBRegionName = us-west-2\ntableName = leases\nworkerId = w-1",
    );
    let DaemonSettings { kinesis, dynamodb, table, worker, .. } = all.settings;
    assert_eq!(kinesis.endpoint_url.as_deref(), Some("http://127.0.0.1:4566"));
    assert_eq!(kinesis.region.as_deref(), Some("eu-west-1"));
    assert_eq!(dynamodb.endpoint_url.as_deref(), Some("https://dynamodb.local"));
    assert_eq!(dynamodb.region.as_deref(), Some("us-west-2"));
    assert_eq!((table.as_str(), worker), ("leases", Some("w-1".parse().unwrap())));
    let nested = with("kinesisClient.endpointOverride = http://a\ndynamoDbClient.region = x").settings;
    assert_eq!(nested.kinesis.endpoint_url.as_deref(), Some("http://a"));
    assert_eq!(nested.dynamodb.region.as_deref(), Some("x"));
    let arn = with("streamArn = arn:aws:kinesis:ap-south-1:123456789012:stream/other").settings;
    assert_eq!(arn.kinesis.region.as_deref(), Some("ap-south-1"));
    assert_eq!(arn.stream, "other".parse().unwrap());
}

#[test]
fn of_an_arn_the_name_counts_as_for_kcl() {
    let sample =
        with("streamArn = arn:aws:kinesis:us-east-5:000000000000:stream/other\nregionName = us-east-1");
    assert_eq!(sample.settings.stream, "other".parse().unwrap());
    assert_eq!(sample.settings.kinesis.region.as_deref(), Some("us-east-1"));
    let warnings = sample.warnings.join("\n");
    assert!(warnings.contains("us-east-5") && warnings.contains("streamName is orders"), "{warnings}");
}

#[test]
fn zero_is_none_where_java_cannot_tell_them_apart() {
    let all = with(
        "maxRecords = 0\nidleTimeBetweenReadsInMillis = 0\nfailoverTimeMillis = 0\nmaxLeasesForWorker = 0\n\
         maxThroughputPerHostKBps = 0.0\nvarianceBalancingFrequency = 0",
    );
    assert_eq!(all.settings.consumer, ConsumerSettings::default());
}

#[test]
fn a_misspelt_key_is_named_beside_what_is_missing_without_it() {
    let text = LEAST.replace("streamName", "streamname");
    let faults = faults(&text).join("\n");
    assert!(faults.contains("is missing") && faults.contains("is streamName meant?"), "{faults}");
}

#[test]
fn how_records_are_read_follows_kcl() {
    let retrieval = |more| with(more).settings.consumer.retrieval;
    let fan_out =
        |name: Option<&str>| Retrieval::FanOut { consumer_name: name.map(|name| name.parse().unwrap()) };
    assert_eq!(retrieval(""), fan_out(None));
    assert_eq!(retrieval("maxRecords = 100"), Retrieval::Polling);
    assert_eq!(retrieval("maxRecords = 100\nretrievalMode = fanout"), fan_out(None));
    assert_eq!(retrieval("retrievalMode = POLLING"), Retrieval::Polling);
    assert_eq!(retrieval("fanoutConfig.consumerName = me"), fan_out(Some("me")));
    let arn = "arn:aws:kinesis:us-east-1:123456789012:stream/orders/consumer/you:1700000000";
    assert_eq!(retrieval(&format!("fanoutConfig.consumerArn = {arn}")), fan_out(Some("you")));
    let other = arn.replace("orders", "others");
    assert!(faults(&format!("{LEAST}fanoutConfig.consumerArn = {other}"))[0].contains("others"));
}

#[test]
fn every_key_that_changes_something_is_documented() {
    let documentation = include_str!("../../../docs/multilang.md");
    let applied = keys::KEYS.iter().filter(|(_, meaning)| *meaning == Meaning::Applied);
    let missing: Vec<_> = applied.filter(|(key, _)| !documentation.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn settings_are_carried_over() {
    let settings = with(
        "failoverTimeMillis = 3000\nleaseAssignmentIntervalMillis = 500\nmaxLeasesForWorker = 7\n\
         dampeningPercentage = 50\nvarianceBalancingFrequency = 2\ndisableWorkerMetrics = true\n\
         idleTimeBetweenReadsInMillis = 250\nmaxRecords = 100\ntaskBackoffTimeMillis = 100\n\
         shutdownGraceMillis = 1234\ntimeoutInSeconds = 5\nmaxActiveThreads = 3\n\
         initialPositionInStreamExtended = 1700000000\ncallProcessRecordsEvenForEmptyRecordList = TRUE",
    )
    .settings;
    let consumer = settings.consumer;
    assert_eq!(consumer.failover_time, Duration::from_secs(3));
    assert_eq!(consumer.lease_assignment_interval, Some(Duration::from_millis(500)));
    assert_eq!((consumer.assignment.leases_per_worker_max, consumer.assignment.balance_every), (7, 2));
    assert_eq!(consumer.assignment.balance_by, BalanceBy::Throughput);
    assert_eq!(consumer.worker_metrics.measure, MeasureWhere::Nowhere);
    assert_eq!((consumer.max_records, consumer.idle_time_between_reads), (100, Duration::from_millis(250)));
    assert_eq!(consumer.shutdown_grace, Duration::from_millis(1234));
    assert_eq!(consumer.initial_position, InitialPosition::AtTimestamp(1_700_000_000_000));
    assert!(consumer.call_process_records_even_for_empty_record_list);
    assert_eq!((settings.silence_limit, settings.calls_max), (Some(Duration::from_secs(5)), Some(3)));
}

#[test]
fn every_key_of_kcl_is_known_and_the_others_are_warned_of() {
    for (key, _) in keys::KEYS {
        let understood = read(&format!("{LEAST}{key} =\n")).unwrap_or_else(|_| with(""));
        assert!(!understood.warnings.iter().any(|warning| warning.contains("not known")), "{key}");
    }
    let warned = |more: &str| with(more).warnings.join("\n");
    assert_eq!(
        warned("failOverTimeMilis = 1000"),
        "line 5: failOverTimeMilis is not known, and ignored; is failoverTimeMillis meant?"
    );
    assert_eq!(warned("colour = red"), "line 5: colour is not known, and ignored");
    assert_eq!(
        warned("workerId = a\nworkerId = b"),
        "workerId is set in line 5 and again in line 6, which counts"
    );
    assert!(warned("shutdownGraceMillis = 0").contains("not given back"));
    let noted =
        with("metricsLevel = NONE\ncloudWatchClient.endpointOverride = http://x\nbillingMode = PROVISIONED")
            .notices;
    assert_eq!(noted.len(), 3, "{noted:?}");
    assert!(noted[0].starts_with("metricsLevel changes nothing: "), "{noted:?}");
}

proptest! {
    /// Whatever stands behind a key, it is understood or named.
    #[test]
    fn no_value_makes_it_panic(place in 0..keys::KEYS.len(), value in "[ -~]{0,20}") {
        let key = keys::KEYS[place].0;
        let properties = Properties::parse(format!("{LEAST}{key} = {value}").as_bytes());
        if let Ok(properties) = properties
            && let Err(error) = understand(&properties, &SystemProperties::new())
        {
            prop_assert!(error.to_string().to_lowercase().contains(&key.to_lowercase()[..4]), "{error}");
        }
    }
}
