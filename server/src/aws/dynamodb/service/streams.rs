//! DynamoDB Streams: the streams of tables, their shards and their records.

use bytestring::ByteString;
use millstream_model::Timestamp;
use millstream_table::{
    Cause, ChangeKind, DescribeStream, RECORDS_MAX, STREAMS_MAX, StreamArn, StreamDescription as Described,
    StreamRecord as Kept, StreamShard, StreamStart, StreamView, Tables,
};

use super::descriptions::key_parts;
use super::values::attributes;
use super::{Answer, validation};
use crate::aws::caller::Caller;
use crate::aws::codec::ApiError;
use crate::aws::dynamodb::generated::KeyType as Part;
use crate::aws::dynamodb::streams::generated::{
    DescribeStreamInput, DescribeStreamOutput, GetRecordsInput, GetRecordsOutput, GetShardIteratorInput,
    GetShardIteratorOutput, Identity, KeySchemaElement, KeyType, ListStreamsInput, ListStreamsOutput,
    OperationType, Record, SequenceNumberRange, Shard, ShardIteratorType, Stream, StreamDescription,
    StreamRecord, StreamStatus, StreamViewType,
};

/// What records say of themselves, whatever table they are of.
pub(crate) const EVENT_SOURCE: ByteString = ByteString::from_static("aws:dynamodb");
const EVENT_VERSION: ByteString = ByteString::from_static("1.1");

/// Who deletes items whose time has come.
pub(crate) const EXPIRY_PRINCIPAL: ByteString = ByteString::from_static("dynamodb.amazonaws.com");
pub(crate) const EXPIRY_KIND: ByteString = ByteString::from_static("Service");

pub(super) fn list(tables: &Tables, caller: &Caller, input: &ListStreamsInput) -> Answer<ListStreamsOutput> {
    // The model knows no other names than those that a table may have.
    let table = input.table_name.as_deref().and_then(|name| name.parse().ok());
    let start = input.exclusive_start_stream_arn.as_ref().map(stream).transpose()?;
    let page =
        tables.list_streams(&caller.account, &caller.region, table, start.as_ref(), limit(input.limit)?)?;
    let shown = page.streams.into_iter().map(|arn| Stream {
        stream_arn: Some(arn.to_string().into()),
        table_name: Some(arn.table.name.as_str().into()),
        stream_label: Some(arn.label.into()),
    });
    Ok(ListStreamsOutput {
        streams: Some(shown.collect()),
        last_evaluated_stream_arn: page.last.map(|arn| arn.to_string().into()),
    })
}

pub(super) async fn describe(tables: &Tables, input: DescribeStreamInput) -> Answer<DescribeStreamOutput> {
    // There is one kind of filter.
    let children_of = input.shard_filter.and_then(|filter| filter.shard_id);
    let call = DescribeStream {
        stream: stream(&input.stream_arn)?,
        limit: limit(input.limit)?,
        start: input.exclusive_start_shard_id.map(String::from),
        children_of: children_of.map(String::from),
    };
    let described = tables.describe_stream(call).await?;
    Ok(DescribeStreamOutput { stream_description: Some(description(described)) })
}

fn description(described: Described) -> StreamDescription {
    let Described { arn, stream, keys, shards, last } = described;
    let keys = key_parts(&keys).map(|(element, part)| KeySchemaElement {
        attribute_name: element.name.clone().into(),
        key_type: match part {
            Part::Hash => KeyType::Hash,
            Part::Range => KeyType::Range,
        },
    });
    let status = if stream.disabled.is_some() { StreamStatus::Disabled } else { StreamStatus::Enabled };
    StreamDescription {
        stream_arn: Some(arn.to_string().into()),
        stream_label: Some(arn.label.into()),
        stream_status: Some(status),
        stream_view_type: Some(view(stream.view)),
        creation_request_date_time: Some(stream.created),
        table_name: Some(arn.table.name.as_str().into()),
        key_schema: Some(keys.collect()),
        shards: Some(shards.into_iter().map(shard).collect()),
        last_evaluated_shard_id: last.map(Into::into),
    }
}

fn shard(shard: StreamShard) -> Shard {
    Shard {
        shard_id: Some(shard.id.into()),
        sequence_number_range: Some(SequenceNumberRange {
            starting_sequence_number: Some(shard.first_sequence_number.into()),
            ending_sequence_number: shard.last_sequence_number.map(Into::into),
        }),
        parent_shard_id: shard.parent.map(Into::into),
    }
}

