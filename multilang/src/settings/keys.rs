//! Every key that KCL's daemon knows, and what becomes of it here.

use crate::properties::{Entry, Properties};

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It means here what it means to KCL.
    Applied,
    /// It changes nothing, for this reason.
    Noted(&'static str),
}

use Meaning::{Applied, Noted};

/// Any of these makes polling of `retrievalMode = DEFAULT`.
pub(super) const POLLING_KEYS: &[&str] = &[
    "maxRecords",
    "idleTimeBetweenReadsInMillis",
    "retryGetRecordsInSeconds",
    "maxGetRecordsThreadPool",
    "millisBehindLatestThresholdForReducedTps",
];

/// KCL holds these in types of Java whose 0 it cannot tell from nothing, and takes it for nothing.
pub(super) const ZERO_IS_NONE: &[&str] = &[
    "dampeningPercentage",
    "failoverTimeMillis",
    "gracefulLeaseHandoffTimeoutMillis",
    "idleTimeBetweenReadsInMillis",
    "leaseAssignmentIntervalMillis",
    "maxGetRecordsThreadPool",
    "maxLeasesForWorker",
    "maxRecords",
    "maxThroughputPerHostKBps",
    "millisBehindLatestThresholdForReducedTps",
    "parentShardPollIntervalMillis",
    "reBalanceThresholdPercentage",
    "retryGetRecordsInSeconds",
    "shardSyncIntervalMillis",
    "taskBackoffTimeMillis",
    "varianceBalancingFrequency",
];

const THREADS: Meaning = Noted("there are no threads to be counted");
const RETRIES: Meaning = Noted("calls are repeated by a policy of their own, with back-off and jitter");
const TABLE: Meaning =
    Noted("the lease table is made with capacity on demand; whoever wants it otherwise makes it before");
const ONE_TABLE: Meaning = Noted("everything is kept in the lease table");
const CLOUDWATCH: Meaning = Noted("no metrics are sent to CloudWatch");
const WORKER_METRICS: Meaning = Noted("workers report at intervals that follow from the failover time");
const CLEANUP: Meaning = Noted("leases of shards that have ended are removed once their children have begun");

