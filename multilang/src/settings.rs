//! What a daemon is told by its properties, in the terms of the consumer SDK.
//!
//! Every key that KCL's daemon knows is known here: carried over, or accepted with a notice that says why it changes
//! nothing. A key that nobody knows is warned of, with the nearest one that is. What is wrong is collected, so that one
//! start shows all of it.

mod credentials;
mod keys;
mod reader;

use std::time::Duration;

use millstream_client::StreamRef;
use millstream_client::aws::{AwsSettings, CredentialsFrom};
use millstream_consumer_sdk::{BalanceBy, ConsumerSettings, InitialPosition, MeasureWhere, Retrieval};
use millstream_lease::WorkerId;
use millstream_model::{ConsumerArn, ConsumerName, StreamArn, StreamName};

use self::keys::POLLING_KEYS;
use self::reader::Reader;
use crate::error::{Error, Result};
pub use crate::java::SystemProperties;
use crate::properties::Properties;

/// A daemon, described.
#[derive(Clone, Debug, PartialEq)]
pub struct DaemonSettings {
    /// The program of a child process and its arguments (`executableName`, split at blanks; there is no shell).
    pub command: Vec<String>,
    /// `applicationName`.
    pub application: String,
    /// `streamName` or `streamArn`.
    pub stream: StreamRef,
    /// The lease table; the application's name unless `tableName` is set.
    pub table: String,
    /// `workerId`; random unless it is set.
    pub worker: Option<WorkerId>,
    /// Where the stream is, and who reads it.
    pub kinesis: AwsSettings,
    /// The same for the lease table.
    pub dynamodb: AwsSettings,
    /// For how long a child process may be silent that something is asked of (`timeoutInSeconds`).
    pub silence_limit: Option<Duration>,
    /// A call that takes longer is logged (`logWarningForTaskAfterMillis`).
    pub slow_call: Option<Duration>,
    /// Calls of child processes that may be under way at once (`maxActiveThreads`).
    pub calls_max: Option<usize>,
    pub consumer: ConsumerSettings,
}

/// Settings, and what their user should know about the file that they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    pub settings: DaemonSettings,
    /// Keys that are known and change nothing here, each with the reason.
    pub notices: Vec<String>,
    /// What is probably a mistake.
    pub warnings: Vec<String>,
}

/// Reads what a file says.
///
/// # Errors
/// [`Error::Settings`] with everything that is missing or wrong.
pub fn understand(properties: &Properties, system: &SystemProperties) -> Result<Understood> {
    let mut reader = Reader::new(properties);
    let remarks = keys::remarks(properties);
    let command: Vec<String> =
        reader.required("executableName").split_whitespace().map(str::to_owned).collect();
    let application = reader.required("applicationName").to_owned();
    let stream = stream(&mut reader);
    let (stream, region) = stream.unzip();
    let (kinesis, dynamodb) = services(&mut reader, region.flatten(), system);
    let consumer = consumer(&mut reader, stream.as_ref());
    let worker = match reader.text("workerId") {
        Some(_) => reader.parsed("workerId", "the name of a worker"),
        None => reader.parsed("workerIdentifier", "the name of a worker"),
    };
    let table = reader.text("tableName").unwrap_or(&application).to_owned();
    let timeout = reader.number("timeoutInSeconds", 1, u64::from(u32::MAX)).map(Duration::from_secs);
    let slow_call = reader.millis("logWarningForTaskAfterMillis");
    // KCL takes numbers below 1 for no limit.
    let calls_max = reader.integer("maxActiveThreads").and_then(|number| usize::try_from(number).ok());
    let (mut faults, mut warnings) = reader.finish();
    let Some(stream) = stream.filter(|_| faults.is_empty()) else {
        // What is missing may be there under a name that was misspelt.
        faults.extend(remarks.warnings);
        return Err(Error::Settings(faults));
    };
    warnings.splice(0..0, remarks.warnings);
    let settings = DaemonSettings {
        command,
        application,
        stream: StreamRef::Name(stream),
        table,
        worker,
        kinesis,
        dynamodb,
        silence_limit: timeout,
        slow_call,
        calls_max: calls_max.filter(|calls| *calls > 0),
        consumer,
    };
    Ok(Understood { settings, notices: remarks.notices, warnings })
}

