"""One call of each operation that is in order, given a stream with a consumer called `app`.

Where the stream is missing, is not ACTIVE, or the caller comes too often, the call is refused for that alone.
"""

import json

from servers import arn

HALF = str(1 << 127)


def policy(resource, *actions):
    statement = {"Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def calls(stream):
    named = {"StreamName": stream}
    by_arn = {"StreamARN": arn(stream)}
    consumer = by_arn | {"ConsumerName": "app"}
    resource = {"ResourceARN": arn(stream)}
    shard = {"ShardId": "shardId-000000000000"}
    return {
        "AddTagsToStream": named | {"Tags": {"team": "a"}},
        "CreateStream": named | {"ShardCount": 1},
        "DecreaseStreamRetentionPeriod": named | {"RetentionPeriodHours": 24},
        "DeleteResourcePolicy": resource,
        "DeleteStream": named,
        "DeregisterStreamConsumer": consumer,
        "DescribeAccountSettings": {},
        "DescribeLimits": {},
        "DescribeStream": named,
        "DescribeStreamConsumer": consumer,
        "DescribeStreamSummary": named,
        "DisableEnhancedMonitoring": named | {"ShardLevelMetrics": ["ALL"]},
        "EnableEnhancedMonitoring": named | {"ShardLevelMetrics": ["ALL"]},
        "GetRecords": {"ShardIterator": "AAAAAAAAAAE="},
        "GetResourcePolicy": resource,
        "GetShardIterator": named | shard | {"ShardIteratorType": "LATEST"},
        "IncreaseStreamRetentionPeriod": named | {"RetentionPeriodHours": 25},
        "ListShards": named,
        "ListStreamConsumers": by_arn,
        "ListStreams": {},
        "ListTagsForResource": resource,
        "ListTagsForStream": named,
        "MergeShards": named
        | {"ShardToMerge": "shardId-000000000000", "AdjacentShardToMerge": "shardId-000000000001"},
        "PutRecord": named | {"PartitionKey": "k", "Data": b"x"},
        "PutRecords": named | {"Records": [{"PartitionKey": "k", "Data": b"x"}]},
        "PutResourcePolicy": resource | {"Policy": policy(arn(stream), "kinesis:PutRecord")},
        "RegisterStreamConsumer": consumer,
        "RemoveTagsFromStream": named | {"TagKeys": ["team"]},
        "SplitShard": named | {"ShardToSplit": "shardId-000000000000", "NewStartingHashKey": HALF},
        "StartStreamEncryption": named | {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
        "StopStreamEncryption": named | {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
        "SubscribeToShard": shard
        | {"ConsumerARN": f"{arn(stream)}/consumer/app:1", "StartingPosition": {"Type": "LATEST"}},
        "TagResource": resource | {"Tags": {"team": "a"}},
        "UntagResource": resource | {"TagKeys": ["team"]},
        "UpdateAccountSettings": {"MinimumThroughputBillingCommitment": {"Status": "ENABLED"}},
        "UpdateMaxRecordSize": by_arn | {"MaxRecordSizeInKiB": 1024},
        "UpdateShardCount": named | {"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"},
        "UpdateStreamMode": by_arn | {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}},
        "UpdateStreamRecordDistributionStrategy": by_arn | {"RecordDistributionStrategy": "USER_PARTITION_KEY"},
        "UpdateStreamWarmThroughput": named | {"WarmThroughputMiBps": 0},
    }
