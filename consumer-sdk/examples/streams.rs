//! Prints the records of several streams with one fleet: `cargo run --example streams -- orders payments`.
#![allow(clippy::print_stdout)] // it is what the program is for

use millstream_consumer_sdk::{
    AwsSettings, Batch, BoxError, Checkpointer, Consumer, InitialPosition, RecordProcessor, ShardOfStream,
    async_trait,
};

/// A processor is told which stream it is for, and may be of another kind for each.
struct Printer {
    of: ShardOfStream,
}

#[async_trait]
impl RecordProcessor for Printer {
    async fn process_records(&mut self, batch: &Batch, _: &Checkpointer) -> Result<(), BoxError> {
        for record in &batch.records {
            let text = String::from_utf8_lossy(&record.data);
            println!("{} {} {text}", self.of.stream, record.partition_key);
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut streams = std::env::args().skip(1);
    let first = streams.next().ok_or("name at least one stream")?;
    let mut consumer =
        Consumer::on_aws(&AwsSettings::default(), first.parse()?, "printer-of-streams").await?;
    for stream in streams {
        consumer = consumer.and_stream(stream.parse()?);
    }
    let consumer = consumer
        .initial_position(InitialPosition::TrimHorizon)
        .build(|shard| Printer { of: shard.clone() })?;
    consumer.run(async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}
