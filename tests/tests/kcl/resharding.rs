//! Splits and merges, one at a time, wherever the stream stands.

use serde_json::{Value, json};

use crate::fleet::Fleet;

/// Merges the two lowest open shards where there are many, and splits the widest where there are few.
pub(crate) fn reshard(fleet: &mut Fleet<'_>, shards_max: usize) {
    let mut open = open_shards(fleet);
    open.sort_by_key(|(first, _, _)| *first);
    if open.len() >= shards_max {
        let (left, right) = (&open[0].2, &open[1].2);
        fleet.call("MergeShards", json!({ "ShardToMerge": left, "AdjacentShardToMerge": right }));
    } else {
        let (first, last, id) = open.iter().max_by_key(|(first, last, _)| last - first).unwrap();
        let middle = (first + (last - first) / 2 + 1).to_string();
        fleet.call("SplitShard", json!({ "ShardToSplit": id, "NewStartingHashKey": middle }));
    }
}

/// The first and the last hash key of each, and its name.
fn open_shards(fleet: &Fleet<'_>) -> Vec<(u128, u128, String)> {
    let listed = fleet.call("ListShards", json!({}));
    let shards = listed["Shards"].as_array().unwrap();
    let is_open = |shard: &&Value| shard["SequenceNumberRange"]["EndingSequenceNumber"].is_null();
    let of = |shard: &Value| {
        let key = |end: &str| shard["HashKeyRange"][end].as_str().unwrap().parse().unwrap();
        (key("StartingHashKey"), key("EndingHashKey"), shard["ShardId"].as_str().unwrap().to_owned())
    };
    shards.iter().filter(is_open).map(of).collect()
}
