//! Operations on items of several tables: batches and transactions.

use aws_sdk_dynamodb::{Client, Error};
use millstream_tests::told::Reply;
use serde_json::Value;

use super::values::{Given, Shown, members, operations};

pub(crate) async fn carry_out(sdk: &Client, operation: &str, input: &Value) -> Option<Reply> {
    operations! { sdk, operation, input;
        "BatchGetItem" batch_get_item (set_request_items "RequestItems",
            set_return_consumed_capacity "ReturnConsumedCapacity") -> (responses "Responses",
            unprocessed_keys "UnprocessedKeys", consumed_capacity "ConsumedCapacity");
        "BatchWriteItem" batch_write_item (set_request_items "RequestItems",
            set_return_consumed_capacity "ReturnConsumedCapacity",
            set_return_item_collection_metrics "ReturnItemCollectionMetrics") ->
            (unprocessed_items "UnprocessedItems", item_collection_metrics "ItemCollectionMetrics",
            consumed_capacity "ConsumedCapacity");
        "TransactGetItems" transact_get_items (set_transact_items "TransactItems",
            set_return_consumed_capacity "ReturnConsumedCapacity") -> (consumed_capacity "ConsumedCapacity",
            responses "Responses");
        "TransactWriteItems" transact_write_items (set_transact_items "TransactItems",
            set_return_consumed_capacity "ReturnConsumedCapacity",
            set_return_item_collection_metrics "ReturnItemCollectionMetrics",
            set_client_request_token "ClientRequestToken") -> (consumed_capacity "ConsumedCapacity",
            item_collection_metrics "ItemCollectionMetrics");
    }
}
