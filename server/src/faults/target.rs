//! What a call is about, as far as rules look at it.

use bytestring::ByteString;
use millstream_engine::Engine;
use millstream_model::{AccountId, HashKey, ShardId, StreamArn};

use crate::aws::call::Call;
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{Input, Operation, Subject};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) call: Call,
    /// Of the caller.
    pub(crate) account: AccountId,
    pub(crate) stream: Option<StreamArn>,
    pub(crate) shard: Option<ShardId>,
    /// The name of a table.
    pub(crate) table: Option<String>,
}

impl Target {
    /// What the input says or, in an iterator or by a partition key, implies. It may not exist.
    pub(crate) fn of(engine: &Engine, caller: &Caller, input: &Input) -> Self {
        let Subject { stream_name, stream_arn, resource_arn, consumer_arn, shard_id, shard_iterator } =
            input.subject();
        let read = shard_iterator.and_then(|iterator| engine.shard_of_iterator(iterator));
        let arn = stream_arn.or(resource_arn).or(consumer_arn);
        let mut target = Self::named(input.operation(), caller, arn, stream_name);
        if let Some((stream, shard)) = read {
            return Self { stream: Some(stream), shard: Some(shard), ..target };
        }
        target.shard = match (input, &target.stream) {
            (Input::PutRecord(input), Some(stream)) => {
                routed(engine, stream, input.partition_key.as_ref(), input.explicit_hash_key.as_ref())
            }
            _ => shard_id.and_then(|id| ShardId::parse_lenient(id)),
        };
        target
    }

    /// A call that names its stream by an ARN, of the stream or of something that it has, or by a name.
    pub(crate) fn named(
        operation: Operation,
        caller: &Caller,
        arn: Option<&ByteString>,
        name: Option<&ByteString>,
    ) -> Self {
        let stream = match (arn, name) {
            (Some(arn), _) => stream_in(arn),
            (None, Some(name)) => name.parse().ok().map(|name| caller.stream(name)),
            (None, None) => None,
        };
        Self {
            call: Call::Kinesis(operation),
            account: caller.account.clone(),
            stream,
            shard: None,
            table: None,
        }
    }

    /// A call about a table that is named by its name, or by the ARN of itself or of something that it has.
    pub(crate) fn of_table(call: Call, caller: &Caller, table: Option<&str>) -> Self {
        let table = table.map(|text| table_in(text).to_owned());
        Self { call, account: caller.account.clone(), stream: None, shard: None, table }
    }

    /// The same call with one of its entries.
    pub(crate) fn with_entry(
        &self,
        engine: &Engine,
        partition_key: Option<&ByteString>,
        explicit_hash_key: Option<&ByteString>,
    ) -> Self {
        let stream = self.stream.as_ref();
        let shard = stream.and_then(|stream| routed(engine, stream, partition_key, explicit_hash_key));
        Self { shard, ..self.clone() }
    }
}

/// The stream that an ARN names, be it a stream's or one of something that a stream has.
fn stream_in(arn: &str) -> Option<StreamArn> {
    let end = arn.match_indices('/').nth(1).map_or(arn.len(), |(place, _)| place);
    arn[..end].parse().ok()
}

/// The table's name in a name or an ARN.
fn table_in(text: &str) -> &str {
    match text.split_once(":table/") {
        Some((_, rest)) => rest.split('/').next().unwrap_or(rest),
        None => text,
    }
}

fn routed(
    engine: &Engine,
    stream: &StreamArn,
    partition_key: Option<&ByteString>,
    explicit_hash_key: Option<&ByteString>,
) -> Option<ShardId> {
    let hash_key = match explicit_hash_key {
        Some(text) => text.parse().ok()?,
        None => HashKey::of_partition_key(partition_key?.as_bytes()),
    };
    engine.shard_of_hash_key(stream, hash_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_stands_in_the_arns_of_what_it_has() {
        let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
        for arn in [stream.to_owned(), format!("{stream}/consumer/app:1700000000")] {
            assert_eq!(stream_in(&arn).unwrap().to_string(), stream);
        }
        assert_eq!(stream_in("arn:aws:kinesis:us-east-1:000000000000:queue/q"), None);
        assert_eq!(stream_in(""), None);
    }

    #[test]
    fn the_table_stands_in_the_arns_of_what_it_has() {
        let table = "arn:aws:dynamodb:us-east-1:000000000000:table/leases";
        for text in ["leases".to_owned(), table.to_owned(), format!("{table}/stream/2026-01-02T03:04:05.678")]
        {
            assert_eq!(table_in(&text), "leases");
        }
    }
}
