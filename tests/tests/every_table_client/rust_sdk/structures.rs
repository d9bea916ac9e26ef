//! The structures of the table service, as far as steps have them, with the SDK's names of their members.

use aws_sdk_dynamodb::types::{
    ApproximateCreationDateTimePrecision, AttributeAction, AttributeDefinition, AttributeValueUpdate,
    BillingMode, BillingModeSummary, CancellationReason, Capacity, ComparisonOperator, Condition,
    ConditionCheck, ConditionalOperator, ConsumedCapacity, ContinuousBackupsDescription,
    ContinuousBackupsStatus, CreateGlobalSecondaryIndexAction, Delete, DeleteGlobalSecondaryIndexAction,
    DeleteRequest, DestinationStatus, EnableKinesisStreamingConfiguration, Endpoint, ExpectedAttributeValue,
    Get, GlobalSecondaryIndex, GlobalSecondaryIndexDescription, GlobalSecondaryIndexUpdate, IndexStatus,
    ItemCollectionMetrics, ItemResponse, KeySchemaElement, KeyType, KeysAndAttributes,
    KinesisDataStreamDestination, LocalSecondaryIndex, LocalSecondaryIndexDescription,
    PointInTimeRecoveryDescription, PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, Projection,
    ProjectionType, ProvisionedThroughput, ProvisionedThroughputDescription, Put, PutRequest,
    ReturnConsumedCapacity, ReturnItemCollectionMetrics, ReturnValue, ReturnValuesOnConditionCheckFailure,
    ScalarAttributeType, Select, StreamSpecification, StreamViewType, TableDescription, TableStatus, Tag,
    TimeToLiveDescription, TimeToLiveSpecification, TimeToLiveStatus, TransactGetItem, TransactWriteItem,
    Update, UpdateGlobalSecondaryIndexAction, UpdateKinesisStreamingConfiguration, WriteRequest,
};
use serde_json::Value;

use super::values::{Built, Given, Shown, enums, members, structures};

enums! {
    ApproximateCreationDateTimePrecision, AttributeAction, BillingMode, ComparisonOperator,
    ConditionalOperator, ContinuousBackupsStatus, DestinationStatus, IndexStatus, KeyType,
    PointInTimeRecoveryStatus, ProjectionType, ReturnConsumedCapacity, ReturnItemCollectionMetrics,
    ReturnValue, ReturnValuesOnConditionCheckFailure, ScalarAttributeType, Select, StreamViewType,
    TableStatus, TimeToLiveStatus,
}