/// The stream's name, and the region that its ARN names. Of an ARN KCL takes the name alone, and reads the stream of that
/// name in `regionName`: sample files rely on it.
fn stream(reader: &mut Reader<'_>) -> Option<(StreamName, Option<String>)> {
    if reader.text("streamArn").is_some() {
        let arn: StreamArn = reader.parsed("streamArn", "the ARN of a stream")?;
        let (name, named) = (arn.name, arn.region.to_string());
        if let Some(region) = reader.text("regionName").filter(|region| *region != named) {
            reader.warning(format!(
                "streamArn is of {named} and regionName is {region}: the stream {name} of {region} is read, as KCL does"
            ));
        }
        if let Some(other) = reader.text("streamName").filter(|other| *other != name.as_str()) {
            reader.warning(format!(
                "streamArn is of the stream {name}, which is read, and streamName is {other}"
            ));
        }
        return Some((name, Some(named)));
    }
    if reader.text("streamName").is_none() {
        reader.fault("streamName (or streamArn) is missing".to_owned());
        return None;
    }
    Some((reader.parsed("streamName", "the name of a stream")?, None))
}

/// Where the two services are, and who is asking.
fn services(
    reader: &mut Reader<'_>,
    region_of_stream: Option<String>,
    system: &SystemProperties,
) -> (AwsSettings, AwsSettings) {
    let region = reader.text("regionName").map(str::to_owned).or(region_of_stream);
    let caller = credentials_of(reader, "AwsCredentialsProvider", system);
    if caller.is_none() {
        reader.fault(
            "AwsCredentialsProvider is missing; DefaultCredentialsProvider looks in all the usual places"
                .to_owned(),
        );
    }
    let caller = caller.unwrap_or_default();
    let table_caller =
        credentials_of(reader, "AwsCredentialsProviderDynamoDB", system).unwrap_or_else(|| caller.clone());
    // What is in use of it here is its syntax.
    let _ = credentials_of(reader, "AwsCredentialsProviderCloudWatch", system);
    let kinesis = AwsSettings {
        endpoint_url: reader.endpoint(&["kinesisEndpoint", "kinesisClient.endpointOverride"]),
        region: reader.first(&["kinesisClient.region"]).or_else(|| region.clone()),
        credentials: caller,
        ..AwsSettings::default()
    };
    let dynamodb = AwsSettings {
        endpoint_url: reader.endpoint(&["dynamoDBEndpoint", "dynamoDbClient.endpointOverride"]),
        region: reader.first(&["dynamoDBRegionName", "dynamoDbClient.region"]).or(region),
        credentials: table_caller,
        ..AwsSettings::default()
    };
    (kinesis, dynamodb)
}

/// The property is found in any case, as KCL finds it.
fn credentials_of(reader: &mut Reader<'_>, key: &str, system: &SystemProperties) -> Option<CredentialsFrom> {
    let value = reader.text_in_any_case(key)?;
    match credentials::parse(value, system) {
        Ok((from, skipped)) => {
            for reason in skipped {
                reader.warning(format!("{key}: {reason}; the others are tried"));
            }
            Some(from)
        }
        Err(reason) => {
            reader.fault(format!("{key}: {reason}"));
            // It is not missing.
            Some(CredentialsFrom::Anywhere)
        }
    }
}

fn consumer(reader: &mut Reader<'_>, stream: Option<&StreamName>) -> ConsumerSettings {
    let mut consumer =
        ConsumerSettings { initial_position: initial_position(reader), ..ConsumerSettings::default() };
    consumer.retrieval = retrieval(reader, stream);
    let mut millis = |key, field: &mut Duration| {
        if let Some(value) = reader.millis(key) {
            *field = value;
        }
    };
    millis("failoverTimeMillis", &mut consumer.failover_time);
    millis("gracefulLeaseHandoffTimeoutMillis", &mut consumer.graceful_lease_handoff_timeout);
    millis("shardSyncIntervalMillis", &mut consumer.shard_sync_interval);
    millis("parentShardPollIntervalMillis", &mut consumer.parent_shard_poll_interval);
    millis("idleTimeBetweenReadsInMillis", &mut consumer.idle_time_between_reads);
    millis("taskBackoffTimeMillis", &mut consumer.failures.backoff.base);
    millis("shutdownGraceMillis", &mut consumer.shutdown_grace);
    consumer.lease_assignment_interval = reader.millis("leaseAssignmentIntervalMillis");
    if consumer.shutdown_grace.is_zero() {
        reader
            .warning("shutdownGraceMillis is 0: shards are not given back when the daemon stops".to_owned());
    }
    if consumer.failover_time < Duration::from_millis(100) {
        reader.fault("failoverTimeMillis is below 100".to_owned());
    }
    if let Some(records) = reader.number("maxRecords", 1, 10_000) {
        consumer.max_records = usize::try_from(records).unwrap_or(consumer.max_records);
    }
    if let Some(wanted) = reader.flag("callProcessRecordsEvenForEmptyRecordList") {
        consumer.call_process_records_even_for_empty_record_list = wanted;
    }
    assignment(reader, &mut consumer);
    consumer
}

