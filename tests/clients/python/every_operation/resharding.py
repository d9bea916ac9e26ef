"""Shards: split, merged, and as many as are wanted; and what readers are told at the end of one."""

from calls import HALF
from checks import equal, only, refused, scenario
from servers import arn

IDS = [f"shardId-{index:012}" for index in range(16)]


@scenario("SplitShard", "MergeShards", "ListShards", "GetRecords")
def split_and_merge(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(StreamName="resharded", ShardCount=1)
    kinesis.put_record(StreamName="resharded", PartitionKey="k", Data=b"x")
    by_name, by_arn = {"StreamName": "resharded"}, {"StreamARN": arn("resharded")}
    only(kinesis.split_shard(**by_name, ShardToSplit=IDS[0], NewStartingHashKey=HALF))
    only(kinesis.merge_shards(**by_name, ShardToMerge=IDS[1], AdjacentShardToMerge=IDS[2]))
    kinesis.split_shard(**by_arn, ShardToSplit=IDS[3], NewStartingHashKey=HALF)
    kinesis.merge_shards(**by_arn, ShardToMerge=IDS[4], AdjacentShardToMerge=IDS[5])
    shards = kinesis.list_shards(**by_name)["Shards"]
    equal([shard["ShardId"] for shard in shards], IDS[:7])
    parents = [(shard.get("ParentShardId"), shard.get("AdjacentParentShardId")) for shard in shards]
    pairs = [(None, None), (IDS[0], None), (IDS[0], None), (IDS[1], IDS[2]), (IDS[3], None), (IDS[3], None), (IDS[4], IDS[5])]
    equal(parents, pairs)
    ended = ["EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in shards]
    equal(ended, [True] * 6 + [False])
    described = kinesis.describe_stream(**by_name)["StreamDescription"]["Shards"]
    equal(described, shards)

    start = kinesis.get_shard_iterator(**by_name, ShardId=IDS[0], ShardIteratorType="TRIM_HORIZON")
    page = kinesis.get_records(ShardIterator=start["ShardIterator"])
    while "NextShardIterator" in page:
        page = kinesis.get_records(ShardIterator=page["NextShardIterator"])
    equal([(child["ShardId"], child["ParentShards"]) for child in page["ChildShards"]], [(id, IDS[:1]) for id in IDS[1:3]])
    equal(page["ChildShards"][0]["HashKeyRange"], shards[1]["HashKeyRange"])

    refused("InvalidArgumentException", kinesis.split_shard, **by_name, ShardToSplit=IDS[6], NewStartingHashKey="1")
    refused("ResourceNotFoundException", kinesis.split_shard, **by_name, ShardToSplit=IDS[9], NewStartingHashKey=HALF)
    with world.plain.listener.adding(StreamId=world.stream_id):
        kinesis.split_shard(**by_name, ShardToSplit=IDS[6], NewStartingHashKey=HALF)
        kinesis.merge_shards(**by_name, ShardToMerge=IDS[7], AdjacentShardToMerge=IDS[8])
    kinesis.split_shard(**by_name, ShardToSplit=IDS[9], NewStartingHashKey=HALF)
    merge = {"ShardToMerge": IDS[11], "AdjacentShardToMerge": IDS[10]}
    refused("InvalidArgumentException", kinesis.merge_shards, **by_name, **merge)


@scenario("UpdateShardCount")
def update_count(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(StreamName="counted", ShardCount=1)
    scaling = {"ScalingType": "UNIFORM_SCALING"}
    members = "StreamName", "StreamARN", "CurrentShardCount", "TargetShardCount"
    answer = only(kinesis.update_shard_count(StreamName="counted", TargetShardCount=2, **scaling), *members)
    equal((answer["StreamName"], answer["StreamARN"]), ("counted", arn("counted")))
    equal((answer["CurrentShardCount"], answer["TargetShardCount"]), (1, 2))
    kinesis.update_shard_count(StreamARN=arn("counted"), TargetShardCount=3, **scaling)
    summary = kinesis.describe_stream_summary(StreamName="counted")["StreamDescriptionSummary"]
    equal(summary["OpenShardCount"], 3)
    world.busy.kinesis.create_stream(StreamName="counted", ShardCount=1)
    more_than_twice = {"StreamName": "counted", "TargetShardCount": 3}
    refused("InvalidArgumentException", world.busy.kinesis.update_shard_count, **more_than_twice, **scaling)
    with world.plain.listener.adding(StreamId=world.stream_id):
        kinesis.update_shard_count(StreamName="counted", TargetShardCount=2, **scaling)
