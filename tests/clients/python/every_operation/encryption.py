"""Encryption: started, shown wherever a stream or a record is, stopped."""

from checks import equal, only, refused, scenario
from servers import ACCOUNT, REGION, arn

KEYS = [
    "alias/aws/kinesis",
    "12345678-90ab-cdef-1234-567890abcdef",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-90ab-cdef-1234-567890abcdef",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/orders",
]


@scenario("StartStreamEncryption", "StopStreamEncryption", "PutRecord", "PutRecords", "GetRecords", "DescribeStream")
def encrypt(world):
    kinesis = world.plain.kinesis
    stream = {"StreamName": "secret"}
    kinesis.create_stream(**stream, ShardCount=1)
    for key in KEYS:
        only(kinesis.start_stream_encryption(StreamARN=arn("secret"), EncryptionType="KMS", KeyId=key))
        for describe, member in [
            (kinesis.describe_stream, "StreamDescription"),
            (kinesis.describe_stream_summary, "StreamDescriptionSummary"),
        ]:
            shown = describe(**stream)[member]
            equal((shown["EncryptionType"], shown["KeyId"]), ("KMS", key))
        put = kinesis.put_record(**stream, Data=b"one", PartitionKey="k")
        equal(only(put, "ShardId", "SequenceNumber", "EncryptionType")["EncryptionType"], "KMS")
        put = kinesis.put_records(**stream, Records=[{"Data": b"many", "PartitionKey": "k"}])
        equal(only(put, "FailedRecordCount", "Records", "EncryptionType")["EncryptionType"], "KMS")
        only(kinesis.stop_stream_encryption(StreamARN=arn("secret"), EncryptionType="KMS", KeyId=key))
    kinesis.put_record(**stream, Data=b"clear", PartitionKey="k")
    shard = {"ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    start = kinesis.get_shard_iterator(**stream, **shard)["ShardIterator"]
    records = kinesis.get_records(ShardIterator=start)["Records"]
    equal([record["Data"] for record in records], [b"one", b"many"] * len(KEYS) + [b"clear"])
    equal([record.get("EncryptionType") for record in records], ["KMS"] * 2 * len(KEYS) + [None])
    wrong = {"EncryptionType": "KMS", "KeyId": "no key"}
    refused("KMSNotFoundException", kinesis.start_stream_encryption, **stream, **wrong)
    refused("InvalidArgumentException", kinesis.stop_stream_encryption, **stream, **wrong)
    none = {"EncryptionType": "NONE", "KeyId": KEYS[0]}
    refused("InvalidArgumentException", kinesis.start_stream_encryption, **stream, **none)
    world.with_stream_id("StartStreamEncryption", "StopStreamEncryption", stream="secret")
