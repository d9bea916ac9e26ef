//! Operations on single items, and reads of a table or an index.

use aws_sdk_dynamodb::{Client, Error};
use millstream_tests::told::Reply;
use serde_json::Value;

use super::values::{Given, Shown, members, operations};

pub(crate) async fn carry_out(sdk: &Client, operation: &str, input: &Value) -> Option<Reply> {
    operations! { sdk, operation, input;
        "DeleteItem" delete_item (set_table_name "TableName", set_key "Key", set_expected "Expected",
            set_conditional_operator "ConditionalOperator", set_return_values "ReturnValues",
            set_return_consumed_capacity "ReturnConsumedCapacity",
            set_return_item_collection_metrics "ReturnItemCollectionMetrics",
            set_condition_expression "ConditionExpression",
            set_expression_attribute_names "ExpressionAttributeNames",
            set_expression_attribute_values "ExpressionAttributeValues",
            set_return_values_on_condition_check_failure "ReturnValuesOnConditionCheckFailure") ->
            (attributes "Attributes", consumed_capacity "ConsumedCapacity",
            item_collection_metrics "ItemCollectionMetrics");
        "GetItem" get_item (set_table_name "TableName", set_key "Key",
            set_attributes_to_get "AttributesToGet", set_consistent_read "ConsistentRead",
            set_return_consumed_capacity "ReturnConsumedCapacity",
            set_projection_expression "ProjectionExpression",
            set_expression_attribute_names "ExpressionAttributeNames") -> (item "Item",
            consumed_capacity "ConsumedCapacity");
        "PutItem" put_item (set_table_name "TableName", set_item "Item", set_expected "Expected",
            set_return_values "ReturnValues", set_return_consumed_capacity "ReturnConsumedCapacity",
            set_return_item_collection_metrics "ReturnItemCollectionMetrics",
            set_conditional_operator "ConditionalOperator", set_condition_expression "ConditionExpression",
            set_expression_attribute_names "ExpressionAttributeNames",
            set_expression_attribute_values "ExpressionAttributeValues",
            set_return_values_on_condition_check_failure "ReturnValuesOnConditionCheckFailure") ->
            (attributes "Attributes", consumed_capacity "ConsumedCapacity",
            item_collection_metrics "ItemCollectionMetrics");
        "Query" query (set_table_name "TableName", set_index_name "IndexName", set_select "Select",
            set_attributes_to_get "AttributesToGet", set_limit "Limit", set_consistent_read "ConsistentRead",
            set_key_conditions "KeyConditions", set_query_filter "QueryFilter",
            set_conditional_operator "ConditionalOperator", set_scan_index_forward "ScanIndexForward",
            set_exclusive_start_key "ExclusiveStartKey",
            set_return_consumed_capacity "ReturnConsumedCapacity",
            set_projection_expression "ProjectionExpression", set_filter_expression "FilterExpression",
            set_key_condition_expression "KeyConditionExpression",
            set_expression_attribute_names "ExpressionAttributeNames",
            set_expression_attribute_values "ExpressionAttributeValues") -> (items "Items", count "Count",
            scanned_count "ScannedCount", last_evaluated_key "LastEvaluatedKey",
            consumed_capacity "ConsumedCapacity");
        "Scan" scan (set_table_name "TableName", set_index_name "IndexName",
            set_attributes_to_get "AttributesToGet", set_limit "Limit", set_select "Select",
            set_scan_filter "ScanFilter", set_conditional_operator "ConditionalOperator",
            set_exclusive_start_key "ExclusiveStartKey",
            set_return_consumed_capacity "ReturnConsumedCapacity", set_total_segments "TotalSegments",
            set_segment "Segment", set_projection_expression "ProjectionExpression",
            set_filter_expression "FilterExpression",
            set_expression_attribute_names "ExpressionAttributeNames",
            set_expression_attribute_values "ExpressionAttributeValues", set_consistent_read "ConsistentRead")
            -> (items "Items", count "Count", scanned_count "ScannedCount",
            last_evaluated_key "LastEvaluatedKey", consumed_capacity "ConsumedCapacity");
        "UpdateItem" update_item (set_table_name "TableName", set_key "Key",
            set_attribute_updates "AttributeUpdates", set_expected "Expected",
            set_conditional_operator "ConditionalOperator", set_return_values "ReturnValues",
            set_return_consumed_capacity "ReturnConsumedCapacity",
            set_return_item_collection_metrics "ReturnItemCollectionMetrics",
            set_update_expression "UpdateExpression", set_condition_expression "ConditionExpression",
            set_expression_attribute_names "ExpressionAttributeNames",
            set_expression_attribute_values "ExpressionAttributeValues",
            set_return_values_on_condition_check_failure "ReturnValuesOnConditionCheckFailure") ->
            (attributes "Attributes", consumed_capacity "ConsumedCapacity",
            item_collection_metrics "ItemCollectionMetrics");
    }
}
