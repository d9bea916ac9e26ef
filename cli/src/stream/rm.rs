//! `stream rm`.

use clap::Args;
use millstream_client::{StreamApi, StreamRef};
use millstream_runtime::Clock;

use crate::exit::Failure;

/// Remove a stream and all its records.
#[derive(Args, Debug)]
pub(crate) struct RmArguments {
    /// Its name or ARN.
    #[arg(value_name = "NAME")]
    stream: StreamRef,

    /// Remove it even if consumers are registered with it.
    #[arg(long)]
    with_consumers: bool,

    /// Return once the stream is gone and its name is free.
    #[arg(long)]
    wait: bool,
}

pub(super) async fn run(
    api: &dyn StreamApi,
    clock: &dyn Clock,
    arguments: &RmArguments,
) -> Result<(), Failure> {
    api.delete_stream(&arguments.stream, arguments.with_consumers).await?;
    if arguments.wait {
        super::wait_until_gone(api, clock, &arguments.stream).await?;
    }
    Ok(())
}
