"""One call of each operation that is in order, given the table `orders` with a stream; and how values are written."""

import json

from service import arn


def s(text):
    return {"S": text}


def n(number):
    return {"N": str(number)}


def key(id, line=1):
    return {"id": s(id), "line": n(line)}


def policy(resource, *actions):
    statement = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def table_of(name, **more):
    return {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    } | more


def calls(table, stream="arn:aws:kinesis:us-east-1:000000000000:stream/changes"):
    named = {"TableName": table}
    resource = {"ResourceArn": arn(table)}
    item = named | {"Key": key("k")}
    destination = named | {"StreamArn": stream}
    of_table = {"StreamArn": f"{arn(table)}/stream/2026-01-01T00:00:00.000"}
    return {
        "BatchGetItem": {"RequestItems": {table: {"Keys": [key("k")]}}},
        "BatchWriteItem": {"RequestItems": {table: [{"DeleteRequest": {"Key": key("k")}}]}},
        "CreateTable": table_of(table),
        "DeleteItem": item,
        "DeleteResourcePolicy": resource,
        "DeleteTable": named,
        "DescribeContinuousBackups": named,
        "DescribeEndpoints": {},
        "DescribeKinesisStreamingDestination": named,
        "DescribeLimits": {},
        "DescribeStream": of_table,
        "DescribeTable": named,
        "DescribeTimeToLive": named,
        "DisableKinesisStreamingDestination": destination,
        "EnableKinesisStreamingDestination": destination,
        "GetItem": item,
        "GetRecords": {"ShardIterator": "A" * 40},
        "GetResourcePolicy": resource,
        "GetShardIterator": of_table
        | {"ShardId": "shardId-00000000000000000000-00000000", "ShardIteratorType": "LATEST"},
        "ListStreams": {},
        "ListTables": {},
        "ListTagsOfResource": resource,
        "PutItem": named | {"Item": key("k")},
        "PutResourcePolicy": resource | {"Policy": policy(arn(table), "dynamodb:GetItem")},
        "Query": named
        | {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": s("k")}},
        "Scan": named,
        "TagResource": resource | {"Tags": [{"Key": "team", "Value": "a"}]},
        "TransactGetItems": {"TransactItems": [{"Get": item}]},
        "TransactWriteItems": {"TransactItems": [{"Delete": item}]},
        "UntagResource": resource | {"TagKeys": ["team"]},
        "UpdateContinuousBackups": named
        | {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}},
        "UpdateItem": item,
        "UpdateKinesisStreamingDestination": destination
        | {"UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MICROSECOND"}},
        "UpdateTable": named | {"DeletionProtectionEnabled": False},
        "UpdateTimeToLive": named | {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires"}},
    }
