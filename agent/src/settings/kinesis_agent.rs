//! The Kinesis Agent's JSON (`/etc/aws-kinesis/agent.json`): its keys, units, ranges and defaults.
//!
//! Flows into delivery streams of Firehose are refused: there is no such service here to put into.

use std::path::PathBuf;
use std::time::Duration;

use millstream_client::aws::{AwsSettings, CredentialsFrom, Keys, Role};
use regex::Regex;
use serde_json::{Map, Value};

use super::reader::Reader;
use super::{
    AgentSettings, Columns, Conversion, CsvToJson, FlowSettings, InitialPosition, JsonStyle, LogFormat,
    LogToJson, OnTooLarge, OnUnconvertible, PartitionKey, Remarks, StartPattern,
};

/// The Kinesis Agent's own checkpoints are an SQLite database at its default place, which is therefore another.
const CHECKPOINT_FILE: &str = "/var/run/aws-kinesis-agent/millstream-checkpoints";
const QUARTER_OF_AN_HOUR_MILLIS: u64 = 15 * 60 * 1000;
const DAY_MILLIS: u64 = 24 * 3600 * 1000;

const CLOUDWATCH: &str = "figures go to the log, and none to CloudWatch";
const THREADS: &str = "calls are not bound to threads";
const CONNECTIONS: &str = "connections are kept and given up as the client sees fit";
const QUEUES: &str = "reading stops by itself while the stream takes no more";
const FIREHOSE: &str = "nothing is put into Firehose";
const JAVA: &str = "classes of Java cannot be used; credentials are looked for in AWS's usual places";

/// Keys beside the flows that change nothing here.
const NOTED: [(&str, &str); 22] = [
    ("cloudwatch.emitMetrics", CLOUDWATCH),
    ("cloudwatch.endpoint", CLOUDWATCH),
    ("cloudwatch.namespace", CLOUDWATCH),
    ("cloudwatch.tagInstance", CLOUDWATCH),
    ("cloudwatch.metricsBufferTimeMillis", CLOUDWATCH),
    ("cloudwatch.metricsQueueSize", CLOUDWATCH),
    ("log.emitMetrics", "figures are in the log in any case"),
    ("log.emitInternalMetrics", "figures are in the log in any case"),
    ("log.level", "--log sets it"),
    ("log.file", "logs go to standard error"),
    ("maxSendingThreads", THREADS),
    ("maxSendingThreadsPerCore", THREADS),
    ("sendingThreadsKeepAliveMillis", THREADS),
    ("sendingThreadsMaxQueueSize", THREADS),
    ("maxConnections", CONNECTIONS),
    ("connectionTimeoutMillis", CONNECTIONS),
    ("connectionTTLMillis", CONNECTIONS),
    ("socketTimeoutMillis", CONNECTIONS),
    ("useTcpKeepAlive", CONNECTIONS),
    ("useHttpGzip", CONNECTIONS),
    ("firehose.endpoint", FIREHOSE),
    ("userDefinedCredentialsProvider.location", JAVA),
];

/// Keys of a flow that change nothing here.
const NOTED_OF_FLOW: [(&str, &str); 7] = [
    ("waitOnFullPublishQueueMillis", QUEUES),
    ("waitOnEmptyPublishQueueMillis", QUEUES),
    ("waitOnFullRetryQueueMillis", QUEUES),
    ("publishQueueCapacity", QUEUES),
    ("retryInitialBackoffMillis", "waits double from 50 ms, with chance"),
    ("retryMaxBackoffMillis", "waits double up to a second, with chance"),
    ("log.emitInternalMetrics", "figures are in the log in any case"),
];

pub(super) fn read(document: &Map<String, Value>, remarks: &mut Remarks) -> AgentSettings {
    let mut reader = Reader::new(document, "", remarks);
    for (key, reason) in NOTED {
        reader.noted(key, reason);
    }
    reader.noted("userDefinedCredentialsProvider.classname", JAVA);
    let mut settings = AgentSettings {
        kinesis: service(&mut reader),
        checkpoint_file: PathBuf::from(reader.text("checkpointFile").unwrap_or(CHECKPOINT_FILE)),
        checkpoint_interval: Duration::from_secs(1),
        checkpoint_retention: Duration::from_secs(
            24 * 3600 * reader.number("checkpointTimeToLiveDays", 1, 3650).unwrap_or(7),
        ),
        status_interval: Duration::from_secs(
            reader.number("log.statusReportingPeriodSeconds", 0, 24 * 3600).unwrap_or(30),
        ),
        shutdown_timeout: reader
            .millis("shutdownTimeoutMillis", 0, DAY_MILLIS)
            .unwrap_or(Duration::from_secs(10)),
        flows: Vec::new(),
    };
    for (index, flow) in reader.objects("flows").into_iter().enumerate() {
        let place = format!("flow {}: ", index + 1);
        let flow = Reader::new(flow, &place, reader.remarks());
        settings.flows.extend(self::flow(flow));
    }
    reader.finish();
    settings
}

