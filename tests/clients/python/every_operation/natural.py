"""Every declared error that has a natural cause on one machine: the operations, and what causes it."""

from calls import calls, policy
from checks import code_of, refused, scenario
from servers import STRANGER, arn

NOBODY = "arn:aws:kinesis:us-east-1:000000000000:stream/a/b"

# ResourceNotFoundException: there is no such stream.
MISSING = """
    AddTagsToStream DecreaseStreamRetentionPeriod DeleteResourcePolicy DeleteStream DeregisterStreamConsumer
    DescribeStream DescribeStreamConsumer DescribeStreamSummary DisableEnhancedMonitoring EnableEnhancedMonitoring
    GetResourcePolicy GetShardIterator IncreaseStreamRetentionPeriod ListShards ListStreamConsumers ListTagsForResource
    ListTagsForStream MergeShards PutRecord PutRecords PutResourcePolicy RegisterStreamConsumer RemoveTagsFromStream
    SplitShard StartStreamEncryption StopStreamEncryption SubscribeToShard TagResource UntagResource
    UpdateMaxRecordSize UpdateShardCount UpdateStreamMode UpdateStreamRecordDistributionStrategy
    UpdateStreamWarmThroughput
""".split()

# ResourceInUseException: the stream is CREATING.
NOT_ACTIVE = """
    AddTagsToStream DecreaseStreamRetentionPeriod DeleteResourcePolicy DisableEnhancedMonitoring
    EnableEnhancedMonitoring IncreaseStreamRetentionPeriod ListShards ListStreamConsumers MergeShards PutResourcePolicy
    RegisterStreamConsumer RemoveTagsFromStream SplitShard StartStreamEncryption StopStreamEncryption TagResource
    UntagResource UpdateMaxRecordSize UpdateShardCount UpdateStreamMode UpdateStreamRecordDistributionStrategy
    UpdateStreamWarmThroughput
""".split()

# LimitExceededException: too many calls in a second, whatever else would become of them.
RATES = """
    AddTagsToStream CreateStream DecreaseStreamRetentionPeriod DeleteResourcePolicy DeleteStream
    DeregisterStreamConsumer DescribeAccountSettings DescribeLimits DescribeStream DescribeStreamConsumer DescribeStreamSummary
    DisableEnhancedMonitoring EnableEnhancedMonitoring GetResourcePolicy IncreaseStreamRetentionPeriod ListShards
    ListStreamConsumers ListStreams ListTagsForResource ListTagsForStream MergeShards PutResourcePolicy
    RegisterStreamConsumer RemoveTagsFromStream SplitShard TagResource UntagResource UpdateAccountSettings
    UpdateMaxRecordSize UpdateShardCount UpdateStreamMode UpdateStreamRecordDistributionStrategy
    UpdateStreamWarmThroughput
""".split()

# LimitExceededException: too many changes in a day.
DAYS = "StartStreamEncryption StopStreamEncryption UpdateShardCount".split()

# ProvisionedThroughputExceededException: a shard's limit.
SHARD_RATES = "GetRecords GetShardIterator PutRecord".split()

# InvalidArgumentException: neither the stream's name nor its ARN.
NO_STREAM = """
    AddTagsToStream DecreaseStreamRetentionPeriod DeleteStream DeregisterStreamConsumer DescribeStream
    DescribeStreamConsumer DescribeStreamSummary DisableEnhancedMonitoring EnableEnhancedMonitoring GetShardIterator
    IncreaseStreamRetentionPeriod ListShards ListTagsForStream MergeShards PutRecord PutRecords RemoveTagsFromStream
    SplitShard StartStreamEncryption StopStreamEncryption UpdateMaxRecordSize UpdateShardCount
    UpdateStreamWarmThroughput
""".split()

# InvalidArgumentException: an ARN of nothing that there could be.
NO_RESOURCE = """
    DeleteResourcePolicy GetResourcePolicy ListStreamConsumers ListTagsForResource PutResourcePolicy
    RegisterStreamConsumer TagResource UntagResource UpdateStreamMode UpdateStreamRecordDistributionStrategy
""".split()

