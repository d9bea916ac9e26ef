//! The streams that workers read: one that was filled before they come, and one that is fed while they work.

use std::convert::Infallible;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::streams::{Caller, decode};
use crate::wire::{Connection, Operation};

/// What PutRecords takes at once.
const BATCH: usize = 500;
/// Connections that fill a stream.
const LANES: usize = 4;
/// Between two records of one shard.
pub(super) const TRICKLE_INTERVAL: Duration = Duration::from_millis(100);

/// Puts so many records, which keys spread over all shards, and returns when all are acknowledged.
pub(super) async fn fill(
    caller: &Caller,
    stream: &str,
    records: usize,
    record_bytes: usize,
) -> Result<(), Error> {
    // Every record alike is as good as any, but for what compresses.
    let mut data = vec![0; record_bytes];
    caller.entropy.fill(&mut data);
    let data = BASE64_STANDARD.encode(data);
    let lanes = (0..LANES).map(|lane| {
        let data = &data;
        async move {
            let mut connection = caller.connection();
            for first in (lane * BATCH..records).step_by(LANES * BATCH) {
                let numbers = first..(first + BATCH).min(records);
                let records: Vec<_> = numbers
                    .map(|number| json!({ "PartitionKey": number.to_string(), "Data": data }))
                    .collect();
                put(caller, &mut connection, stream, &records).await?;
            }
            Ok(())
        }
    });
    try_join_all(lanes).await.map(|_: Vec<()>| ())
}

/// Puts one record into every shard, again and again.
pub(super) async fn trickle(
    caller: &Caller,
    stream: &str,
    shards: u32,
    record_bytes: usize,
) -> Result<Infallible, Error> {
    let data = BASE64_STANDARD.encode(vec![b'.'; record_bytes]);
    let records: Vec<_> = hash_keys(shards)
        .map(|key| json!({ "PartitionKey": "key", "ExplicitHashKey": key.to_string(), "Data": data }))
        .collect();
    let mut connection = caller.connection();
    loop {
        put(caller, &mut connection, stream, &records).await?;
        caller.clock.sleep(TRICKLE_INTERVAL).await;
    }
}

/// Registers the consumer that an application subscribes as, so that none of its reads is another one.
pub(super) async fn register(caller: &Caller, stream: &str, application: &str) -> Result<(), Error> {
    let mut connection = caller.connection();
    let arn = caller.stream_arn(&mut connection, stream).await?;
    let request = json!({ "StreamARN": arn, "ConsumerName": application });
    let reply = caller.call(&mut connection, Operation::RegisterStreamConsumer, &request).await?;
    let reply: RegisterReply = decode(Operation::RegisterStreamConsumer, &reply)?;
    caller.wait_until_consumer_active(&mut connection, &reply.consumer.arn).await
}

async fn put(
    caller: &Caller,
    connection: &mut Connection,
    stream: &str,
    records: &[Value],
) -> Result<(), Error> {
    let request = json!({ "StreamName": stream, "Records": records });
    let reply = caller.call(connection, Operation::PutRecords, &request).await?;
    let reply: PutReply = decode(Operation::PutRecords, &reply)?;
    if reply.failed_record_count == 0 {
        return Ok(());
    }
    let kinds = Operation::PutRecords.name().to_owned();
    Err(Error::Replies { count: reply.failed_record_count, kinds })
}

/// One in every shard of a stream that was made with so many.
fn hash_keys(shards: u32) -> impl Iterator<Item = u128> {
    let shards = u128::from(shards.max(1));
    let width = u128::MAX / shards;
    (0..shards).map(move |shard| shard * width + width / 2)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutReply {
    #[serde(default)]
    failed_record_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegisterReply {
    consumer: Registered,
}

#[derive(Deserialize)]
struct Registered {
    #[serde(rename = "ConsumerARN")]
    arn: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_has_a_key() {
        for shards in [1_u32, 3, 8] {
            let width = u128::MAX / u128::from(shards);
            let of: Vec<_> = hash_keys(shards).map(|key| key / width).collect();
            assert_eq!(of, (0..u128::from(shards)).collect::<Vec<_>>());
        }
    }
}