fn service(reader: &mut Reader<'_>) -> AwsSettings {
    let endpoint = reader.text("kinesis.endpoint").map(with_scheme);
    let region = reader.text("kinesis.region").map(str::to_owned);
    let region = region.or_else(|| endpoint.as_deref().and_then(region_of));
    let keys = (reader.text("awsAccessKeyId"), reader.text("awsSecretAccessKey"));
    let external_id = reader.text("assumeRoleExternalId").map(str::to_owned);
    let sts = reader.text("sts.endpoint").map(with_scheme);
    let role = reader.text("assumeRoleARN");
    let credentials = match (role, keys) {
        (Some(_), (Some(_), _) | (_, Some(_))) => {
            let what =
                "with keys beside it; give the keys as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead";
            reader.fault("assumeRoleARN", what);
            CredentialsFrom::Anywhere
        }
        (Some(arn), _) => CredentialsFrom::Role(Role {
            arn: arn.to_owned(),
            session_name: "AWSKinesisAgent".to_owned(),
            external_id,
            endpoint_url: sts,
            region: region.clone(),
        }),
        (None, (Some(id), Some(secret))) => {
            let keys = Keys { id: id.to_owned(), secret: secret.to_owned(), session_token: None };
            CredentialsFrom::Keys(keys)
        }
        (None, (None, None)) => CredentialsFrom::Anywhere,
        (None, _) => {
            reader.fault("awsAccessKeyId", "it goes with awsSecretAccessKey, and one of them is missing");
            CredentialsFrom::Anywhere
        }
    };
    AwsSettings { endpoint_url: endpoint, region, credentials, ..AwsSettings::default() }
}

/// Endpoints are written with and without it.
fn with_scheme(endpoint: &str) -> String {
    if endpoint.contains("://") { endpoint.to_owned() } else { format!("https://{endpoint}") }
}

/// The region that an endpoint of AWS names.
fn region_of(endpoint: &str) -> Option<String> {
    let host = endpoint.split("://").nth(1)?.split(['/', ':']).next()?;
    let region = host.strip_prefix("kinesis.")?.split(".amazonaws.com").next()?;
    (host.contains(".amazonaws.com") && !region.contains('.')).then(|| region.to_owned())
}

fn flow(mut reader: Reader<'_>) -> Option<FlowSettings> {
    for (key, reason) in NOTED_OF_FLOW {
        reader.noted(key, reason);
    }
    if reader.value("deliveryStream").is_some() {
        reader.fault(
            "deliveryStream",
            "flows into Firehose are not supported; kinesisStream names a stream of Kinesis",
        );
        return None;
    }
    if reader.value("fileFooterPattern").is_some() {
        reader.fault("fileFooterPattern", "files with an end of their own are not supported");
    }
    let pattern = reader.required("filePattern");
    let files = reader.parsed("filePattern");
    let stream = reader.required("kinesisStream").and_then(|_| reader.parsed("kinesisStream"));
    let (Some(pattern), Some(files), Some(stream)) = (pattern, files, stream) else { return None };
    let name = format!("kinesis:{stream}:{pattern}");
    let mut flow = FlowSettings {
        keep_newline: true,
        aggregate: false,
        ..FlowSettings::new(&name, vec![files], stream)
    };
    content(&mut reader, &mut flow);
    let keys = [("RANDOM", true), ("DETERMINISTIC", false)];
    if reader.word("partitionKeyOption", &keys) == Some(false) {
        flow.partition_key = PartitionKey::Deterministic;
    }
    let age = reader.millis("maxBufferAgeMillis", 1000, QUARTER_OF_AN_HOUR_MILLIS);
    flow.buffer_age = age.unwrap_or(Duration::from_secs(60));
    flow.buffer_records = reader.count("maxBufferSizeRecords", 1, 500).unwrap_or(500);
    flow.buffer_bytes = reader.count("maxBufferSizeBytes", 1, 5 * 1024 * 1024).unwrap_or(5 * 1024 * 1024);
    if let Some(poll) = reader.millis("minTimeBetweenFilePollsMillis", 1, DAY_MILLIS) {
        flow.poll_interval = poll;
    }
    if let Some(scan) = reader.millis("maxTimeBetweenFileTrackerRefreshMillis", 1, DAY_MILLIS) {
        // It is the longest time there, and files are cheaper to find than to miss.
        flow.scan_interval = scan.min(flow.scan_interval);
    }
    reader.finish();
    Some(flow)
}

