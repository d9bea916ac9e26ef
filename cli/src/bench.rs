//! `bench`: the load generator and its reports; the harness itself is the crate of that name.

use clap::Args;
use millstream_benches::BenchArgs;

use crate::connection::Surroundings;
use crate::exit::Failure;

/// Measure a Kinesis or DynamoDB endpoint, or the disk under it.
#[derive(Args, Debug)]
pub(crate) struct BenchArguments {
    #[command(flatten)]
    bench: BenchArgs,
}

pub(crate) async fn run(arguments: BenchArguments) -> Result<(), Failure> {
    let Surroundings { clock, entropy } = Surroundings::default();
    Ok(millstream_benches::run(arguments.bench, clock, entropy).await?)
}