# ValidationException, where it is declared: what the model itself does not allow.
INVALID = {
    "CreateStream": {"StreamName": "a b", "ShardCount": 1},
    "DeleteResourcePolicy": {"ResourceARN": "orders"},
    "GetResourcePolicy": {"ResourceARN": "orders"},
    "ListTagsForResource": {"ResourceARN": "orders"},
    "MergeShards": {"StreamName": "orders", "ShardToMerge": "0"},
    "PutResourcePolicy": {"ResourceARN": arn("orders")},
    "SplitShard": {"StreamName": "orders", "ShardToSplit": "0", "NewStartingHashKey": "01"},
    "TagResource": {"ResourceARN": arn("orders"), "Tags": {"": ""}},
    "UntagResource": {"ResourceARN": arn("orders"), "TagKeys": []},
    "UpdateAccountSettings": {"MinimumThroughputBillingCommitment": {"Status": "ENABLED_UNTIL_EARLIEST_ALLOWED_END"}},
    "UpdateMaxRecordSize": {"StreamARN": arn("orders"), "MaxRecordSizeInKiB": 1023},
    "UpdateShardCount": {"StreamName": "orders", "TargetShardCount": 0, "ScalingType": "UNIFORM_SCALING"},
    "UpdateStreamMode": {"StreamARN": arn("orders"), "StreamModeDetails": {"StreamMode": "DEMAND"}},
    "UpdateStreamRecordDistributionStrategy": {"StreamARN": arn("orders")},
    "UpdateStreamWarmThroughput": {"StreamName": "orders", "WarmThroughputMiBps": -1},
}

# AccessDeniedException: a policy is the owner's business.
OWNERS = "DeleteResourcePolicy GetResourcePolicy PutResourcePolicy".split()


def without_stream(parameters):
    return {name: value for name, value in parameters.items() if name not in ("StreamName", "StreamARN")}


@scenario(*MISSING)
def streams_that_are_missing(world):
    for operation in world.built(MISSING):
        refused("ResourceNotFoundException", world.plain.call, operation=operation, parameters=calls("missing")[operation])


@scenario(*NOT_ACTIVE)
def streams_that_are_being_created(world):
    for operation in world.built(NOT_ACTIVE):
        refused("ResourceInUseException", world.slow.call, operation=operation, parameters=calls("creating")[operation])


@scenario(*DAYS)
def too_many_changes_in_a_day(world):
    """Each may be done once in 24 hours."""
    kinesis = world.busy.kinesis
    kinesis.create_stream(StreamName="changing", ShardCount=1)
    start, stop, update = (calls("changing")[operation] for operation in DAYS)
    kinesis.start_stream_encryption(**start)
    refused("LimitExceededException", kinesis.start_stream_encryption, **start)
    world.busy.advance(12 * 3600)
    kinesis.stop_stream_encryption(**stop)
    world.busy.advance(13 * 3600)
    kinesis.start_stream_encryption(**start)
    refused("LimitExceededException", kinesis.stop_stream_encryption, **stop)
    kinesis.update_shard_count(**update)
    refused("LimitExceededException", kinesis.update_shard_count, **update)


@scenario(*SHARD_RATES)
def too_much_for_a_shard(world):
    kinesis = world.busy.kinesis
    kinesis.create_stream(StreamName="busy", ShardCount=1)
    shard = {"StreamName": "busy", "ShardId": "shardId-000000000000"}
    iterator = kinesis.get_shard_iterator(**shard, ShardIteratorType="LATEST")["ShardIterator"]
    for call, parameters in [
        (kinesis.put_record, calls("busy")["PutRecord"]),
        (kinesis.get_shard_iterator, calls("busy")["GetShardIterator"]),
        (kinesis.get_records, {"ShardIterator": iterator}),
    ]:
        codes = {code_of(call, **parameters) for _ in range(9)}
        assert codes <= {None, "ProvisionedThroughputExceededException"}, codes
        assert "ProvisionedThroughputExceededException" in codes, call


@scenario(*RATES)
def too_many_calls(world):
    for operation in world.built(RATES):
        # What must be there for the call to be counted is; what the call would change is not.
        stream = "busy" if operation == "ListShards" else "missing"
        call = {"operation": operation, "parameters": calls(stream)[operation]}
        codes = (code_of(world.busy.call, **call) for _ in range(100))
        assert "LimitExceededException" in codes, operation


