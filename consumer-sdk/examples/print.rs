//! Prints the records of a stream, from the oldest on: `cargo run --example print -- orders`.
#![allow(clippy::print_stdout)] // it is what the program is for

use millstream_consumer_sdk::{
    AwsSettings, Batch, BoxError, Checkpointer, Consumer, InitialPosition, RecordProcessor, async_trait,
};

struct Printer;

#[async_trait]
impl RecordProcessor for Printer {
    async fn process_records(&mut self, batch: &Batch, _: &Checkpointer) -> Result<(), BoxError> {
        for record in &batch.records {
            println!("{} {}", record.partition_key, String::from_utf8_lossy(&record.data));
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let stream = std::env::args().nth(1).ok_or("name a stream")?;
    // Endpoint, region and credentials come from the environment, as for every program of AWS.
    let consumer = Consumer::on_aws(&AwsSettings::default(), stream.parse()?, "printer").await?;
    let consumer = consumer.initial_position(InitialPosition::TrimHorizon).build(|_shard| Printer)?;
    consumer.run(async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}
