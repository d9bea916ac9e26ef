//! Batches: items of several tables, each for itself.

use serde_json::json;

use super::{NO_TABLE, NOT_FOUND, Steps, VALIDATION, exactly, in_any_order, key, number, text, with};
use millstream_tests::told::Client;

impl<C: Client> Steps<C> {
    pub(super) fn batches(&mut self) {
        let order = |line| with(&key("batch", line), &json!({ "price": number(line) }));
        let lease = json!({ "leaseKey": text("batch") });
        let write = json!({
            "RequestItems": {
                "orders": [
                    { "PutRequest": { "Item": order(1) } },
                    { "PutRequest": { "Item": order(2) } },
                    { "DeleteRequest": { "Key": key("batch", 3) } },
                ],
                "leases": [{ "PutRequest": { "Item": lease } }],
            },
            "ReturnConsumedCapacity": "TOTAL",
        });
        let capacity = json!([
            { "TableName": "leases", "CapacityUnits": 1 },
            // Two entries in the index by price, and a delete of nothing.
            { "TableName": "orders", "CapacityUnits": 5 },
        ]);
        let answer =
            json!({ "UnprocessedItems": exactly(json!({})), "ConsumedCapacity": in_any_order(capacity) });
        self.call("BatchWriteItem", &write, &answer);
        let get = json!({
            "RequestItems": {
                "orders": { "Keys": [key("batch", 1), key("batch", 2), key("batch", 3)], "ConsistentRead": true },
                "leases": {
                    "Keys": [lease], "ProjectionExpression": "#k", "ExpressionAttributeNames": { "#k": "leaseKey" },
                },
            },
        });
        let found = json!({
            "orders": in_any_order(json!([exactly(order(1)), exactly(order(2))])), "leases": [exactly(lease)],
        });
        self.call(
            "BatchGetItem",
            &get,
            &json!({ "Responses": found, "UnprocessedKeys": exactly(json!({})) }),
        );
        let twice = json!({ "RequestItems": { "orders": { "Keys": [key("batch", 1), key("batch", 1)] } } });
        let message = "Provided list of item keys contains duplicates";
        self.refused("BatchGetItem", &twice, VALIDATION, message);
        let delete = json!({ "DeleteRequest": { "Key": key("batch", 1) } });
        let twice = json!({ "RequestItems": { "orders": [delete, delete] } });
        self.refused("BatchWriteItem", &twice, VALIDATION, message);
        let missing = json!({ "RequestItems": { "missing": [delete] } });
        self.refused("BatchWriteItem", &missing, NOT_FOUND, NO_TABLE);
        let missing = json!({ "RequestItems": { "missing": { "Keys": [key("batch", 1)] } } });
        self.refused("BatchGetItem", &missing, NOT_FOUND, NO_TABLE);
    }
}
