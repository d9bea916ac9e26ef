//! The flags of `millstream bench`.

mod table;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::{Serialize, Serializer};

use crate::wire::Protocol;
pub use table::{Spelling, TableArgs, TableMode};

/// Measure a Kinesis or DynamoDB endpoint: Millstream's, AWS's or any other.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    pub workload: Workload,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Workload {
    /// Put records as fast as the target takes them, or at a rate.
    Put(PutArgs),
    /// Read filled shards from their beginning to their end, again and again.
    Get(GetArgs),
    /// Write at a rate and follow: the time from writer to reader.
    Tail(TailArgs),
    /// Write at a rate and be pushed to: the time from writer to subscriber, and what each consumer gets.
    Push(PushArgs),
    /// Put, tail and get at the same time, each on streams of its own.
    Mixed(MixedArgs),
    /// Update the items of a table as lease coordinators do, each on the condition that nobody else has.
    Table(TableArgs),
    /// Measure what fdatasync costs on a directory's disk after a small append.
    Disk(DiskArgs),
}

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PutArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub records: RecordArgs,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Requests a second over all connections; without it, as fast as it goes
    #[arg(long, conflicts_with = "grpc")]
    pub rate: Option<f64>,
    /// Put over gRPC, with one PutStream call on each connection; streams are made over the AWS wire
    #[arg(long, conflicts_with = "protocol")]
    pub grpc: bool,
    /// Requests that a PutStream call may have unanswered
    #[arg(long, default_value_t = 16, requires = "grpc", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub unanswered: u16,
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GetArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub records: RecordArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub fill: FillArgs,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 4)]
    pub connections: usize,
    /// GetRecords calls a second over all connections; without it, as fast as it goes
    #[arg(long)]
    pub rate: Option<f64>,
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TailArgs {
    /// Bytes of data in a record
    #[arg(long, default_value_t = 1024)]
    pub record_size: usize,
    /// Records in a put; 1 is PutRecord
    #[arg(long, default_value_t = 1)]
    pub batch: usize,
    #[command(flatten)]
    #[serde(flatten)]
    pub follow: FollowArgs,
    /// Puts a second over all writers
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PushArgs {
    /// Bytes of data in a record
    #[arg(long, default_value_t = 1024)]
    pub record_size: usize,
    /// Records in a put; 1 is PutRecord
    #[arg(long, default_value_t = 1)]
    pub batch: usize,
    /// Consumers of each stream; each subscribes to every shard
    #[arg(long, default_value_t = 1)]
    pub consumers: usize,
    /// Connections that write stamped records
    #[arg(long, default_value_t = 4)]
    pub writers: usize,
    /// Puts a second over all writers
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
    /// MiB of data put before, which consumers read from the beginning; nothing is written meanwhile
    #[arg(long, default_value_t = 0)]
    pub fill_mib: u32,
    /// How long subscribers wait for the last records before these count as missing
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    #[serde(serialize_with = "as_secs")]
    pub drain: Duration,
    /// Further subscriptions, to a stream of their own that nobody writes to
    #[arg(long, default_value_t = 0)]
    pub idle_subscriptions: usize,
    /// Subscribe over HTTP/2, many on a connection; without TLS the target must expect it
    #[arg(long)]
    pub http2: bool,
    /// Put and subscribe over gRPC, with PutStream and Subscribe; all else goes over the AWS wire
    #[arg(long, conflicts_with = "http2")]
    pub grpc: bool,
    /// Do not compare the checksums of what is pushed
    #[arg(long)]
    pub skip_checksums: bool,
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MixedArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub records: RecordArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub fill: FillArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub follow: FollowArgs,
    /// Connections that put
    #[arg(long, default_value_t = 4)]
    pub connections: usize,
    /// Puts a second; without it, as fast as it goes
    #[arg(long)]
    pub rate: Option<f64>,
    /// Connections that read filled shards
    #[arg(long, default_value_t = 1)]
    pub get_connections: usize,
    /// Stamped single records a second, which the readers wait for
    #[arg(long, default_value_t = 100.0)]
    pub tail_rate: f64,
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

/// What is put.
#[derive(Clone, Copy, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordArgs {
    /// Bytes of data in a record
    #[arg(long, default_value_t = 1024)]
    pub record_size: usize,
    /// Records in a put; 1 is PutRecord
    #[arg(long, default_value_t = 100)]
    pub batch: usize,
}

/// What is read.
#[derive(Clone, Copy, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FillArgs {
    /// MiB of data put before reading: little stays in the target's caches, much has to come from disk
    #[arg(long, default_value_t = 64)]
    pub fill_mib: u32,
    /// Records asked for in a GetRecords call
    #[arg(long, default_value_t = 10_000)]
    pub limit: u32,
}