@scenario(*NO_STREAM, *NO_RESOURCE)
def nothing_that_could_be_meant(world):
    for operation in world.built(NO_STREAM):
        parameters = without_stream(calls("orders")[operation])
        refused("InvalidArgumentException", world.plain.call, operation=operation, parameters=parameters)
    for operation in world.built(NO_RESOURCE):
        parameters = calls("orders")[operation]
        member = "ResourceARN" if "ResourceARN" in parameters else "StreamARN"
        parameters = parameters | {member: NOBODY}
        refused("InvalidArgumentException", world.plain.call, operation=operation, parameters=parameters)


@scenario(*INVALID)
def what_the_model_does_not_allow(world):
    for operation in world.built(INVALID):
        refused("ValidationException", world.plain.call, operation=operation, parameters=INVALID[operation])


@scenario(*OWNERS)
def what_is_the_owners_business(world):
    stranger = world.plain.client_of(STRANGER)
    resource = arn("orders")
    refused("AccessDeniedException", stranger.get_resource_policy, ResourceARN=resource)
    refused("AccessDeniedException", stranger.delete_resource_policy, ResourceARN=resource)
    shared = policy(resource, "kinesis:*")
    refused("AccessDeniedException", stranger.put_resource_policy, ResourceARN=resource, Policy=shared)


@scenario("CreateStream")
def a_stream_that_cannot_be_created(world):
    kinesis = world.plain.kinesis
    refused("ResourceInUseException", kinesis.create_stream, StreamName="orders", ShardCount=1)
    refused("InvalidArgumentException", kinesis.create_stream, StreamName="tagged", ShardCount=1, Tags={"a*": ""})


@scenario("DeleteStream")
def a_stream_with_consumers(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(StreamName="consumed", ShardCount=1)
    kinesis.register_stream_consumer(StreamARN=arn("consumed"), ConsumerName="app")
    text = refused("ResourceInUseException", kinesis.delete_stream, StreamName="consumed")
    assert "EnforceConsumerDeletion" in text, text


@scenario("RegisterStreamConsumer", "TagResource")
def what_is_there_already(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(StreamName="full", ShardCount=1)
    names = {"StreamARN": arn("full"), "ConsumerName": "app"}
    kinesis.register_stream_consumer(**names)
    refused("ResourceInUseException", kinesis.register_stream_consumer, **names)


@scenario("GetRecords", "ListShards", "ListStreamConsumers", "ListStreams")
def tokens_that_are_wrong(world):
    kinesis = world.plain.kinesis
    refused("InvalidArgumentException", kinesis.get_records, ShardIterator="AAAA")
    refused("InvalidArgumentException", kinesis.list_streams, NextToken="AAAA")
    refused("InvalidArgumentException", kinesis.list_shards, NextToken="AAAA")
    refused("InvalidArgumentException", kinesis.list_stream_consumers, StreamARN=arn("orders"), NextToken="AAAA")


@scenario("GetRecords")
def a_stream_that_is_gone(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(StreamName="gone", ShardCount=1)
    shard = {"StreamName": "gone", "ShardId": "shardId-000000000000"}
    iterator = kinesis.get_shard_iterator(**shard, ShardIteratorType="LATEST")["ShardIterator"]
    kinesis.delete_stream(StreamName="gone")
    refused("ResourceNotFoundException", kinesis.get_records, ShardIterator=iterator)


@scenario("GetRecords", "ListShards", "ListStreamConsumers", "ListStreams")
def tokens_that_are_old(world):
    kinesis = world.plain.kinesis
    for name in "old-a", "old-b":
        kinesis.create_stream(StreamName=name, ShardCount=2)
        kinesis.register_stream_consumer(StreamARN=arn("old-a"), ConsumerName=name)
    shard = {"StreamName": "old-a", "ShardId": "shardId-000000000000"}
    iterator = kinesis.get_shard_iterator(**shard, ShardIteratorType="LATEST")["ShardIterator"]
    streams = kinesis.list_streams(Limit=1)["NextToken"]
    shards = kinesis.list_shards(StreamName="old-a", MaxResults=1)["NextToken"]
    consumers = {"StreamARN": arn("old-a"), "MaxResults": 1}
    consumers["NextToken"] = kinesis.list_stream_consumers(**consumers)["NextToken"]
    world.plain.advance(301)
    refused("ExpiredIteratorException", kinesis.get_records, ShardIterator=iterator)
    refused("ExpiredNextTokenException", kinesis.list_streams, NextToken=streams)
    refused("ExpiredNextTokenException", kinesis.list_shards, NextToken=shards)
    refused("ExpiredNextTokenException", kinesis.list_stream_consumers, **consumers)
