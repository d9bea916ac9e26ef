//! `put`: files or standard input into a stream.

mod input;
mod report;
mod upload;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use millstream_client::{Error, StreamApi, StreamRef, StreamStatus};
use millstream_model::limits::RECORD_BYTES_MAX;

use self::input::{Input, InputError, Keys, Position, Rules, Shape, Source};
use self::report::{Report, Totals};
use self::upload::{Ended, Stopped, Upload, UploadSettings};
use crate::connection::{ConnectionArguments, Surroundings};
use crate::exit::Failure;
use crate::moment::parse_duration;
use crate::output::Format;
use crate::stream::wait_until_active;

const STDIN: &str = "-";
/// Enough for full batches of small records, and little enough that keys do not drift far apart.
const UNACKNOWLEDGED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Put lines, JSON or CSV into a stream.
///
/// Records of one partition key are stored in their order: none is sent while an earlier one of its key is
/// unacknowledged. A stream at its limit slows this down and loses nothing. A lost connection is retried,
/// and where a reply was lost after its records were stored, the retry stores them twice.
#[derive(Args, Debug)]
pub(crate) struct PutArguments {
    /// Its name or ARN.
    stream: StreamRef,

    /// Files to read in turn; `-` or none is standard input.
    files: Vec<PathBuf>,

    /// How to read them; by default as the file's ending says (.csv; .json, .jsonl, .ndjson), else lines.
    #[arg(long, value_enum)]
    format: Option<Shape>,

    /// The member of each JSON object, or the column, that holds the partition key. Records with no value
    /// there (empty, null or missing) get a random key each, and no order among them.
    #[arg(long, value_name = "NAME")]
    key_field: Option<String>,

    /// One partition key for all records, which go into one shard, one after the other. Without this and
    /// without --key-field each record gets a random key, and there is no order.
    #[arg(long, conflicts_with = "key_field", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    key: Option<String>,

    /// How long to go on when the service cannot be reached or fails.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    retry_for: Duration,

    /// Pack many records of a shard into one, as the Kinesis Producer Library does, which is far faster and cheaper.
    /// Consumers have to take them apart, as those of the Kinesis Client Library and of Millstream do.
    #[arg(long)]
    aggregate: bool,

    /// Requests in flight at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    lanes: u16,
}

/// Why a `put` did not store everything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutFailure {
    #[error("{error}\n{totals} before it")]
    Input { error: InputError, totals: Totals },
    #[error("{position} was not acknowledged: {error}\n{totals}{}", first(.first_unacknowledged.as_ref()))]
    Refused { position: Position, error: Error, totals: Totals, first_unacknowledged: Option<Position> },
}

impl PutFailure {
    pub(crate) fn service_error(&self) -> Option<&Error> {
        match self {
            Self::Refused { error, .. } => Some(error),
            Self::Input { .. } => None,
        }
    }
}

pub(crate) async fn run(
    connection: ConnectionArguments,
    format: Format,
    arguments: PutArguments,
) -> Result<(), Failure> {
    let sources = sources(&arguments);
    let keys = keys(&arguments, &sources)?;
    let surroundings = Surroundings::default();
    let api = connection.connect_once(&surroundings).await?;
    let patient = surroundings.retrying(api.clone(), arguments.retry_for);
    let record_bytes_max = prepare(patient.as_ref(), &surroundings, &arguments.stream).await?;
    let bytes_total = bytes_total(&sources);
    let rules = Rules { keys: keys.clone(), record_bytes_max };
    let Input { records, bytes_read } =
        input::start(sources, rules, surroundings.entropy.clone()).map_err(Failure::Output)?;
    let mut report = Report::new(format, surroundings.clock.clone(), bytes_read, bytes_total);
    let settings = UploadSettings {
        aggregates: arguments.aggregate,
        is_ordered: keys != Keys::Random,
        connections: arguments.lanes.into(),
        patience: arguments.retry_for,
        record_bytes_max,
        unacknowledged_bytes_max: UNACKNOWLEDGED_BYTES_MAX,
    };
    let upload = Upload::start(api, arguments.stream, &surroundings, settings).await?;
    let ended = tokio::select! {
        ended = upload.run(records, interrupted(1), &mut report) => ended,
        // The first interrupt waits for what is on its way, the second one for nothing.
        () = interrupted(2) => return Err(Failure::Interrupted),
    };
    conclude(ended?, report).await
}

/// Resolves at the `nth` interrupt from now.
pub(crate) async fn interrupted(nth: u32) {
    for _ in 0..nth {
        // Where signals cannot be listened to they end the process themselves.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for a stream that is just being created and asks it how large a record may be.
async fn prepare(
    api: &dyn StreamApi,
    surroundings: &Surroundings,
    stream: &StreamRef,
) -> Result<usize, Error> {
    match api.describe_stream_summary(stream).await {
        Ok(summary) => {
            if summary.status == StreamStatus::Creating {
                wait_until_active(api, surroundings.clock.as_ref(), stream).await?;
            }
            Ok(summary.record_bytes_max)
        }
        // Who may put need not be allowed to describe, and old endpoints cannot.
        Err(Error::AccessDenied(_) | Error::Refused { .. }) => Ok(RECORD_BYTES_MAX),
        Err(error) => Err(error),
    }
}

async fn conclude(ended: Ended, mut report: Report) -> Result<(), Failure> {
    let totals = report.totals(ended.read);
    report.finish(&totals, matches!(ended.stopped, None | Some(Stopped::Asked))).await?;
    match ended.stopped {
        None => Ok(()),
        Some(Stopped::Asked) => Err(Failure::Interrupted),
        Some(Stopped::Input(error)) => Err(PutFailure::Input { error, totals }.into()),
        Some(Stopped::Refused { position, error }) => {
            let first_unacknowledged = ended.first_unacknowledged;
            Err(PutFailure::Refused { position, error, totals, first_unacknowledged }.into())
        }
    }
}

fn sources(arguments: &PutArguments) -> Vec<Source> {
    let stdin = [PathBuf::from(STDIN)];
    let files = if arguments.files.is_empty() { &stdin[..] } else { &arguments.files };
    let source = |path: &PathBuf| {
        let is_stdin = path == Path::new(STDIN);
        Source {
            name: if is_stdin { "standard input".into() } else { path.to_string_lossy().into() },
            path: (!is_stdin).then(|| path.clone()),
            shape: arguments.format.unwrap_or_else(|| Shape::of_path(path)),
        }
    };
    files.iter().map(source).collect()
}

fn keys(arguments: &PutArguments, sources: &[Source]) -> Result<Keys, Failure> {
    match (&arguments.key_field, &arguments.key) {
        (Some(field), _) => match sources.iter().find(|source| source.shape == Shape::Lines) {
            Some(source) => Err(Failure::Usage(format!(
                "--key-field needs JSON or CSV, and {} is read as lines; --format says otherwise",
                source.name
            ))),
            None => Ok(Keys::Field(field.clone())),
        },
        (None, Some(key)) => Ok(Keys::Constant(key.clone())),
        (None, None) => Ok(Keys::Random),
    }
}

/// The size of the whole input, if it is all in files.
fn bytes_total(sources: &[Source]) -> Option<u64> {
    let size = |source: &Source| {
        let metadata = std::fs::metadata(source.path.as_ref()?).ok()?;
        metadata.is_file().then_some(metadata.len())
    };
    sources.iter().map(size).sum()
}

fn first(position: Option<&Position>) -> String {
    position.map(|at| format!("; the first that is not acknowledged is {at}")).unwrap_or_default()
}
