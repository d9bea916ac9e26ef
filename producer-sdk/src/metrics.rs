//! What is counted and measured, through the `metrics` facade: for Prometheus, OpenTelemetry, or whatever recorder the
//! program has installed before the producer starts; for nobody where there is none.
//!
//! Names and dimensions are those of the Kinesis Producer Library, so that its dashboards go on. `docs/producer.md`
//! lists them.

use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Label, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use millstream_client::Error;
use millstream_model::ShardId;

use crate::receipt::Delivery;

const USER_RECORDS_RECEIVED: &str = "UserRecordsReceived";
const USER_RECORDS_PENDING: &str = "UserRecordsPending";
const USER_RECORDS_PUT: &str = "UserRecordsPut";
const USER_RECORDS_DATA_PUT: &str = "UserRecordsDataPut";
const USER_RECORD_EXPIRED: &str = "UserRecordExpired";
const KINESIS_RECORDS_PUT: &str = "KinesisRecordsPut";
const KINESIS_RECORDS_DATA_PUT: &str = "KinesisRecordsDataPut";
const ERRORS_BY_CODE: &str = "ErrorsByCode";
const ALL_ERRORS: &str = "AllErrors";
const RETRIES_PER_RECORD: &str = "RetriesPerRecord";
const BUFFERING_TIME: &str = "BufferingTime";
const REQUEST_TIME: &str = "RequestTime";
const USER_RECORDS_PER_KINESIS_RECORD: &str = "UserRecordsPerKinesisRecord";
const KINESIS_RECORDS_PER_REQUEST: &str = "KinesisRecordsPerPutRecordsRequest";
const USER_RECORDS_PER_REQUEST: &str = "UserRecordsPerPutRecordsRequest";
const RATE: &str = "millstream_producer_rate_ratio";

/// What KPL calls a container that landed in a shard that some of its members do not belong to.
const WRONG_SHARD: &str = "Wrong Shard";

/// Tells the recorder what the names mean.
pub(crate) fn describe() {
    describe_counter!(USER_RECORDS_RECEIVED, Unit::Count, "Records that the producer was given");
    describe_gauge!(USER_RECORDS_PENDING, Unit::Count, "Records that are not yet acknowledged or given up");
    describe_counter!(USER_RECORDS_PUT, Unit::Count, "Records that were acknowledged");
    describe_counter!(USER_RECORDS_DATA_PUT, Unit::Bytes, "Their data and partition keys");
    describe_counter!(USER_RECORD_EXPIRED, Unit::Count, "Records that were not acknowledged in time");
    describe_counter!(KINESIS_RECORDS_PUT, Unit::Count, "Records of the stream that were acknowledged");
    describe_counter!(KINESIS_RECORDS_DATA_PUT, Unit::Bytes, "Their data and partition keys");
    describe_counter!(ERRORS_BY_CODE, Unit::Count, "Attempts of records of the stream that failed, by error");
    describe_counter!(ALL_ERRORS, Unit::Count, "Attempts of records of the stream that failed");
    describe_histogram!(RETRIES_PER_RECORD, Unit::Count, "Attempts of a record beyond the first");
    describe_histogram!(BUFFERING_TIME, Unit::Milliseconds, "From a record's arrival to its first call");
    describe_histogram!(REQUEST_TIME, Unit::Milliseconds, "One call of PutRecords");
    describe_histogram!(USER_RECORDS_PER_KINESIS_RECORD, Unit::Count, "Records in one record of the stream");
    describe_histogram!(KINESIS_RECORDS_PER_REQUEST, Unit::Count, "Records of the stream in one call");
    describe_histogram!(USER_RECORDS_PER_REQUEST, Unit::Count, "Records in one call");
    describe_gauge!(RATE, "The share of the configured rate that the shard leaves to this producer, 0 to 1");
}

/// The figures of a stream.
pub(crate) struct StreamMetrics {
    pub(crate) received: Counter,
    pub(crate) pending: Gauge,
    request_time: Histogram,
    records_per_request: Histogram,
    user_records_per_request: Histogram,
}

impl std::fmt::Debug for StreamMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamMetrics").finish_non_exhaustive()
    }
}

impl StreamMetrics {
    pub(crate) fn new(stream: &str) -> Self {
        let labels = vec![Label::new("StreamName", stream.to_owned())];
        Self {
            received: counter!(USER_RECORDS_RECEIVED, labels.clone()),
            pending: gauge!(USER_RECORDS_PENDING, labels.clone()),
            request_time: histogram!(REQUEST_TIME, labels.clone()),
            records_per_request: histogram!(KINESIS_RECORDS_PER_REQUEST, labels.clone()),
            user_records_per_request: histogram!(USER_RECORDS_PER_REQUEST, labels),
        }
    }