fn content(reader: &mut Reader<'_>, flow: &mut FlowSettings) {
    let positions = [("START_OF_FILE", InitialPosition::Start), ("END_OF_FILE", InitialPosition::End)];
    flow.initial_position = reader.word("initialPosition", &positions).unwrap_or(InitialPosition::End);
    let header = reader.number("skipHeaderLines", 0, 1_000_000).unwrap_or(0);
    flow.skip_header_lines = u32::try_from(header).unwrap_or(0);
    if let Some(pattern) = reader.text("multiLineStartPattern").filter(|pattern| !pattern.is_empty()) {
        match StartPattern::new(pattern) {
            Ok(pattern) => flow.multi_line_start = Some(pattern),
            Err(error) => reader.fault("multiLineStartPattern", error),
        }
    }
    let terminator = reader.text("truncatedRecordTerminator").unwrap_or("\n").as_bytes().to_vec();
    flow.on_too_large = OnTooLarge::Truncate { terminator };
    // As there: a record that is not of the format is left out.
    flow.on_unconvertible = OnUnconvertible::Skip;
    for (index, option) in reader.objects("dataProcessingOptions").into_iter().enumerate() {
        let place = format!("flow {}: dataProcessingOptions {}: ", flow.name, index + 1);
        flow.conversions.extend(conversion(Reader::new(option, &place, reader.remarks())));
    }
}

fn conversion(mut reader: Reader<'_>) -> Option<Conversion> {
    let styles = [("COMPACT", JsonStyle::Compact), ("PRETTYPRINT", JsonStyle::Pretty)];
    let style = reader.word("jsonFormat", &styles).unwrap_or_default();
    let name = reader.required("optionName")?;
    let conversion = match name.to_ascii_uppercase().as_str() {
        "SINGLELINE" => Some(Conversion::SingleLine),
        "ADDBRACKETS" => Some(Conversion::Brackets),
        "CSVTOJSON" => csv(&mut reader, style),
        "LOGTOJSON" => log(&mut reader, style).map(Conversion::Log),
        "ADDMETADATA" => {
            let metadata = reader.value("metadata");
            let metadata = reader.value("metadataFields").or(metadata).cloned().unwrap_or(Value::Null);
            Some(Conversion::AddMetadata { metadata, style })
        }
        "ADDEC2METADATA" => {
            reader
                .fault("optionName", "ADDEC2METADATA is not supported; ADDMETADATA adds what the file says");
            None
        }
        _ => {
            let known = "SINGLELINE, CSVTOJSON, LOGTOJSON, ADDMETADATA, ADDBRACKETS";
            reader.fault("optionName", format_args!("{name:?} is none of {known}"));
            None
        }
    };
    reader.finish();
    conversion
}

fn csv(reader: &mut Reader<'_>, style: JsonStyle) -> Option<Conversion> {
    let names = reader.texts("customFieldNames");
    if names.is_none() {
        reader.fault("customFieldNames", "the names of the columns are missing");
    }
    let separator = Regex::new(reader.text("delimiter").unwrap_or(","));
    let separator = separator.map_err(|error| reader.fault("delimiter", error)).ok()?;
    let names = names?.into_iter().map(str::to_owned).collect();
    Some(Conversion::Csv(CsvToJson { names, columns: Columns::Split(separator), style }))
}

fn log(reader: &mut Reader<'_>, style: JsonStyle) -> Option<LogToJson> {
    let formats = [
        ("COMMONAPACHELOG", LogFormat::CommonApache),
        ("COMBINEDAPACHELOG", LogFormat::CombinedApache),
        ("APACHEERRORLOG", LogFormat::ApacheError),
        ("SYSLOG", LogFormat::Syslog),
        ("RFC3339SYSLOG", LogFormat::Rfc3339Syslog),
    ];
    let pattern = reader.text("matchPattern");
    let names = reader.texts("customFieldNames");
    let names = names.map(|names| names.into_iter().map(str::to_owned).collect());
    reader.required("logFormat")?;
    let format = reader.word("logFormat", &formats)?;
    LogToJson::new(format, pattern, names, style).map_err(|error| reader.fault("matchPattern", error)).ok()
}