fn assignment(reader: &mut Reader<'_>, consumer: &mut ConsumerSettings) {
    let assignment = &mut consumer.assignment;
    if let Some(leases) = reader.number("maxLeasesForWorker", 1, u64::MAX) {
        assignment.leases_per_worker_max = usize::try_from(leases).unwrap_or(usize::MAX);
    }
    if let Some(kbps) = reader.decimal("maxThroughputPerHostKBps") {
        assignment.throughput_kbps_max = kbps;
    }
    if let Some(percent) = reader.decimal("reBalanceThresholdPercentage") {
        assignment.rebalance_threshold_percent = percent;
    }
    if let Some(percent) = reader.decimal("dampeningPercentage") {
        assignment.dampening_percent = percent;
    }
    if let Some(wanted) = reader.flag("allowThroughputOvershoot") {
        assignment.overshoot = wanted;
    }
    if let Some(every) = reader.number("varianceBalancingFrequency", 1, u64::MAX) {
        assignment.balance_every = every;
    }
    if let Some(alpha) = reader.decimal("workerMetricsEMAAlpha") {
        if alpha > 1.0 {
            reader.fault("workerMetricsEMAAlpha: it lies between 0 and 1".to_owned());
        }
        assignment.smoothing = alpha;
    }
    if let Some(graceful) = reader.flag("isGracefulLeaseHandoffEnabled") {
        assignment.graceful = graceful;
    }
    if reader.flag("disableWorkerMetrics") == Some(true) {
        assignment.balance_by = BalanceBy::Throughput;
        consumer.worker_metrics.measure = MeasureWhere::Nowhere;
    }
    match reader.text("leaseAssignmentStrategy").map(str::to_ascii_uppercase).as_deref() {
        None | Some("WORKER_UTILIZATION_AWARE") => {}
        Some("LEASE_COUNT_BASED") => assignment.balance_by = BalanceBy::LeaseCount,
        Some(_) => reader
            .fault("leaseAssignmentStrategy: it is WORKER_UTILIZATION_AWARE or LEASE_COUNT_BASED".to_owned()),
    }
}

fn initial_position(reader: &mut Reader<'_>) -> InitialPosition {
    if let Some(secs) = reader.number("initialPositionInStreamExtended", 0, u64::MAX / 1000) {
        return InitialPosition::AtTimestamp(secs * 1000);
    }
    match reader.text("initialPositionInStream").map(str::to_ascii_uppercase).as_deref() {
        None | Some("LATEST") => InitialPosition::Latest,
        Some("TRIM_HORIZON") => InitialPosition::TrimHorizon,
        Some(_) => {
            reader.fault(
                "initialPositionInStream: it is TRIM_HORIZON or LATEST; a time goes into initialPositionInStreamExtended"
                    .to_owned(),
            );
            InitialPosition::Latest
        }
    }
}

fn retrieval(reader: &mut Reader<'_>, stream: Option<&StreamName>) -> Retrieval {
    let name: Option<ConsumerName> =
        match reader.parsed::<ConsumerArn>("fanoutConfig.consumerArn", "a consumer's ARN") {
            Some(arn) => {
                if let Some(stream) = stream.filter(|stream| **stream != arn.stream.name) {
                    let other = &arn.stream.name;
                    reader.fault(format!(
                        "fanoutConfig.consumerArn: it is of the stream {other}, and {stream} is read"
                    ));
                }
                Some(arn.name)
            }
            None => reader.parsed("fanoutConfig.consumerName", "a consumer's name"),
        };
    let polls = POLLING_KEYS.iter().any(|key| reader.text(key).is_some());
    let fan_out = Retrieval::FanOut { consumer_name: name };
    match reader.text("retrievalMode").map(str::to_ascii_uppercase).as_deref() {
        Some("POLLING") => Retrieval::Polling,
        Some("FANOUT") => fan_out,
        None | Some("DEFAULT") if polls => Retrieval::Polling,
        None | Some("DEFAULT") => fan_out,
        Some(_) => {
            reader.fault("retrievalMode: it is DEFAULT, POLLING or FANOUT".to_owned());
            fan_out
        }
    }
}

#[cfg(test)]
mod tests;
