//! Tables' streams, which have a client and types of their own.

use aws_sdk_dynamodbstreams::types::{
    AttributeValue, Identity, KeySchemaElement, KeyType, OperationType, Record, SequenceNumberRange, Shard,
    ShardIteratorType, Stream, StreamDescription, StreamRecord, StreamStatus, StreamViewType,
};
use aws_sdk_dynamodbstreams::{Client, Error};
use millstream_tests::told::Reply;
use serde_json::Value;

use super::values::{Built, Given, Shown, attribute_values, enums, members, operations, structures};

pub(crate) async fn carry_out(sdk: &Client, operation: &str, input: &Value) -> Option<Reply> {
    operations! { sdk, operation, input;
        "DescribeStream" describe_stream (set_stream_arn "StreamArn", set_limit "Limit",
            set_exclusive_start_shard_id "ExclusiveStartShardId") -> (stream_description "StreamDescription");
        "GetRecords" get_records (set_shard_iterator "ShardIterator", set_limit "Limit") ->
            (records "Records", next_shard_iterator "NextShardIterator");
        "GetShardIterator" get_shard_iterator (set_stream_arn "StreamArn", set_shard_id "ShardId",
            set_shard_iterator_type "ShardIteratorType", set_sequence_number "SequenceNumber") ->
            (shard_iterator "ShardIterator");
        "ListStreams" list_streams (set_table_name "TableName", set_limit "Limit",
            set_exclusive_start_stream_arn "ExclusiveStartStreamArn") -> (streams "Streams",
            last_evaluated_stream_arn "LastEvaluatedStreamArn");
    }
}

attribute_values!(AttributeValue);

enums! {
    KeyType, OperationType, ShardIteratorType, StreamStatus, StreamViewType,
}

structures! {
    Identity { set_principal_id principal_id "PrincipalId", set_type r#type "Type" }
    KeySchemaElement { set_attribute_name attribute_name "AttributeName", set_key_type key_type "KeyType" }
    Record {
        set_event_id event_id "eventID", set_event_name event_name "eventName",
        set_event_version event_version "eventVersion", set_event_source event_source "eventSource",
        set_aws_region aws_region "awsRegion", set_dynamodb dynamodb "dynamodb",
        set_user_identity user_identity "userIdentity",
    }
    SequenceNumberRange {
        set_starting_sequence_number starting_sequence_number "StartingSequenceNumber",
        set_ending_sequence_number ending_sequence_number "EndingSequenceNumber",
    }
    Shard {
        set_shard_id shard_id "ShardId",
        set_sequence_number_range sequence_number_range "SequenceNumberRange",
        set_parent_shard_id parent_shard_id "ParentShardId",
    }
    Stream {
        set_stream_arn stream_arn "StreamArn", set_table_name table_name "TableName",
        set_stream_label stream_label "StreamLabel",
    }
    StreamDescription {
        set_stream_arn stream_arn "StreamArn", set_stream_label stream_label "StreamLabel",
        set_stream_status stream_status "StreamStatus",
        set_stream_view_type stream_view_type "StreamViewType",
        set_creation_request_date_time creation_request_date_time "CreationRequestDateTime",
        set_table_name table_name "TableName", set_key_schema key_schema "KeySchema",
        set_shards shards "Shards",
        set_last_evaluated_shard_id last_evaluated_shard_id "LastEvaluatedShardId",
    }
    StreamRecord {
        set_approximate_creation_date_time approximate_creation_date_time "ApproximateCreationDateTime",
        set_keys keys "Keys", set_new_image new_image "NewImage", set_old_image old_image "OldImage",
        set_sequence_number sequence_number "SequenceNumber", set_size_bytes size_bytes "SizeBytes",
        set_stream_view_type stream_view_type "StreamViewType",
    }
}
