//! Putting records and getting them.

use std::collections::BTreeMap;

use bytestring::ByteString;
use millstream_engine::{Distribution, Engine, GetRecords, PutEntry, PutFailure, Receipt};
use millstream_model::{HashKey, ShardId, StreamArn};

use super::errors::invalid_argument;
use super::{Answer, encryption, names, positions, shards};
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{
    GetRecordsInput, GetRecordsOutput, GetShardIteratorInput, GetShardIteratorOutput, PutRecordInput,
    PutRecordOutput, PutRecordsInput, PutRecordsOutput, PutRecordsResultEntry, Record,
};

pub(super) async fn put_record(
    engine: &Engine,
    caller: &Caller,
    input: PutRecordInput,
) -> Answer<PutRecordOutput> {
    let stream = names::stream_of!(caller, input)?;
    let entry = PutEntry {
        partition_key: input.partition_key.unwrap_or_default().into_bytes(),
        explicit_hash_key: hash_key(engine, &stream, input.explicit_hash_key.as_ref())?,
        data: input.data,
    };
    let ordering = input.sequence_number_for_ordering.as_deref();
    let dry_run = input.dry_run.unwrap_or_default();
    let receipt = engine.put_record(&stream, entry, ordering, dry_run).await?;
    Ok(PutRecordOutput {
        shard_id: receipt.shard_id.to_string().into(),
        sequence_number: receipt.sequence_number.to_string().into(),
        encryption_type: encryption::of_records(receipt.encrypted),
    })
}

pub(super) async fn put_records(
    engine: &Engine,
    caller: &Caller,
    input: PutRecordsInput,
) -> Answer<PutRecordsOutput> {
    let stream = names::stream_of!(caller, input)?;
    let entries = input.records.into_iter().map(|entry| {
        Ok(PutEntry {
            partition_key: entry.partition_key.unwrap_or_default().into_bytes(),
            explicit_hash_key: hash_key(engine, &stream, entry.explicit_hash_key.as_ref())?,
            data: entry.data,
        })
    });
    let entries = entries.collect::<Answer<Vec<_>>>()?;
    let outcomes = engine.put_records(&stream, &entries, input.dry_run.unwrap_or_default()).await?;
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let mut receipts = outcomes.iter().flatten().peekable();
    let encrypted = match receipts.peek() {
        Some(_) => receipts.any(|receipt| receipt.encrypted),
        // None was stored. The answer is that of the stream all the same.
        None => engine.is_encrypted(&stream)?,
    };
    let mut shard_ids = ShardIds::new();
    Ok(PutRecordsOutput {
        failed_record_count: Some(i32::try_from(failed).unwrap_or(i32::MAX)),
        records: outcomes.into_iter().map(|outcome| result(outcome, &mut shard_ids)).collect(),
        encryption_type: encryption::of_records(encrypted),
    })
}

/// The texts of the shards that one call's records went to. There are few, and each is shared by its records.
type ShardIds = BTreeMap<ShardId, ByteString>;

fn result(outcome: Result<Receipt, PutFailure>, shard_ids: &mut ShardIds) -> PutRecordsResultEntry {
    let failure = |code, text: ByteString| PutRecordsResultEntry {
        error_code: Some(ByteString::from_static(code)),
        error_message: Some(text),
        ..PutRecordsResultEntry::default()
    };
    match outcome {
        Ok(Receipt { shard_id, sequence_number, .. }) => PutRecordsResultEntry {
            sequence_number: Some(sequence_number.to_string().into()),
            shard_id: Some(shard_ids.entry(shard_id).or_insert_with(|| shard_id.to_string().into()).clone()),
            ..PutRecordsResultEntry::default()
        },
        Err(PutFailure::Throttled(text)) => failure("ProvisionedThroughputExceededException", text.into()),
        Err(PutFailure::Internal) => {
            failure("InternalFailure", ByteString::from_static("Internal Service Failure"))
        }
    }
}

/// An explicit hash key, if one is given and says anything.
fn hash_key(engine: &Engine, stream: &StreamArn, text: Option<&ByteString>) -> Answer<Option<HashKey>> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(key) = text.parse() {
        return Ok(Some(key));
    }
    if engine.distribution(stream)? == Distribution::Auto {
        return Ok(None);
    }
    Err(invalid_argument(format!(
        "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {text}"
    )))
}

pub(super) async fn get_shard_iterator(
    engine: &Engine,
    caller: &Caller,
    input: GetShardIteratorInput,
) -> Answer<GetShardIteratorOutput> {
    let stream = names::stream_of!(caller, input)?;
    engine.check_shard(&stream, &input.shard_id)?;
    let number = input.starting_sequence_number.as_ref();
    let start = positions::start(input.shard_iterator_type, number, input.timestamp)?;
    let dry_run = input.dry_run.unwrap_or_default();
    let iterator = engine.get_shard_iterator(&stream, &input.shard_id, &start, dry_run).await?;
    Ok(GetShardIteratorOutput { shard_iterator: Some(iterator.into()) })
}

pub(super) async fn get_records(engine: &Engine, input: GetRecordsInput) -> Answer<GetRecordsOutput> {
    let stream = input.stream_arn.as_ref().map(names::parse).transpose()?;
    let call = GetRecords {
        iterator: &input.shard_iterator,
        records_max: input.limit.and_then(|limit| usize::try_from(limit).ok()),
        bytes_max: None,
        stream: stream.as_ref(),
        dry_run: input.dry_run.unwrap_or_default(),
    };
    let page = engine.get_records(call).await?;
    Ok(GetRecordsOutput {
        records: page.records.into_iter().map(wire).collect(),
        next_shard_iterator: page.next_iterator.map(ByteString::from),
        millis_behind_latest: Some(i64::try_from(page.millis_behind_latest).unwrap_or(i64::MAX)),
        child_shards: shards::children(&page.children),
    })
}

/// A record as it is sent, without a partition key if its producer sent none. Partition keys are text from their
/// taking on; were one not, the rest of the record would still be of more use than none.
pub(super) fn wire(record: millstream_model::Record) -> Record {
    let key = Some(record.partition_key).filter(|key| !key.is_empty());
    let partition_key = key.map(|key| match ByteString::try_from(key.clone()) {
        Ok(text) => text,
        Err(_) => String::from_utf8_lossy(&key).into_owned().into(),
    });
    Record {
        sequence_number: record.sequence_number.to_string().into(),
        approximate_arrival_timestamp: Some(record.approximate_arrival),
        data: record.data,
        partition_key,
        encryption_type: encryption::of_records(record.encrypted),
    }
}
