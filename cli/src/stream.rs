//! `stream`: making, listing, describing and removing streams.

mod create;
mod describe;
mod ls;
mod rm;

use std::time::Duration;

use clap::Subcommand;
use millstream_client::{Error, StreamApi, StreamRef, StreamStatus};
use millstream_runtime::Clock;

use crate::connection::{ConnectionArguments, SHORT_PATIENCE, Surroundings};
use crate::exit::Failure;
use crate::output::Format;

/// Between two looks at a stream that is changing.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// Create, list, describe and remove streams.
#[derive(Debug, Subcommand)]
pub(crate) enum StreamCommand {
    Create(create::CreateArguments),
    Ls(ls::LsArguments),
    Describe(describe::DescribeArguments),
    Rm(rm::RmArguments),
}

pub(crate) async fn run(
    connection: ConnectionArguments,
    format: Format,
    command: StreamCommand,
) -> Result<(), Failure> {
    let surroundings = Surroundings::default();
    let api = surroundings.retrying(connection.connect_once(&surroundings).await?, SHORT_PATIENCE);
    let clock = surroundings.clock.as_ref();
    match command {
        StreamCommand::Create(arguments) => create::run(api.as_ref(), clock, arguments).await,
        StreamCommand::Ls(_) => ls::run(api.as_ref(), format).await,
        StreamCommand::Describe(arguments) => describe::run(api.as_ref(), format, &arguments).await,
        StreamCommand::Rm(arguments) => rm::run(api.as_ref(), clock, &arguments).await,
    }
}

/// Waits until a stream can be used and nothing about it is changing.
pub(crate) async fn wait_until_active(
    api: &dyn StreamApi,
    clock: &dyn Clock,
    stream: &StreamRef,
) -> Result<(), Error> {
    while api.describe_stream_summary(stream).await?.status != StreamStatus::Active {
        clock.sleep(WATCH_INTERVAL).await;
    }
    Ok(())
}

/// Waits until a stream that is being deleted is gone.
async fn wait_until_gone(api: &dyn StreamApi, clock: &dyn Clock, stream: &StreamRef) -> Result<(), Error> {
    loop {
        match api.describe_stream_summary(stream).await {
            Ok(_) => clock.sleep(WATCH_INTERVAL).await,
            Err(Error::ResourceNotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
