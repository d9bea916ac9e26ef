//! Puts a record that is compressed, encrypted, and known when it comes twice: `cargo run --example sealed -- orders`.
//! The key is 32 bytes in hexadecimal digits, in the variable `ORDERS_KEY`; consumers need the same one, given to
//! `ConsumerBuilder::decryption`, and a `repetition_window` to leave repetitions out.
#![allow(clippy::print_stdout)] // it is what the program is for

use std::sync::Arc;
use std::time::Duration;

use millstream_producer_sdk::{AwsSettings, Compression, Producer, Record, SecretKey, StaticKeys};

type BoxError = Box<dyn std::error::Error>;

fn key() -> Result<SecretKey, BoxError> {
    let digits = std::env::var("ORDERS_KEY")?;
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let pair = digits.get(2 * at..2 * at + 2).ok_or("ORDERS_KEY has too few digits")?;
        *byte = u8::from_str_radix(pair, 16)?;
    }
    Ok(SecretKey::new(bytes))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let stream = std::env::args().nth(1).ok_or("name a stream")?;
    let keys = Arc::new(StaticKeys::new("2026-07", key()?));
    let producer = Producer::on_aws(&AwsSettings::default(), stream.parse()?)
        .await?
        .compression(Compression::Zstd { level: 3 })
        .encryption(keys)
        .start()
        .await?;
    let order = r#"{"customer": 17, "lines": [1, 2, 3]}"#.repeat(20);
    let record = Record::new("customer-17", order).with_idempotence_tag("order-4711");
    match producer.put(record).await {
        Ok(receipt) => println!("{} {}", receipt.shard(), receipt.sequence_number()),
        // Zero copies: it certainly is not there. More: putting it again with the same tag does no harm.
        Err(error) => println!("{error}; at most {} copies are stored", error.copies_max()),
    }
    let _ = producer.close(Duration::from_secs(30)).await;
    Ok(())
}
