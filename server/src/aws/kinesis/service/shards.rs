//! Listing shards, and replacing them by others.

use bytestring::ByteString;
use millstream_engine::{
    ChildShard, Engine, ListShards, ShardDescription, ShardFilter as Filter, ShardsFrom, SplitPoint,
};

use super::errors::invalid_argument;
use super::{Answer, names};
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{
    ChildShard as Child, HashKeyRange, ListShardsInput, ListShardsOutput, MergeShardsInput,
    SequenceNumberRange, Shard, ShardFilter, ShardFilterType, SplitShardInput, UpdateShardCountInput,
    UpdateShardCountOutput,
};

pub(super) fn list(engine: &Engine, caller: &Caller, input: &ListShardsInput) -> Answer<ListShardsOutput> {
    let has_stream = input.stream_name.is_some() || input.stream_arn.is_some();
    let shards_max = input.max_results.and_then(|max| usize::try_from(max).ok());
    let page = match &input.next_token {
        Some(_) if has_stream => {
            return Err(invalid_argument("NextToken and StreamName cannot be provided together."));
        }
        Some(_) if input.exclusive_start_shard_id.is_some() || input.stream_creation_timestamp.is_some() => {
            return Err(invalid_argument(
                "NextToken cannot be provided together with ExclusiveStartShardId or StreamCreationTimestamp.",
            ));
        }
        Some(token) => engine.list_shards(ListShards { from: ShardsFrom::Token(token), shards_max })?,
        None if !has_stream && input.stream_id.is_none() => {
            return Err(invalid_argument("Either NextToken or StreamName should be provided."));
        }
        None => {
            let stream = names::stream_of!(caller, input)?;
            let from = ShardsFrom::Start {
                arn: &stream,
                filter: input.shard_filter.as_ref().map_or(Ok(Filter::default()), filter)?,
                after: input.exclusive_start_shard_id.as_ref().map(ToString::to_string),
                stream_created: input.stream_creation_timestamp,
            };
            engine.list_shards(ListShards { from, shards_max })?
        }
    };
    Ok(ListShardsOutput {
        shards: Some(page.shards.iter().map(shard).collect()),
        next_token: page.next_token.map(ByteString::from),
    })
}

/// A filter with just the member that its type wants.
fn filter(filter: &ShardFilter) -> Answer<Filter> {
    let ShardFilter { kind, shard_id, timestamp } = filter;
    let (filter, wants_id, wants_time) = match (kind, shard_id, timestamp) {
        (ShardFilterType::FromTrimHorizon, ..) => (Some(Filter::FromTrimHorizon), false, false),
        (ShardFilterType::AtTrimHorizon, ..) => (Some(Filter::AtTrimHorizon), false, false),
        (ShardFilterType::AtLatest, ..) => (Some(Filter::AtLatest), false, false),
        (ShardFilterType::AtTimestamp, _, time) => (time.map(Filter::AtTimestamp), false, true),
        (ShardFilterType::FromTimestamp, _, time) => (time.map(Filter::FromTimestamp), false, true),
        (ShardFilterType::AfterShardId, id, _) => {
            (id.as_ref().map(|id| Filter::AfterShardId(id.to_string())), true, false)
        }
    };
    if shard_id.is_some() != wants_id || timestamp.is_some() != wants_time {
        let name = kind.name();
        let wants = match (wants_id, wants_time) {
            (true, _) => "needs ShardId and no Timestamp",
            (_, true) => "needs Timestamp and no ShardId",
            _ => "takes neither ShardId nor Timestamp",
        };
        return Err(invalid_argument(format!("ShardFilter of type {name} {wants}.")));
    }
    filter.ok_or_else(|| invalid_argument("ShardFilter is incomplete."))
}

pub(super) fn shard(shard: &ShardDescription) -> Shard {
    Shard {
        shard_id: shard.id.to_string().into(),
        parent_shard_id: shard.parent.map(text),
        adjacent_parent_shard_id: shard.adjacent_parent.map(text),
        hash_key_range: range(&shard.range),
        sequence_number_range: SequenceNumberRange {
            starting_sequence_number: shard.starting_sequence_number.to_string().into(),
            ending_sequence_number: shard.ending_sequence_number.map(text),
        },
    }
}

/// Absent where there are none: clients check that.
pub(super) fn children(children: &[ChildShard]) -> Option<Vec<Child>> {
    let child = |child: &ChildShard| Child {
        shard_id: text(child.id),
        parent_shards: child.parents.iter().map(text).collect(),
        hash_key_range: range(&child.range),
    };
    Some(children.iter().map(child).collect()).filter(|children: &Vec<_>| !children.is_empty())
}

pub(super) async fn split(engine: &Engine, caller: &Caller, input: SplitShardInput) -> Answer<()> {
    let stream = names::stream_of!(caller, input)?;
    // The pattern allows a few numbers that no hash key reaches. They are refused where all others are.
    let at = SplitPoint::from_number(&input.new_starting_hash_key);
    Ok(engine.split_shard(&stream, &input.shard_to_split, at).await?)
}

pub(super) async fn merge(engine: &Engine, caller: &Caller, input: MergeShardsInput) -> Answer<()> {
    let stream = names::stream_of!(caller, input)?;
    Ok(engine.merge_shards(&stream, &input.shard_to_merge, &input.adjacent_shard_to_merge).await?)
}

pub(super) async fn update_count(
    engine: &Engine,
    caller: &Caller,
    input: UpdateShardCountInput,
) -> Answer<UpdateShardCountOutput> {
    let stream = names::stream_of!(caller, input)?;
    let target = u32::try_from(input.target_shard_count).unwrap_or_default();
    let updated = engine.update_shard_count(&stream, target).await?;
    Ok(UpdateShardCountOutput {
        stream_name: Some(updated.arn.name.as_str().into()),
        current_shard_count: i32::try_from(updated.before).ok(),
        target_shard_count: Some(input.target_shard_count),
        stream_arn: Some(text(updated.arn)),
    })
}

fn range(range: &millstream_model::HashKeyRange) -> HashKeyRange {
    HashKeyRange { starting_hash_key: text(range.start()), ending_hash_key: text(range.end()) }
}

#[allow(clippy::needless_pass_by_value)] // so that it can be given to `map`
fn text(shown: impl ToString) -> ByteString {
    shown.to_string().into()
}