structures! {
    AttributeDefinition {
        set_attribute_name attribute_name "AttributeName",
        set_attribute_type attribute_type "AttributeType",
    }
    AttributeValueUpdate { set_value value "Value", set_action action "Action" }
    BillingModeSummary { set_billing_mode billing_mode "BillingMode" }
    CancellationReason { set_item item "Item", set_code code "Code", set_message message "Message" }
    Capacity {
        set_read_capacity_units read_capacity_units "ReadCapacityUnits",
        set_write_capacity_units write_capacity_units "WriteCapacityUnits",
        set_capacity_units capacity_units "CapacityUnits",
    }
    Condition {
        set_attribute_value_list attribute_value_list "AttributeValueList",
        set_comparison_operator comparison_operator "ComparisonOperator",
    }
    ConditionCheck {
        set_key key "Key", set_table_name table_name "TableName",
        set_condition_expression condition_expression "ConditionExpression",
        set_expression_attribute_names expression_attribute_names "ExpressionAttributeNames",
        set_expression_attribute_values expression_attribute_values "ExpressionAttributeValues",
        set_return_values_on_condition_check_failure return_values_on_condition_check_failure "ReturnValuesOnConditionCheckFailure",
    }
    ConsumedCapacity {
        set_table_name table_name "TableName", set_capacity_units capacity_units "CapacityUnits",
        set_read_capacity_units read_capacity_units "ReadCapacityUnits",
        set_write_capacity_units write_capacity_units "WriteCapacityUnits", set_table table "Table",
        set_local_secondary_indexes local_secondary_indexes "LocalSecondaryIndexes",
        set_global_secondary_indexes global_secondary_indexes "GlobalSecondaryIndexes",
    }
    ContinuousBackupsDescription {
        set_continuous_backups_status continuous_backups_status "ContinuousBackupsStatus",
        set_point_in_time_recovery_description point_in_time_recovery_description "PointInTimeRecoveryDescription",
    }
    CreateGlobalSecondaryIndexAction {
        set_index_name index_name "IndexName", set_key_schema key_schema "KeySchema",
        set_projection projection "Projection",
        set_provisioned_throughput provisioned_throughput "ProvisionedThroughput",
    }
    Delete {
        set_key key "Key", set_table_name table_name "TableName",
        set_condition_expression condition_expression "ConditionExpression",
        set_expression_attribute_names expression_attribute_names "ExpressionAttributeNames",
        set_expression_attribute_values expression_attribute_values "ExpressionAttributeValues",
        set_return_values_on_condition_check_failure return_values_on_condition_check_failure "ReturnValuesOnConditionCheckFailure",
    }
    DeleteGlobalSecondaryIndexAction { set_index_name index_name "IndexName" }
    DeleteRequest { set_key key "Key" }
    EnableKinesisStreamingConfiguration {
        set_approximate_creation_date_time_precision approximate_creation_date_time_precision "ApproximateCreationDateTimePrecision",
    }
    Endpoint {
        set_address address "Address",
        set_cache_period_in_minutes cache_period_in_minutes "CachePeriodInMinutes",
    }
    ExpectedAttributeValue {
        set_value value "Value", set_exists exists "Exists",
        set_comparison_operator comparison_operator "ComparisonOperator",
        set_attribute_value_list attribute_value_list "AttributeValueList",
    }
    Get {
        set_key key "Key", set_table_name table_name "TableName",
        set_projection_expression projection_expression "ProjectionExpression",
        set_expression_attribute_names expression_attribute_names "ExpressionAttributeNames",
    }
    GlobalSecondaryIndex {
        set_index_name index_name "IndexName", set_key_schema key_schema "KeySchema",
        set_projection projection "Projection",
        set_provisioned_throughput provisioned_throughput "ProvisionedThroughput",
    }
    GlobalSecondaryIndexDescription {
        set_index_name index_name "IndexName", set_key_schema key_schema "KeySchema",
        set_projection projection "Projection", set_index_status index_status "IndexStatus",
        set_backfilling backfilling "Backfilling",
        set_provisioned_throughput provisioned_throughput "ProvisionedThroughput",
        set_index_size_bytes index_size_bytes "IndexSizeBytes", set_item_count item_count "ItemCount",
        set_index_arn index_arn "IndexArn",
    }
    GlobalSecondaryIndexUpdate {
        set_update update "Update", set_create create "Create", set_delete delete "Delete",
    }
    ItemCollectionMetrics {
        set_item_collection_key item_collection_key "ItemCollectionKey",
        set_size_estimate_range_gb size_estimate_range_gb "SizeEstimateRangeGB",
    }
    ItemResponse { set_item item "Item" }
    KeySchemaElement { set_attribute_name attribute_name "AttributeName", set_key_type key_type "KeyType" }
    KeysAndAttributes {
        set_keys keys "Keys", set_attributes_to_get attributes_to_get "AttributesToGet",
        set_consistent_read consistent_read "ConsistentRead",
        set_projection_expression projection_expression "ProjectionExpression",
        set_expression_attribute_names expression_attribute_names "ExpressionAttributeNames",
    }
    KinesisDataStreamDestination {
        set_stream_arn stream_arn "StreamArn",
        set_destination_status destination_status "DestinationStatus",
        set_destination_status_description destination_status_description "DestinationStatusDescription",
        set_approximate_creation_date_time_precision approximate_creation_date_time_precision "ApproximateCreationDateTimePrecision",
    }
    LocalSecondaryIndex {
        set_index_name index_name "IndexName", set_key_schema key_schema "KeySchema",
        set_projection projection "Projection",
    }
    LocalSecondaryIndexDescription {
        set_index_name index_name "IndexName", set_key_schema key_schema "KeySchema",
        set_projection projection "Projection", set_index_size_bytes index_size_bytes "IndexSizeBytes",
        set_item_count item_count "ItemCount", set_index_arn index_arn "IndexArn",
    }
    PointInTimeRecoveryDescription {
        set_point_in_time_recovery_status point_in_time_recovery_status "PointInTimeRecoveryStatus",
        set_recovery_period_in_days recovery_period_in_days "RecoveryPeriodInDays",
        set_earliest_restorable_date_time earliest_restorable_date_time "EarliestRestorableDateTime",
        set_latest_restorable_date_time latest_restorable_date_time "LatestRestorableDateTime",
    }
    PointInTimeRecoverySpecification {
        set_point_in_time_recovery_enabled point_in_time_recovery_enabled "PointInTimeRecoveryEnabled",
        set_recovery_period_in_days recovery_period_in_days "RecoveryPeriodInDays",
    }
    Projection {
        set_projection_type projection_type "ProjectionType",
        set_non_key_attributes non_key_attributes "NonKeyAttributes",
    }
    ProvisionedThroughput {
        set_read_capacity_units read_capacity_units "ReadCapacityUnits",
        set_write_capacity_units write_capacity_units "WriteCapacityUnits",
    }
    ProvisionedThroughputDescription {
        set_number_of_decreases_today number_of_decreases_today "NumberOfDecreasesToday",
        set_read_capacity_units read_capacity_units "ReadCapacityUnits",
        set_write_capacity_units write_capacity_units "WriteCapacityUnits",
    }
    Put {
        set_item item "Item", set_table_name table_name "TableName",
        set_condition_expression condition_expression "ConditionExpression",
        set_expression_attribute_names expression_attribute_names "ExpressionAttributeNames",
        set_expression_attribute_values expression_attribute_values "ExpressionAttributeValues",
        set_return_values_on_condition_check_failure return_values_on_condition_check_failure "ReturnValuesOnConditionCheckFailure",
    }
    PutRequest { set_item item "Item" }
    StreamSpecification {
        set_stream_enabled stream_enabled "StreamEnabled",
        set_stream_view_type stream_view_type "StreamViewType",
    }
    TableDescription {
        set_attribute_definitions attribute_definitions "AttributeDefinitions",
        set_table_name table_name "TableName", set_key_schema key_schema "KeySchema",
        set_table_status table_status "TableStatus",
        set_creation_date_time creation_date_time "CreationDateTime",
        set_provisioned_throughput provisioned_throughput "ProvisionedThroughput",
        set_table_size_bytes table_size_bytes "TableSizeBytes", set_item_count item_count "ItemCount",
        set_table_arn table_arn "TableArn", set_table_id table_id "TableId",
        set_billing_mode_summary billing_mode_summary "BillingModeSummary",
        set_local_secondary_indexes local_secondary_indexes "LocalSecondaryIndexes",
        set_global_secondary_indexes global_secondary_indexes "GlobalSecondaryIndexes",
        set_stream_specification stream_specification "StreamSpecification",
        set_latest_stream_label latest_stream_label "LatestStreamLabel",
        set_latest_stream_arn latest_stream_arn "LatestStreamArn",
        set_deletion_protection_enabled deletion_protection_enabled "DeletionProtectionEnabled",
    }
    Tag { set_key key "Key", set_value value "Value" }
    TimeToLiveDescription {
        set_time_to_live_status time_to_live_status "TimeToLiveStatus",
        set_attribute_name attribute_name "AttributeName",
    }
    TimeToLiveSpecification {
        set_enabled enabled "Enabled", set_attribute_name attribute_name "AttributeName",
    }
    TransactGetItem { set_get get "Get" }
    TransactWriteItem {
        set_condition_check condition_check "ConditionCheck", set_put put "Put", set_delete delete "Delete",
        set_update update "Update",
    }
    Update {
        set_key key "Key", set_update_expression update_expression "UpdateExpression",
        set_table_name table_name "TableName",
        set_condition_expression condition_expression "ConditionExpression",
        set_expression_attribute_names expression_attribute_names "ExpressionAttributeNames",
        set_expression_attribute_values expression_attribute_values "ExpressionAttributeValues",
        set_return_values_on_condition_check_failure return_values_on_condition_check_failure "ReturnValuesOnConditionCheckFailure",
    }
    UpdateGlobalSecondaryIndexAction {
        set_index_name index_name "IndexName",
        set_provisioned_throughput provisioned_throughput "ProvisionedThroughput",
    }
    UpdateKinesisStreamingConfiguration {
        set_approximate_creation_date_time_precision approximate_creation_date_time_precision "ApproximateCreationDateTimePrecision",
    }
    WriteRequest {
        set_put_request put_request "PutRequest", set_delete_request delete_request "DeleteRequest",
    }
}
