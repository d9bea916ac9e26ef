//! Single items: put, got, updated, deleted, each under conditions, in the language of expressions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{FAILED, NO_TABLE, NOT_FOUND, SOME, Steps, VALIDATION, exactly, key, number, text, with};
use millstream_tests::told::Client;

/// Data that is text as well, as one of the clients takes no other.
fn data(text: &str) -> String {
    BASE64.encode(text)
}

/// A value of each type. Numbers come back as they are written in full.
fn everything() -> Value {
    let values = json!({
        "price": { "N": "12345678901234567890123456789012345678" },
        "small": { "N": "-0.00000000000000000001" },
        "team": { "S": "größe" },
        "empty": { "S": "" },
        "data": { "B": data("\u{0}ö\u{7f}") },
        "texts": { "SS": ["b", "a"] },
        "numbers": { "NS": ["10", "9.5"] },
        "blobs": { "BS": [data("x"), data("yö")] },
        "list": { "L": [{ "S": "x" }, { "L": [] }, { "NULL": true }] },
        "map": { "M": { "B": { "B": data("B") }, "inner": { "M": {} } } },
        "true": { "BOOL": true },
        "false": { "BOOL": false },
        "null": { "NULL": true },
    });
    with(&key("o1", 1), &values)
}

impl<C: Client> Steps<C> {
    pub(super) fn items(&mut self) {
        let item = everything();
        let put = json!({
            "TableName": "orders", "Item": item, "ReturnValues": "ALL_OLD", "ReturnConsumedCapacity": "INDEXES",
            "ReturnItemCollectionMetrics": "SIZE",
        });
        let capacity = json!({
            "TableName": "orders", "CapacityUnits": 3, "Table": { "CapacityUnits": 1 },
            "LocalSecondaryIndexes": { "by-price": { "CapacityUnits": 1 } },
            "GlobalSecondaryIndexes": { "by-team": { "CapacityUnits": 1 } },
        });
        let metrics = json!({ "ItemCollectionKey": { "id": text("o1") }, "SizeEstimateRangeGB": [0, 1] });
        let answer =
            json!({ "Attributes": null, "ConsumedCapacity": capacity, "ItemCollectionMetrics": metrics });
        self.call("PutItem", &put, &answer);
        let get = json!({
            "TableName": "orders", "Key": key("o1", 1), "ConsistentRead": true, "ReturnConsumedCapacity": "TOTAL",
        });
        let answer = json!({ "Item": exactly(item.clone()), "ConsumedCapacity": { "CapacityUnits": 1 } });
        self.call("GetItem", &get, &answer);
        self.call("PutItem", &put, &json!({ "Attributes": exactly(item) }));
        let part = json!({
            "TableName": "orders", "Key": key("o1", 1), "ProjectionExpression": "#t, #l[2], #m.#b",
            "ExpressionAttributeNames": { "#t": "true", "#l": "list", "#m": "map", "#b": "B" },
        });
        let answer = json!({
            "true": { "BOOL": true }, "list": { "L": [{ "NULL": true }] }, "map": { "M": { "B": { "B": data("B") } } },
        });
        self.call("GetItem", &part, &json!({ "Item": exactly(answer) }));
        let missing = json!({ "TableName": "orders", "Key": key("none", 1) });
        self.call("GetItem", &missing, &json!({ "Item": null }));
        self.refused("GetItem", &json!({ "TableName": "missing", "Key": key("a", 1) }), NOT_FOUND, NO_TABLE);
        let wrong = json!({ "TableName": "orders", "Key": { "id": text("o1") } });
        self.refused("GetItem", &wrong, VALIDATION, "The provided key element does not match the schema");
        let without = json!({ "TableName": "orders", "Item": { "id": text("o1") } });
        let message = "One or more parameter values were invalid: Missing the key line in the item";
        self.refused("PutItem", &without, VALIDATION, message);
        let wrong =
            json!({ "TableName": "orders", "Item": with(&key("o1", 1), &json!({ "n": number("x") })) });
        let message = "The parameter cannot be converted to a numeric value: x";
        self.refused("PutItem", &wrong, VALIDATION, message);
        let message =
            "One or more parameter values were invalid: Type mismatch for key line expected: N actual: S";
        let wrong = json!({ "TableName": "orders", "Item": { "id": text("o1"), "line": text("1") } });
        self.refused("PutItem", &wrong, VALIDATION, message);
    }