    /// A call has ended.
    pub(crate) fn called(&self, records: usize, user_records: usize, took: Duration) {
        self.request_time.record(millis(took));
        self.records_per_request.record(float(records));
        self.user_records_per_request.record(float(user_records));
    }
}

/// The figures of one shard.
pub(crate) struct ShardMetrics {
    put: Counter,
    data_put: Counter,
    expired: Counter,
    records_put: Counter,
    records_data_put: Counter,
    errors: Counter,
    retries: Histogram,
    buffering: Histogram,
    user_records: Histogram,
    rate: Gauge,
    labels: Arc<[Label]>,
}

impl std::fmt::Debug for ShardMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShardMetrics").field("labels", &self.labels).finish_non_exhaustive()
    }
}

impl ShardMetrics {
    pub(crate) fn new(stream: &str, shard: Option<ShardId>) -> Self {
        let shard = shard.map_or_else(|| "unknown".to_owned(), |shard| shard.to_string());
        let labels = vec![Label::new("StreamName", stream.to_owned()), Label::new("ShardId", shard)];
        Self {
            put: counter!(USER_RECORDS_PUT, labels.clone()),
            data_put: counter!(USER_RECORDS_DATA_PUT, labels.clone()),
            expired: counter!(USER_RECORD_EXPIRED, labels.clone()),
            records_put: counter!(KINESIS_RECORDS_PUT, labels.clone()),
            records_data_put: counter!(KINESIS_RECORDS_DATA_PUT, labels.clone()),
            errors: counter!(ALL_ERRORS, labels.clone()),
            retries: histogram!(RETRIES_PER_RECORD, labels.clone()),
            buffering: histogram!(BUFFERING_TIME, labels.clone()),
            user_records: histogram!(USER_RECORDS_PER_KINESIS_RECORD, labels.clone()),
            rate: gauge!(RATE, labels.clone()),
            labels: labels.into(),
        }
    }

    /// A record of the stream was acknowledged. The times of its members are those of the oldest one.
    pub(crate) fn stored(
        &self,
        user_records: usize,
        user_bytes: usize,
        size: usize,
        oldest: Duration,
        delivery: &Delivery,
    ) {
        self.put.increment(user_records as u64);
        self.data_put.increment(user_bytes as u64);
        self.records_put.increment(1);
        self.records_data_put.increment(size as u64);
        self.user_records.record(float(user_records));
        self.retries.record(float(delivery.attempts.len().saturating_sub(1)));
        let sent = delivery.sent.unwrap_or(delivery.ended);
        self.buffering.record(millis(sent.saturating_sub(oldest)));
    }

    pub(crate) fn expired(&self, user_records: usize) {
        self.expired.increment(user_records as u64);
    }

    pub(crate) fn failed(&self, error: &Error) {
        self.error(code(error));
    }

    pub(crate) fn strayed(&self) {
        self.error(WRONG_SHARD);
    }

    pub(crate) fn paced(&self, share: f64) {
        self.rate.set(share);
    }

    fn error(&self, code: &str) {
        self.errors.increment(1);
        let mut labels = self.labels.to_vec();
        labels.push(Label::new("ErrorCode", code.to_owned()));
        counter!(ERRORS_BY_CODE, labels).increment(1);
    }
}

/// What the service calls an error, or a word for what the service does not know of.
fn code(error: &Error) -> &str {
    match error {
        Error::AccessDenied(_) => "AccessDeniedException",
        Error::ExpiredIterator(_) => "ExpiredIteratorException",
        Error::ExpiredNextToken(_) => "ExpiredNextTokenException",
        Error::InternalFailure(_) => "InternalFailure",
        Error::InvalidArgument(_) => "InvalidArgumentException",
        Error::Kms { .. } => "KMS",
        Error::LimitExceeded(_) => "LimitExceededException",
        Error::ProvisionedThroughputExceeded(_) => "ProvisionedThroughputExceededException",
        Error::ResourceInUse(_) => "ResourceInUseException",
        Error::ResourceNotFound(_) => "ResourceNotFoundException",
        Error::Throttling(_) => "ThrottlingException",
        Error::Validation(_) => "ValidationException",
        Error::Unauthenticated { code, .. } | Error::Refused { code, .. } => code,
        Error::ServiceUnavailable { .. } => "ServiceUnavailable",
        Error::Configuration(_) => "Configuration",
        Error::Credentials(_) => "Credentials",
        Error::NotOffered(_) => "NotOffered",
        Error::Unsendable(_) => "Unsendable",
        Error::Unreachable(_) => "Unreachable",
        Error::Untrusted(_) => "Untrusted",
        Error::ConnectionLost(_) => "ConnectionLost",
        Error::TimedOut(_) => "TimedOut",
        Error::UnreadableReply(_) => "UnreadableReply",
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[allow(clippy::cast_precision_loss)] // counts of one call
fn float(count: usize) -> f64 {
    count as f64
}