pub(super) async fn iterator(
    tables: &Tables,
    input: GetShardIteratorInput,
) -> Answer<GetShardIteratorOutput> {
    let start = start(input.shard_iterator_type, input.sequence_number, input.timestamp)?;
    let iterator = tables.stream_iterator(stream(&input.stream_arn)?, &input.shard_id, start).await?;
    Ok(GetShardIteratorOutput { shard_iterator: Some(iterator.into()) })
}

fn start(
    kind: ShardIteratorType,
    number: Option<ByteString>,
    time: Option<Timestamp>,
) -> Answer<StreamStart> {
    let number = || {
        let missing =
            || validation(format!("SequenceNumber is required when ShardIteratorType is {}", kind.name()));
        number.map(String::from).ok_or_else(missing)
    };
    Ok(match kind {
        ShardIteratorType::TrimHorizon => StreamStart::TrimHorizon,
        ShardIteratorType::Latest => StreamStart::Latest,
        ShardIteratorType::AtSequenceNumber => StreamStart::At(number()?),
        ShardIteratorType::AfterSequenceNumber => StreamStart::After(number()?),
        ShardIteratorType::AtTimestamp => {
            let missing = || validation("Timestamp is required when ShardIteratorType is AT_TIMESTAMP");
            StreamStart::AtTimestamp(time.ok_or_else(missing)?)
        }
    })
}

pub(super) async fn records(tables: &Tables, input: GetRecordsInput) -> Answer<GetRecordsOutput> {
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok());
    if let Some(limit) = limit.filter(|limit| *limit > RECORDS_MAX) {
        return Err(too_large(limit, RECORDS_MAX));
    }
    let page = tables.stream_records(&input.shard_iterator, limit).await?;
    let region = ByteString::from(page.stream.table.region.to_string());
    Ok(GetRecordsOutput {
        records: Some(page.records.into_iter().map(|kept| record(kept, region.clone())).collect()),
        next_shard_iterator: page.next.map(Into::into),
    })
}

fn record(kept: Kept, region: ByteString) -> Record {
    let Kept { event_id, sequence_number, change, size_bytes, view: kind } = kept;
    let user_identity = (change.cause == Cause::Expiry)
        .then_some(Identity { principal_id: Some(EXPIRY_PRINCIPAL), kind: Some(EXPIRY_KIND) });
    Record {
        event_id: Some(event_id.into()),
        event_name: Some(event_name(change.kind)),
        event_version: Some(EVENT_VERSION),
        event_source: Some(EVENT_SOURCE),
        aws_region: Some(region),
        dynamodb: Some(StreamRecord {
            // Whole seconds, as AWS has them here.
            approximate_creation_date_time: Some(Timestamp::from_millis(
                change.at_micros / 1_000_000 * 1_000,
            )),
            keys: Some(attributes(change.keys)),
            new_image: change.new.map(attributes),
            old_image: change.old.map(attributes),
            sequence_number: Some(sequence_number.into()),
            size_bytes: i64::try_from(size_bytes).ok(),
            stream_view_type: Some(view(kind)),
        }),
        user_identity,
    }
}

pub(crate) fn event_name(kind: ChangeKind) -> OperationType {
    match kind {
        ChangeKind::Insert => OperationType::Insert,
        ChangeKind::Modify => OperationType::Modify,
        ChangeKind::Remove => OperationType::Remove,
    }
}

fn view(view: StreamView) -> StreamViewType {
    match view {
        StreamView::KeysOnly => StreamViewType::KeysOnly,
        StreamView::NewImage => StreamViewType::NewImage,
        StreamView::OldImage => StreamViewType::OldImage,
        StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
    }
}

fn stream(text: &ByteString) -> Answer<StreamArn> {
    text.parse().map_err(|_| validation(format!("Invalid StreamArn: {text}")))
}

/// Of streams or of shards. The model says that it is 1 or more, and is checked before.
fn limit(asked: Option<i32>) -> Answer<usize> {
    match asked.and_then(|limit| usize::try_from(limit).ok()) {
        None => Ok(STREAMS_MAX),
        Some(limit) if limit > STREAMS_MAX => Err(too_large(limit, STREAMS_MAX)),
        Some(limit) => Ok(limit),
    }
}

fn too_large(limit: usize, most: usize) -> ApiError {
    validation(format!(
        "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have \
         value less than or equal to {most}"
    ))
}
