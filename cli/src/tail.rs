//! `tail`: the records of all shards of a stream, as one.

mod follow;
mod lineage;
mod merge;
mod show;
mod start;

use std::time::Duration;

use clap::Args;
use millstream_client::StreamRef;
use millstream_model::Timestamp;

use self::follow::{Tail, TailSettings};
use self::start::Start;
use crate::connection::{ConnectionArguments, SHORT_PATIENCE, Surroundings};
use crate::exit::Failure;
use crate::output::{Format, Output};
use crate::put::interrupted;

/// How long the service may be away while a stream is read.
const READ_PATIENCE: Duration = Duration::from_secs(60);

/// Show the records of all shards of a stream, roughly by time of arrival.
///
/// Within a shard the order is exact, and a shard's records come after those of the shards that it was split
/// or merged from. Without -f this ends when every shard has been read to its newest record.
///
/// With -o ndjson each record is a line with shardId, sequenceNumber, approximateArrivalTimestamp,
/// partitionKey and data (dataBase64 where the data is not UTF-8). With -o json each record is an indented
/// document, and data that is JSON is shown as such. With --deaggregate, user records that came in one record
/// also have subSequenceNumber, and explicitHashKey where the producer gave one.
#[derive(Args, Debug)]
pub(crate) struct TailArguments {
    /// Its name or ARN.
    stream: StreamRef,

    /// Go on with new records as they arrive, and with new shards as they open.
    #[arg(short, long)]
    follow: bool,

    /// Where to begin: trim-horizon, latest, a time ago (-1h), a time (2013-01-01T05:00:00Z), or a sequence
    /// number (that record, and of the other shards what arrived in the same second or later). By default
    /// latest with -f, else trim-horizon.
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    from: Option<Start>,

    /// Show the user records of a KPL producer, many of which may be in one record of the stream.
    #[arg(long)]
    deaggregate: bool,

    /// Stop after so many records that were shown.
    #[arg(short = 'n', long, value_name = "N")]
    max: Option<u64>,
}

pub(crate) async fn run(
    connection: ConnectionArguments,
    format: Format,
    arguments: TailArguments,
) -> Result<(), Failure> {
    let TailArguments { stream, follow, from, deaggregate, max } = arguments;
    let surroundings = Surroundings::default();
    let now = Timestamp::from_unix(surroundings.clock.now());
    let from = from.unwrap_or(if follow { Start::Latest } else { Start::TrimHorizon }).at(now);
    let settings = TailSettings { from, follow, deaggregate, records_max: max.unwrap_or(u64::MAX) };
    let once = connection.connect_once(&surroundings).await?;
    let shards = surroundings
        .retrying(once.clone(), SHORT_PATIENCE)
        .all_shards(&stream, settings.from.filter())
        .await?;
    let tail =
        Tail::new(surroundings.retrying(once, READ_PATIENCE), &stream, &surroundings, settings, &shards);
    let mut output = Output::new();
    let mut write = |shard, record: &_, buffer: &mut _| show::render(format, shard, record, buffer);
    tokio::select! {
        ended = tail.run(&mut output, &mut write, interrupted(1)) => ended,
        // The first interrupt lets the line that is being written end; the second does not wait for it.
        () = interrupted(2) => Err(Failure::Interrupted),
    }
}