    pub(super) fn updates(&mut self) {
        let update = |expression: &str, values: Value, returned: &str| {
            json!({
                "TableName": "orders", "Key": key("o2", 1), "UpdateExpression": expression,
                "ExpressionAttributeValues": values, "ReturnValues": returned,
            })
        };
        let one = update(
            "SET price = if_not_exists(price, :zero) + :one, tags = :list ADD seen :one, teams :a",
            json!({ ":zero": number(0), ":one": number(1), ":list": { "L": [text("x")] }, ":a": { "SS": ["a"] } }),
            "ALL_NEW",
        );
        let shown = json!({
            "price": number(1), "tags": { "L": [text("x")] }, "seen": number(1), "teams": { "SS": ["a"] },
        });
        self.call("UpdateItem", &one, &json!({ "Attributes": exactly(with(&key("o2", 1), &shown)) }));
        let more = json!({ ":half": number("0.5"), ":more": { "L": [text("y")] }, ":a": { "SS": ["a"] } });
        let more = update(
            "SET price = price - :half, tags = list_append(tags, :more) REMOVE seen DELETE teams :a",
            more,
            "UPDATED_NEW",
        );
        let shown = json!({ "price": number("0.5"), "tags": { "L": [text("x"), text("y")] } });
        self.call("UpdateItem", &more, &json!({ "Attributes": exactly(shown.clone()) }));
        let old = update("SET price = :price", json!({ ":price": number("2e1") }), "UPDATED_OLD");
        self.call("UpdateItem", &old, &json!({ "Attributes": exactly(json!({ "price": number("0.5") })) }));
        let get = json!({ "TableName": "orders", "Key": key("o2", 1) });
        let item = with(&with(&key("o2", 1), &shown), &json!({ "price": number(20) }));
        self.call("GetItem", &get, &json!({ "Item": exactly(item) }));
        for (expression, values, message) in [
            (
                "SET line = :one",
                json!({ ":one": number(1) }),
                "One or more parameter values were invalid: Cannot update attribute line. This attribute is part of the key",
            ),
            (
                "SET price = absent + :one",
                json!({ ":one": number(1) }),
                "The provided expression refers to an attribute that does not exist in the item",
            ),
            (
                "SET price = :none",
                json!({ ":one": number(1) }),
                "Invalid UpdateExpression: An expression attribute value used in expression is not defined; \
                 attribute value: :none",
            ),
            (
                "SET name = :one",
                json!({ ":one": number(1) }),
                "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: name",
            ),
            (
                "SET a.b = :one",
                json!({ ":one": number(1) }),
                "The document path provided in the update expression is invalid for update",
            ),
        ] {
            self.refused("UpdateItem", &update(expression, values, "NONE"), VALIDATION, message);
        }
    }

    pub(super) fn conditions(&mut self) {
        let item = with(&key("o3", 1), &json!({ "holder": text("a"), "counter": number(7) }));
        let put = json!({
            "TableName": "orders", "Item": item, "ConditionExpression": "attribute_not_exists(id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        self.tell("PutItem", &put);
        let failed = "The conditional request failed";
        self.refused_with("PutItem", &put, FAILED, failed, &json!({ "Item": exactly(item.clone()) }));
        let mut renew = json!({
            "TableName": "orders", "Key": key("o3", 1), "UpdateExpression": "SET #c = #c + :one",
            "ConditionExpression": "#c = :seen AND (holder IN (:a, :b) OR attribute_not_exists(holder))",
            "ExpressionAttributeNames": { "#c": "counter" }, "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            "ExpressionAttributeValues": {
                ":one": number(1), ":seen": number("7.0"), ":a": text("a"), ":b": text("b"),
            },
        });
        let renewed = with(&item, &json!({ "counter": number(8) }));
        self.call("UpdateItem", &renew, &json!({ "Attributes": exactly(renewed.clone()) }));
        self.refused_with("UpdateItem", &renew, FAILED, failed, &json!({ "Item": exactly(renewed.clone()) }));
        // Nothing is shown that was not asked for.
        renew.as_object_mut().unwrap().remove("ReturnValuesOnConditionCheckFailure");
        self.refused_with("UpdateItem", &renew, FAILED, failed, &json!({ "Item": null }));
        let delete = json!({
            "TableName": "orders", "Key": key("o3", 1), "ConditionExpression": "contains(holder, :a)",
            "ExpressionAttributeValues": { ":a": text("a") }, "ReturnValues": "ALL_OLD",
            "ReturnConsumedCapacity": "TOTAL",
        });
        let answer = json!({ "Attributes": exactly(renewed), "ConsumedCapacity": SOME });
        self.call("DeleteItem", &delete, &answer);
        self.refused_with("DeleteItem", &delete, FAILED, failed, &json!({ "Item": null }));
        let idle = json!({ "TableName": "orders", "Key": key("o3", 1) });
        self.call("DeleteItem", &idle, &json!({ "Attributes": null }));
    }
}