pub(super) const KEYS: &[(&str, Meaning)] = &[
    ("executableName", Applied),
    ("applicationName", Applied),
    ("streamName", Applied),
    ("streamArn", Applied),
    ("AwsCredentialsProvider", Applied),
    ("AwsCredentialsProviderDynamoDB", Applied),
    ("AwsCredentialsProviderCloudWatch", CLOUDWATCH),
    ("processingLanguage", Noted("it is not told to the services")),
    ("maxActiveThreads", Applied),
    ("timeoutInSeconds", Applied),
    ("shutdownGraceMillis", Applied),
    ("tableName", Applied),
    ("workerId", Applied),
    ("workerIdentifier", Applied),
    ("regionName", Applied),
    ("dynamoDBRegionName", Applied),
    ("cloudWatchRegionName", CLOUDWATCH),
    ("kinesisEndpoint", Applied),
    ("dynamoDBEndpoint", Applied),
    ("kinesisClient.endpointOverride", Applied),
    ("kinesisClient.region", Applied),
    ("dynamoDbClient.endpointOverride", Applied),
    ("dynamoDbClient.region", Applied),
    ("initialPositionInStream", Applied),
    ("initialPositionInStreamExtended", Applied),
    ("retrievalMode", Applied),
    ("maxRecords", Applied),
    ("idleTimeBetweenReadsInMillis", Applied),
    ("retryGetRecordsInSeconds", RETRIES),
    ("maxGetRecordsThreadPool", THREADS),
    (
        "millisBehindLatestThresholdForReducedTps",
        Noted("a shard that is not behind is polled at idleTimeBetweenReadsInMillis"),
    ),
    ("fanoutConfig.consumerArn", Applied),
    ("fanoutConfig.consumerName", Applied),
    ("fanoutConfig.maxDescribeStreamSummaryRetries", RETRIES),
    ("fanoutConfig.maxDescribeStreamConsumerRetries", RETRIES),
    ("fanoutConfig.registerStreamConsumerRetries", RETRIES),
    ("fanoutConfig.retryBackoffMillis", RETRIES),
    ("failoverTimeMillis", Applied),
    ("leaseAssignmentIntervalMillis", Applied),
    ("leaseAssignmentStrategy", Applied),
    ("enablePriorityLeaseAssignment", Noted("what was abandoned the longest is always given away first")),
    ("leaseTableDeletionProtectionEnabled", TABLE),
    ("leaseTablePitrEnabled", TABLE),
    ("shardSyncIntervalMillis", Applied),
    ("cleanupLeasesUponShardCompletion", CLEANUP),
    ("ignoreUnexpectedChildShards", Noted("a child whose parent is open is waited for")),
    ("maxLeasesForWorker", Applied),
    ("maxLeasesToStealAtOneTime", Noted("leases are handed over, and as many as make the fleet even")),
    ("initialLeaseTableReadCapacity", TABLE),
    ("initialLeaseTableWriteCapacity", TABLE),
    ("billingMode", TABLE),
    ("leaseTableScanTotalSegments", Noted("it follows from the size of the table")),
    ("maxLeaseRenewalThreads", THREADS),
    ("listShardsBackoffTimeInMillis", RETRIES),
    ("maxListShardsRetryAttempts", RETRIES),
    ("parentShardPollIntervalMillis", Applied),
    ("shardPrioritization", Noted("parents come before children in any case")),
    (
        "skipShardSyncAtWorkerInitializationIfLeasesExist",
        Noted("a worker that starts waits for no sync of shards"),
    ),
    ("schedulerInitializationBackoffTimeMillis", RETRIES),
    ("clientVersionConfig", Noted("this worker takes part in fleets of KCL 3.x, not in the change from 2.x")),
    ("migrateAllEntitiesToLeaseTable", ONE_TABLE),
    ("tableMigrationCompleteBakeTimeSeconds", ONE_TABLE),
    ("coordinatorStateTableName", ONE_TABLE),
    ("coordinatorStateBillingMode", ONE_TABLE),
    ("coordinatorStateReadCapacity", ONE_TABLE),
    ("coordinatorStateWriteCapacity", ONE_TABLE),
    ("coordinatorStatePointInTimeRecoveryEnabled", ONE_TABLE),
    ("coordinatorStateDeletionProtectionEnabled", ONE_TABLE),
    ("coordinatorStateTags", ONE_TABLE),
    ("gracefulLeaseHandoffTimeoutMillis", Applied),
    ("isGracefulLeaseHandoffEnabled", Applied),
    ("inMemoryWorkerMetricsCaptureFrequencyMillis", WORKER_METRICS),
    ("workerMetricsReporterFreqInMillis", WORKER_METRICS),
    ("noOfPersistedMetricsPerWorkerMetrics", WORKER_METRICS),
    ("disableWorkerMetrics", Applied),
    ("maxThroughputPerHostKBps", Applied),
    ("dampeningPercentage", Applied),
    ("reBalanceThresholdPercentage", Applied),
    ("allowThroughputOvershoot", Applied),
    ("varianceBalancingFrequency", Applied),
    ("workerMetricsEMAAlpha", Applied),
    ("staleWorkerMetricsEntryCleanupDuration", WORKER_METRICS),
    ("workerMetricsTableName", ONE_TABLE),
    ("workerMetricsBillingMode", ONE_TABLE),
    ("workerMetricsReadCapacity", ONE_TABLE),
    ("workerMetricsWriteCapacity", ONE_TABLE),
    ("workerMetricsPointInTimeRecoveryEnabled", ONE_TABLE),
    ("workerMetricsDeletionProtectionEnabled", ONE_TABLE),
    ("workerMetricsTags", ONE_TABLE),
    ("callProcessRecordsEvenForEmptyRecordList", Applied),
    ("taskBackoffTimeMillis", Applied),
    ("metricsBufferTimeMillis", CLOUDWATCH),
    ("metricsMaxQueueSize", CLOUDWATCH),
    ("metricsLevel", CLOUDWATCH),
    ("metricsEnabledDimensions", CLOUDWATCH),
    ("logWarningForTaskAfterMillis", Applied),
    (
        "validateSequenceNumberBeforeCheckpointing",
        Noted("a checkpoint must always lie between the last one and what was delivered"),
    ),
];

/// Keys of beans within beans: whatever begins so is somebody's.
const BEANS: &[(&str, Meaning)] = &[("cloudWatchClient.", CLOUDWATCH)];
/// From here on two keys look alike.
const ALIKE: f64 = 0.85;

/// What is to be said about the keys of a file.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    pub(super) notices: Vec<String>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn remarks(properties: &Properties) -> Remarks {
    let mut remarks = Remarks::default();
    let mut seen: Vec<&Entry> = Vec::new();
    for entry in properties.entries() {
        let Entry { key, line, .. } = entry;
        if let Some(before) = seen.iter().find(|before| before.key == *key) {
            remarks
                .warnings
                .push(format!("{key} is set in line {} and again in line {line}, which counts", before.line));
        }
        seen.push(entry);
        match meaning(key) {
            Some(Applied) => {}
            Some(Noted(_)) if entry.value.is_empty() => {}
            Some(Noted(reason)) => remarks.notices.push(format!("{key} changes nothing: {reason}")),
            None => {
                let hint = nearest(key).map(|known| format!("; is {known} meant?")).unwrap_or_default();
                remarks.warnings.push(format!("line {line}: {key} is not known, and ignored{hint}"));
            }
        }
    }
    remarks
}

fn meaning(key: &str) -> Option<Meaning> {
    let exact = KEYS.iter().find(|(known, _)| {
        // The one name that KCL takes in any case.
        *known == key || (known.starts_with("AwsCredentialsProvider") && known.eq_ignore_ascii_case(key))
    });
    let bean = || BEANS.iter().find(|(prefix, _)| key.starts_with(prefix));
    exact.or_else(bean).map(|(_, meaning)| *meaning)
}

/// The known key that looks most like this one, if any does.
fn nearest(key: &str) -> Option<&'static str> {
    let wanted = key.to_ascii_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&known.to_ascii_lowercase(), &wanted);
    let all = KEYS.iter().map(|(known, _)| (likeness(known), *known));
    all.max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(alike, _)| *alike >= ALIKE).map(|(_, known)| known)
}
