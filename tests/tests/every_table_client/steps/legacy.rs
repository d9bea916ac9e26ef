//! The spelling that came before expressions, and in which lease coordinators still speak.

use serde_json::json;

use super::{FAILED, Steps, VALIDATION, exactly, in_any_order, key, number, text, with};
use millstream_tests::told::Client;

impl<C: Client> Steps<C> {
    pub(super) fn legacy(&mut self) {
        let lease = json!({ "leaseKey": text("shard-1") });
        let created = with(&lease, &json!({ "leaseCounter": number(0), "checkpoint": text("TRIM_HORIZON") }));
        let create = json!({
            "TableName": "leases", "Item": created, "Expected": { "leaseKey": { "Exists": false } },
        });
        self.tell("PutItem", &create);
        let failed = "The conditional request failed";
        self.refused("PutItem", &create, FAILED, failed);
        let take = json!({
            "TableName": "leases", "Key": lease, "ReturnValues": "ALL_NEW",
            "Expected": { "leaseCounter": { "Value": number(0) }, "leaseOwner": { "Exists": false } },
            "AttributeUpdates": {
                "leaseOwner": { "Action": "PUT", "Value": text("worker-1") },
                "leaseCounter": { "Action": "ADD", "Value": number(1) },
                "checkpointOwner": { "Action": "DELETE" },
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        let taken = with(&created, &json!({ "leaseOwner": text("worker-1"), "leaseCounter": number(1) }));
        self.call("UpdateItem", &take, &json!({ "Attributes": exactly(taken.clone()) }));
        self.refused_with("UpdateItem", &take, FAILED, failed, &json!({ "Item": exactly(taken.clone()) }));
        let get = json!({ "TableName": "leases", "Key": lease, "AttributesToGet": ["leaseOwner", "none"] });
        self.call("GetItem", &get, &json!({ "Item": exactly(json!({ "leaseOwner": text("worker-1") })) }));
        let both = json!({
            "TableName": "leases", "Key": lease, "UpdateExpression": "REMOVE leaseOwner",
            "Expected": { "leaseCounter": { "Value": number(0) } },
        });
        let message = "Can not use both expression and non-expression parameters in the same request: Non-expression \
            parameters: {Expected} Expression parameters: {UpdateExpression}";
        self.refused("UpdateItem", &both, VALIDATION, message);
        let release = json!({
            "TableName": "leases", "Key": lease, "ConditionalOperator": "OR", "ReturnValues": "ALL_OLD",
            "Expected": {
                "leaseOwner": { "ComparisonOperator": "EQ", "AttributeValueList": [text("nobody")] },
                "leaseCounter": { "ComparisonOperator": "BETWEEN", "AttributeValueList": [number(1), number(2)] },
            },
        });
        self.call("DeleteItem", &release, &json!({ "Attributes": exactly(taken) }));
        self.legacy_reads();
    }

    fn legacy_reads(&mut self) {
        for line in 1..=3 {
            let item = with(&key("legacy", line), &json!({ "price": number(line * 10) }));
            self.tell("PutItem", &json!({ "TableName": "orders", "Item": item }));
        }
        let query = json!({
            "TableName": "orders", "AttributesToGet": ["line"],
            "KeyConditions": {
                "id": { "ComparisonOperator": "EQ", "AttributeValueList": [text("legacy")] },
                "line": { "ComparisonOperator": "GE", "AttributeValueList": [number(2)] },
            },
            "QueryFilter": { "price": { "ComparisonOperator": "NE", "AttributeValueList": [number(30)] } },
        });
        let found =
            json!({ "Count": 1, "ScannedCount": 2, "Items": [exactly(json!({ "line": number(2) }))] });
        self.call("Query", &query, &found);
        let scan = json!({
            "TableName": "orders", "ConditionalOperator": "AND",
            "ScanFilter": {
                "id": { "ComparisonOperator": "BEGINS_WITH", "AttributeValueList": [text("leg")] },
                "price": { "ComparisonOperator": "IN", "AttributeValueList": [number(10), number(30)] },
            },
            "AttributesToGet": ["line"],
        });
        let found = [exactly(json!({ "line": number(1) })), exactly(json!({ "line": number(3) }))];
        self.call("Scan", &scan, &json!({ "Count": 2, "Items": in_any_order(json!(found)) }));
        for line in 1..=3 {
            self.tell("DeleteItem", &json!({ "TableName": "orders", "Key": key("legacy", line) }));
        }
    }
}
