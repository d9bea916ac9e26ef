//! Transactions: all of them or nothing, and why nothing.

use serde_json::json;

use super::{NO_TABLE, NOT_FOUND, Steps, VALIDATION, exactly, key, number, text, with};
use millstream_tests::told::Client;

const CANCELLED: &str = "TransactionCanceledException";

impl<C: Client> Steps<C> {
    pub(super) fn transactions(&mut self) {
        let account = |line, balance| with(&key("account", line), &json!({ "balance": number(balance) }));
        let put = |line, balance| json!({ "Put": { "TableName": "orders", "Item": account(line, balance) } });
        let write = json!({
            "TransactItems": [put(1, 10), put(2, 0)], "ClientRequestToken": "first",
            "ReturnConsumedCapacity": "TOTAL",
        });
        let capacity = json!({ "TableName": "orders", "CapacityUnits": 4, "WriteCapacityUnits": 4 });
        self.call("TransactWriteItems", &write, &json!({ "ConsumedCapacity": [capacity] }));
        let other = json!({ "TransactItems": [put(1, 99)], "ClientRequestToken": "first" });
        let code = "IdempotentParameterMismatchException";
        if let Some(refusal) =
            self.walk.refused(super::service("TransactWriteItems"), "TransactWriteItems", &other, code)
            && refusal.message.is_empty()
        {
            self.walk.problem(format!("{refusal:?} has no text"));
        }
        let change = |line, by: i32, least: i32| {
            json!({
                "Update": {
                    "TableName": "orders", "Key": key("account", line),
                    "UpdateExpression": "SET balance = balance + :by", "ConditionExpression": "balance >= :least",
                    "ExpressionAttributeValues": { ":by": number(by), ":least": number(least) },
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            })
        };
        let check = json!({
            "ConditionCheck": {
                "TableName": "leases", "Key": { "leaseKey": text("batch") },
                "ConditionExpression": "attribute_exists(leaseKey)",
            }
        });
        let delete = json!({ "Delete": { "TableName": "orders", "Key": key("batch", 2) } });
        let transfer = json!({ "TransactItems": [change(1, -7, 7), change(2, 7, 0), check, delete] });
        self.tell("TransactWriteItems", &transfer);
        let reasons = json!([
            { "Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": exactly(account(1, 3)) },
            { "Code": "None" },
            { "Code": "None" },
            { "Code": "None" },
        ]);
        let message = "Transaction cancelled, please refer cancellation reasons for specific reasons \
            [ConditionalCheckFailed, None, None, None]";
        let reasons = json!({ "CancellationReasons": reasons });
        self.refused_with("TransactWriteItems", &transfer, CANCELLED, message, &reasons);
        self.transactional_reads();
        let twice = json!({ "TransactItems": [put(1, 1), put(1, 2)] });
        let message = "Transaction request cannot include multiple operations on one item";
        self.refused("TransactWriteItems", &twice, VALIDATION, message);
        let missing = json!({ "Delete": { "TableName": "missing", "Key": key("account", 1) } });
        self.refused("TransactWriteItems", &json!({ "TransactItems": [missing] }), NOT_FOUND, NO_TABLE);
    }

    fn transactional_reads(&mut self) {
        let get = |table: &str, line| json!({ "Get": { "TableName": table, "Key": key("account", line) } });
        let read = json!({
            "TransactItems": [get("orders", 1), get("orders", 9), get("orders", 2)],
            "ReturnConsumedCapacity": "TOTAL",
        });
        let item =
            |line, balance| exactly(with(&key("account", line), &json!({ "balance": number(balance) })));
        let answer = json!({
            "Responses": [{ "Item": item(1, 3) }, { "Item": null }, { "Item": item(2, 7) }],
            "ConsumedCapacity": [{ "TableName": "orders", "CapacityUnits": 6, "ReadCapacityUnits": 6 }],
        });
        self.call("TransactGetItems", &read, &answer);
        let missing = json!({ "TransactItems": [get("missing", 1)] });
        self.refused("TransactGetItems", &missing, NOT_FOUND, NO_TABLE);
    }
}
