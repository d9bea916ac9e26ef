//! Puts each line of standard input into a stream: `cargo run --example put_lines -- orders < orders.txt`. A line's
//! first word is its partition key, and lines with the same key are stored in their order.
#![allow(clippy::print_stderr)] // it is for whoever watches it

use std::io::BufRead;
use std::time::Duration;

use millstream_producer_sdk::{AwsSettings, Order, Producer, Record};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stream = std::env::args().nth(1).ok_or("name a stream")?;
    // Endpoint, region and credentials come from the environment, as for every program of AWS.
    let producer = Producer::on_aws(&AwsSettings::default(), stream.parse()?).await?;
    let producer = producer.order(Order::PartitionKey).start().await?;
    let mut sent = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let key = line.split_whitespace().next().unwrap_or("none").to_owned();
        // Waits while as much is on its way as the budget allows.
        sent.push(producer.send(Record::new(key, line)).await?);
    }
    producer.flush().await;
    for pending in sent {
        let receipt = pending.await?;
        eprintln!("{} {}", receipt.shard(), receipt.sequence_number());
    }
    let ended = producer.close(Duration::from_secs(30)).await;
    if ended.unfinished == 0 { Ok(()) } else { Err("not everything was stored".into()) }
}