/// Who follows.
#[derive(Clone, Copy, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FollowArgs {
    /// Connections that write stamped records
    #[arg(long, default_value_t = 4)]
    pub writers: usize,
    /// Connections that follow; the shards are divided among them
    #[arg(long, default_value_t = 16)]
    pub readers: usize,
    /// Time between two reads of a shard, such as 200ms (AWS allows five a second)
    #[arg(long, default_value = "10ms", value_parser = parse_duration)]
    #[serde(serialize_with = "as_secs")]
    pub poll: Duration,
    /// How long readers look for the last records before these count as missing
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    #[serde(serialize_with = "as_secs")]
    pub drain: Duration,
}

/// What every workload on streams has.
#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunArgs {
    /// Streams to make, each for itself
    #[arg(long, default_value_t = 1)]
    pub streams: usize,
    /// Shards of each stream
    #[arg(long, default_value_t = 4)]
    pub shards: u32,
    #[arg(long, value_enum, default_value_t = Protocol::Json)]
    pub protocol: Protocol,
    /// Streams are named PREFIX-RANDOM-NUMBER
    #[arg(long, default_value = "millstream-bench")]
    #[serde(skip)]
    pub stream_prefix: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub measurement: MeasurementArgs,
}

/// What every workload has.
#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MeasurementArgs {
    /// How long to measure, such as 30s or 5m
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    #[serde(serialize_with = "as_secs")]
    pub duration: Duration,
    /// Load before the measurement that does not count
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    #[serde(serialize_with = "as_secs")]
    pub warm_up: Duration,
    /// Measurements; the summary gives their median, least and greatest
    #[arg(long, default_value_t = 1)]
    pub repeat: usize,
    /// Threads that generate load
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Leave the streams or the table there afterwards
    #[arg(long)]
    #[serde(skip)]
    pub keep: bool,
    /// Succeed even if replies were errors; they are counted all the same
    #[arg(long)]
    #[serde(skip)]
    pub allow_errors: bool,
    #[command(flatten)]
    #[serde(skip)]
    pub target: TargetArgs,
    #[command(flatten)]
    #[serde(skip)]
    pub output: OutputArgs,
}

/// Whom to call. Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or
/// are `test` and `test`.
#[derive(Clone, Debug, Default, Args)]
pub struct TargetArgs {
    /// Where the target listens [env: AWS_ENDPOINT_URL_KINESIS or, for tables, AWS_ENDPOINT_URL_DYNAMODB;
    /// AWS_ENDPOINT_URL]
    #[arg(long)]
    pub endpoint_url: Option<String>,
    /// Region in the signature [env: AWS_REGION, AWS_DEFAULT_REGION] [default: us-east-1]
    #[arg(long)]
    pub region: Option<String>,
    /// Accept any certificate
    #[arg(long, conflicts_with = "ca_bundle")]
    pub insecure: bool,
    /// Trust the certificates in this PEM file [env: AWS_CA_BUNDLE]
    #[arg(long)]
    pub ca_bundle: Option<PathBuf>,
    /// A name for the target, shown in results and pictures
    #[arg(long, default_value = "")]
    pub label: String,
    /// What an acknowledgement of the target promises, in your words; kept with the results
    #[arg(long, default_value = "")]
    pub durability: String,
    /// A process on this machine whose processor time and memory are reported too
    #[arg(long)]
    pub target_pid: Option<u32>,
}

/// Where results go besides the table.
#[derive(Clone, Debug, Default, Args)]
pub struct OutputArgs {
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw latency over percentiles and throughput over time
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// An earlier result (JSON) to draw beside this one; can be given more than once
    #[arg(long, value_name = "FILE", requires = "svg")]
    pub beside: Vec<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct DiskArgs {
    /// A directory on the disk in question
    #[arg(long)]
    pub dir: PathBuf,
    /// Bytes appended before each fdatasync, besides 4096; the two take turns
    #[arg(long, default_value_t = 65_536)]
    pub size: usize,
    /// Appends a second; without it, as fast as it goes
    #[arg(long)]
    pub rate: Option<f64>,
    /// How long to measure
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,
    /// Write the result as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// `1.5s`, `200ms`, `5m` or `1h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("a number with ms, s, m or h".to_owned()),
    };
    let number: f64 = digits.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}

fn as_secs<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(parse_duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("1h"), Ok(Duration::from_secs(3600)));
        for text in ["", "5", "s", "-1s", "1d", "1e400s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn flags_are_well_formed() {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            bench: BenchArgs,
        }
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
