//! Shards: split, merged, and as many as are wanted.

use serde_json::json;

use super::{SOME, Steps, arn, shard};
use millstream_tests::told::Client;

const HALF: &str = "170141183460469231731687303715884105728";

impl<C: Client> Steps<C> {
    pub(super) fn resharding(&mut self) {
        let split = json!({ "StreamName": "orders", "ShardToSplit": shard(0), "NewStartingHashKey": HALF });
        self.tell("SplitShard", &split);
        self.refused("SplitShard", &split, "InvalidArgumentException");
        let merge =
            json!({ "StreamName": "orders", "ShardToMerge": shard(1), "AdjacentShardToMerge": shard(2) });
        self.tell("MergeShards", &merge);
        let ended = json!({ "StartingSequenceNumber": SOME, "EndingSequenceNumber": SOME });
        let shards = json!({
            "Shards": [
                { "ShardId": shard(0), "ParentShardId": null, "SequenceNumberRange": ended },
                { "ShardId": shard(1), "ParentShardId": shard(0), "SequenceNumberRange": ended },
                { "ShardId": shard(2), "ParentShardId": shard(0), "SequenceNumberRange": ended },
                {
                    "ShardId": shard(3), "ParentShardId": shard(1), "AdjacentParentShardId": shard(2),
                    "SequenceNumberRange": { "StartingSequenceNumber": SOME, "EndingSequenceNumber": null },
                },
            ],
        });
        self.call("ListShards", &json!({ "StreamName": "orders" }), &shards);
        self.end_of_a_shard();
        let count =
            json!({ "StreamName": "orders", "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING" });
        let answer = json!({
            "StreamName": "orders", "StreamARN": arn("orders"), "CurrentShardCount": 1, "TargetShardCount": 2,
        });
        self.call("UpdateShardCount", &count, &answer);
    }

    fn end_of_a_shard(&mut self) {
        let latest =
            json!({ "StreamName": "orders", "ShardId": shard(1), "ShardIteratorType": "TRIM_HORIZON" });
        let start = self.call("GetShardIterator", &latest, &json!({ "ShardIterator": SOME }));
        let child = json!({
            "ShardId": shard(3), "ParentShards": [shard(1), shard(2)], "HashKeyRange": { "StartingHashKey": "0" },
        });
        let end = json!({ "Records": [], "NextShardIterator": null, "ChildShards": [child] });
        self.call("GetRecords", &json!({ "ShardIterator": start["ShardIterator"] }), &end);
    }
}
