//! The streams that a benchmark makes for itself, and the few calls that manage them.
//!
//! These calls are not measured. They are made in JSON, whatever the load speaks, and patiently: AWS allows
//! five of them a second.

use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::{Backoff, SharedClock, SharedEntropy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::Error;
use crate::payload::random_name;
use crate::scan::Refusal;
use crate::wire::{Connection, Endpoint, Operation, Protocol, Signer};

pub(crate) const ACTIVE_POLL: Duration = Duration::from_millis(100);
pub(crate) const ACTIVE_LIMIT: Duration = Duration::from_secs(180);
const PATIENCE: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(5) };
/// Together longer than a subscription keeps others of its consumer from its shard, which is 5 seconds.
pub(crate) const ATTEMPTS_MAX: u32 = 12;
const NAME_SUFFIX_CHARS: usize = 8;

/// A target, and the right to call it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
    pub(crate) endpoint: Endpoint,
    pub(crate) signer: Arc<Signer>,
}

/// One shard of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) stream: String,
    pub(crate) id: String,
}

/// Where to begin reading a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartAt {
    TrimHorizon,
    Latest,
}

impl Caller {
    pub(crate) fn connection(&self) -> Connection {
        Connection::to(self.endpoint.clone())
    }

    /// Names that no stream has yet.
    pub(crate) fn stream_names(&self, prefix: &str, count: usize) -> Vec<String> {
        let run = random_name(self.entropy.as_ref(), NAME_SUFFIX_CHARS);
        (0..count).map(|number| format!("{prefix}-{run}-{number}")).collect()
    }

    /// A name that no table has yet.
    pub(crate) fn table_name(&self, prefix: &str) -> String {
        format!("{prefix}-{}", random_name(self.entropy.as_ref(), NAME_SUFFIX_CHARS))
    }

    /// Makes streams of `shards` shards each and waits until they can be used.
    pub(crate) async fn create_streams(&self, names: &[String], shards: u32) -> Result<(), Error> {
        let mut connection = self.connection();
        for name in names {
            let body = json!({ "StreamName": name, "ShardCount": shards });
            self.call(&mut connection, Operation::CreateStream, &body).await?;
        }
        for name in names {
            self.wait_until_active(&mut connection, name).await?;
        }
        Ok(())
    }

    async fn wait_until_active(&self, connection: &mut Connection, name: &str) -> Result<(), Error> {
        let deadline = self.clock.monotonic() + ACTIVE_LIMIT;
        loop {
            let reply = self.call(connection, Operation::DescribeStreamSummary, &stream(name)).await?;
            let summary: DescribeStreamSummaryReply = decode(Operation::DescribeStreamSummary, &reply)?;
            if summary.stream_description_summary.stream_status == "ACTIVE" {
                return Ok(());
            }
            if self.clock.monotonic() >= deadline {
                return Err(Error::StreamNotActive(name.to_owned()));
            }
            self.clock.sleep(ACTIVE_POLL).await;
        }
    }

    /// Deletes every stream that can be deleted, and minds none that is not there; returns the first error.
    /// Consumers, if there were any, may be on their way out and must not hold a stream back.
    pub(crate) async fn delete_streams(&self, names: &[String], had_consumers: bool) -> Result<(), Error> {
        let mut connection = self.connection();
        let mut outcome = Ok(());
        for name in names {
            let mut request = stream(name);
            if had_consumers {
                request["EnforceConsumerDeletion"] = json!(true);
            }
            match self.call(&mut connection, Operation::DeleteStream, &request).await {
                Err(Error::Refused { kind, .. }) if kind == "ResourceNotFoundException" => {}
                deleted => outcome = outcome.and(deleted.map(|_| ())),
            }
        }
        outcome
    }

    pub(crate) async fn stream_arn(&self, connection: &mut Connection, name: &str) -> Result<String, Error> {
        let reply = self.call(connection, Operation::DescribeStreamSummary, &stream(name)).await?;
        let summary: DescribeStreamSummaryReply = decode(Operation::DescribeStreamSummary, &reply)?;
        let reason = "StreamARN is missing";
        let malformed = Error::Malformed { operation: Operation::DescribeStreamSummary.name(), reason };
        summary.stream_description_summary.stream_arn.ok_or(malformed)
    }

    /// All shards of the streams.
    pub(crate) async fn shards(&self, names: &[String]) -> Result<Vec<Shard>, Error> {
        let mut connection = self.connection();
        let mut shards = Vec::new();
        for name in names {
            let mut request = stream(name);
            loop {
                let reply = self.call(&mut connection, Operation::ListShards, &request).await?;
                let page: ListShardsReply = decode(Operation::ListShards, &reply)?;
                shards.extend(
                    page.shards.into_iter().map(|shard| Shard { stream: name.clone(), id: shard.shard_id }),
                );
                match page.next_token {
                    Some(token) => request = json!({ "NextToken": token }),
                    None => break,
                }
            }
        }
        Ok(shards)
    }

    pub(crate) async fn shard_iterator(
        &self,
        connection: &mut Connection,
        shard: &Shard,
        start: StartAt,
    ) -> Result<String, Error> {
        let kind = match start {
            StartAt::TrimHorizon => "TRIM_HORIZON",
            StartAt::Latest => "LATEST",
        };
        let request = json!({ "StreamName": shard.stream, "ShardId": shard.id, "ShardIteratorType": kind });
        let reply = self.call(connection, Operation::GetShardIterator, &request).await?;
        let reply: GetShardIteratorReply = decode(Operation::GetShardIterator, &reply)?;
        Ok(reply.shard_iterator)
    }

    /// One call, made again for as long as the target only asks for patience.
    pub(crate) async fn call(
        &self,
        connection: &mut Connection,
        operation: Operation,
        request: &serde_json::Value,
    ) -> Result<Vec<u8>, Error> {
        let body = serde_json::to_vec(request)?;
        for attempt in 0.. {
            let message = self.signer.message(operation, Protocol::Json, body.clone())?;
            let reply = connection.exchange(&message).await?;
            match Refusal::of(reply, Protocol::Json) {
                None => return Ok(reply.body.to_vec()),
                Some(refusal) if refusal.is_throttle() && attempt < ATTEMPTS_MAX => {
                    self.be_patient(attempt).await;
                }
                Some(Refusal { kind, message }) => {
                    return Err(Error::Refused { operation: operation.name(), kind, message });
                }
            }
        }
        Err(Error::Interrupted)
    }

    /// Waits before attempt number `attempt` (0 is the first after a refusal).
    pub(crate) async fn be_patient(&self, attempt: u32) {
        self.clock.sleep(PATIENCE.delay(attempt, self.entropy.next_u64())).await;
    }
}

fn stream(name: &str) -> serde_json::Value {
    json!({ "StreamName": name })
}

pub(crate) fn decode<T: DeserializeOwned>(operation: Operation, body: &[u8]) -> Result<T, Error> {
    let malformed = |_| Error::Malformed { operation: operation.name(), reason: "members are missing" };
    serde_json::from_slice(body).map_err(malformed)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeStreamSummaryReply {
    stream_description_summary: StreamDescriptionSummary,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamDescriptionSummary {
    stream_status: String,
    /// Not every target gives it.
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListShardsReply {
    shards: Vec<ListedShard>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedShard {
    shard_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetShardIteratorReply {
    shard_iterator: String,
}
