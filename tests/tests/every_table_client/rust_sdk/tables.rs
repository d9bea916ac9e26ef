//! Operations on tables.

use aws_sdk_dynamodb::{Client, Error};
use millstream_tests::told::Reply;
use serde_json::Value;

use super::values::{Given, Shown, members, operations};

pub(crate) async fn carry_out(sdk: &Client, operation: &str, input: &Value) -> Option<Reply> {
    operations! { sdk, operation, input;
        "CreateTable" create_table (set_attribute_definitions "AttributeDefinitions",
            set_table_name "TableName", set_key_schema "KeySchema",
            set_local_secondary_indexes "LocalSecondaryIndexes",
            set_global_secondary_indexes "GlobalSecondaryIndexes", set_billing_mode "BillingMode",
            set_provisioned_throughput "ProvisionedThroughput",
            set_stream_specification "StreamSpecification", set_tags "Tags",
            set_deletion_protection_enabled "DeletionProtectionEnabled") ->
            (table_description "TableDescription");
        "DeleteResourcePolicy" delete_resource_policy (set_resource_arn "ResourceArn",
            set_expected_revision_id "ExpectedRevisionId") -> (revision_id "RevisionId");
        "DeleteTable" delete_table (set_table_name "TableName") -> (table_description "TableDescription");
        "DescribeContinuousBackups" describe_continuous_backups (set_table_name "TableName") ->
            (continuous_backups_description "ContinuousBackupsDescription");
        "DescribeEndpoints" describe_endpoints () -> (endpoints "Endpoints");
        "DescribeKinesisStreamingDestination" describe_kinesis_streaming_destination
            (set_table_name "TableName") -> (table_name "TableName",
            kinesis_data_stream_destinations "KinesisDataStreamDestinations");
        "DescribeLimits" describe_limits () -> (account_max_read_capacity_units "AccountMaxReadCapacityUnits",
            account_max_write_capacity_units "AccountMaxWriteCapacityUnits",
            table_max_read_capacity_units "TableMaxReadCapacityUnits",
            table_max_write_capacity_units "TableMaxWriteCapacityUnits");
        "DescribeTable" describe_table (set_table_name "TableName") -> (table "Table");
        "DescribeTimeToLive" describe_time_to_live (set_table_name "TableName") ->
            (time_to_live_description "TimeToLiveDescription");
        "DisableKinesisStreamingDestination" disable_kinesis_streaming_destination
            (set_table_name "TableName", set_stream_arn "StreamArn",
            set_enable_kinesis_streaming_configuration "EnableKinesisStreamingConfiguration") ->
            (table_name "TableName", stream_arn "StreamArn", destination_status "DestinationStatus",
            enable_kinesis_streaming_configuration "EnableKinesisStreamingConfiguration");
        "EnableKinesisStreamingDestination" enable_kinesis_streaming_destination (set_table_name "TableName",
            set_stream_arn "StreamArn",
            set_enable_kinesis_streaming_configuration "EnableKinesisStreamingConfiguration") ->
            (table_name "TableName", stream_arn "StreamArn", destination_status "DestinationStatus",
            enable_kinesis_streaming_configuration "EnableKinesisStreamingConfiguration");
        "GetResourcePolicy" get_resource_policy (set_resource_arn "ResourceArn") -> (policy "Policy",
            revision_id "RevisionId");
        "ListTables" list_tables (set_exclusive_start_table_name "ExclusiveStartTableName", set_limit "Limit")
            -> (table_names "TableNames", last_evaluated_table_name "LastEvaluatedTableName");
        "ListTagsOfResource" list_tags_of_resource (set_resource_arn "ResourceArn",
            set_next_token "NextToken") -> (tags "Tags", next_token "NextToken");
        "PutResourcePolicy" put_resource_policy (set_resource_arn "ResourceArn", set_policy "Policy",
            set_expected_revision_id "ExpectedRevisionId") -> (revision_id "RevisionId");
        "TagResource" tag_resource (set_resource_arn "ResourceArn", set_tags "Tags") -> ();
        "UntagResource" untag_resource (set_resource_arn "ResourceArn", set_tag_keys "TagKeys") -> ();
        "UpdateContinuousBackups" update_continuous_backups (set_table_name "TableName",
            set_point_in_time_recovery_specification "PointInTimeRecoverySpecification") ->
            (continuous_backups_description "ContinuousBackupsDescription");
        "UpdateKinesisStreamingDestination" update_kinesis_streaming_destination (set_table_name "TableName",
            set_stream_arn "StreamArn",
            set_update_kinesis_streaming_configuration "UpdateKinesisStreamingConfiguration") ->
            (table_name "TableName", stream_arn "StreamArn", destination_status "DestinationStatus",
            update_kinesis_streaming_configuration "UpdateKinesisStreamingConfiguration");
        "UpdateTable" update_table (set_attribute_definitions "AttributeDefinitions",
            set_table_name "TableName", set_billing_mode "BillingMode",
            set_provisioned_throughput "ProvisionedThroughput",
            set_global_secondary_index_updates "GlobalSecondaryIndexUpdates",
            set_stream_specification "StreamSpecification",
            set_deletion_protection_enabled "DeletionProtectionEnabled") ->
            (table_description "TableDescription");
        "UpdateTimeToLive" update_time_to_live (set_table_name "TableName",
            set_time_to_live_specification "TimeToLiveSpecification") ->
            (time_to_live_specification "TimeToLiveSpecification");
    }
}
