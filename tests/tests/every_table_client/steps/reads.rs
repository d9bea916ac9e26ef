//! Many items: queries of tables and of indexes, and scans.

use serde_json::{Value, json};

use super::{NO_TABLE, NOT_FOUND, SOME, Steps, VALIDATION, exactly, in_any_order, key, number, text, with};
use millstream_tests::told::Client;

const LINES: u32 = 5;

fn item(line: u32) -> Value {
    let team = if line.is_multiple_of(2) { "even" } else { "odd" };
    with(&key("read", line), &json!({ "price": number(100 - line), "team": text(team), "note": text("n") }))
}

fn query(members: &Value) -> Value {
    let of_id = json!({
        "TableName": "orders", "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": { ":id": text("read") },
    });
    with(&of_id, members)
}

impl<C: Client> Steps<C> {
    pub(super) fn queries(&mut self) {
        for line in 1..=LINES {
            self.tell("PutItem", &json!({ "TableName": "orders", "Item": item(line) }));
        }
        let page = json!({
            "Count": 2, "ScannedCount": 2, "Items": [exactly(item(1)), exactly(item(2))],
            "LastEvaluatedKey": exactly(key("read", 2)), "ConsumedCapacity": { "CapacityUnits": 1 },
        });
        let first = query(&json!({ "Limit": 2, "ConsistentRead": true, "ReturnConsumedCapacity": "TOTAL" }));
        self.call("Query", &first, &page);
        let rest = json!({ "Count": 3, "LastEvaluatedKey": null });
        self.call("Query", &query(&json!({ "ExclusiveStartKey": key("read", 2) })), &rest);
        let between = json!({
            "KeyConditionExpression": "id = :id AND line BETWEEN :low AND :high", "ScanIndexForward": false,
            "ExpressionAttributeValues": {
                ":id": text("read"), ":low": number(2), ":high": number(4), ":even": text("even"),
            },
            "FilterExpression": "team = :even", "ProjectionExpression": "line",
        });
        let lines = [4, 2].map(|line| exactly(json!({ "line": number(line) })));
        let found = json!({ "Count": 2, "ScannedCount": 3, "Items": lines });
        self.call("Query", &query(&between), &found);
        let count = json!({ "Select": "COUNT" });
        self.call("Query", &query(&count), &json!({ "Count": LINES, "Items": [] }));
        let local = json!({ "IndexName": "by-price", "Limit": 1 });
        let last = with(&key("read", 5), &json!({ "price": number(95) }));
        let found = json!({ "Items": [exactly(item(5))], "LastEvaluatedKey": exactly(last) });
        self.call("Query", &query(&local), &found);
        let global = json!({
            "TableName": "orders", "IndexName": "by-team", "KeyConditionExpression": "team = :odd",
            "ExpressionAttributeValues": { ":odd": text("odd") },
        });
        let projected = |line: u32| {
            let of_index = json!({ "team": text("odd"), "price": number(100 - line) });
            exactly(with(&key("read", line), &of_index))
        };
        let found = json!([projected(1), projected(3), projected(5)]);
        self.call("Query", &global, &json!({ "Count": 3, "Items": in_any_order(found) }));
        self.wrong_queries(&global);
    }

    fn wrong_queries(&mut self, global: &Value) {
        let consistent = with(global, &json!({ "ConsistentRead": true }));
        let message = "Consistent reads are not supported on global secondary indexes";
        self.refused("Query", &consistent, VALIDATION, message);
        let missing = query(&json!({ "IndexName": "by-none" }));
        self.refused("Query", &missing, VALIDATION, "The table does not have the specified index: by-none");
        let filter = json!({ "FilterExpression": "line > :id" });
        let message =
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: line";
        self.refused("Query", &query(&filter), VALIDATION, message);
        let keyless = json!({
            "KeyConditionExpression": "line = :id", "ExpressionAttributeValues": { ":id": number(1) },
        });
        let message = "Query condition missed key schema element: id";
        self.refused("Query", &query(&keyless), VALIDATION, message);
        self.refused("Query", &query(&json!({ "TableName": "missing" })), NOT_FOUND, NO_TABLE);
    }

    pub(super) fn scans(&mut self) {
        let scan = json!({
            "TableName": "orders", "FilterExpression": "begins_with(note, :n)", "ProjectionExpression": "line",
            "ExpressionAttributeValues": { ":n": text("n") },
        });
        let lines: Value = (1..=LINES).map(|line| exactly(json!({ "line": number(line) }))).collect();
        self.call("Scan", &scan, &json!({ "Count": LINES, "Items": in_any_order(lines) }));
        // Each item is in one segment.
        let segment = |number| with(&scan, &json!({ "Segment": number, "TotalSegments": 3 }));
        let found = (0..3).map(|number| self.call("Scan", &segment(number), &json!({ "Count": SOME })));
        let counts: Vec<_> = found.map(|shown| shown["Count"].as_u64().unwrap_or_default()).collect();
        if counts.iter().sum::<u64>() != u64::from(LINES) {
            self.walk.problem(format!("the segments of a scan have {counts:?} items"));
        }
        let message = "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 3 \
            is not less than TotalSegments: 3";
        self.refused("Scan", &segment(3), VALIDATION, message);
        let index = json!({ "TableName": "orders", "IndexName": "by-team", "Limit": 1, "Select": "COUNT" });
        self.call("Scan", &index, &json!({ "Count": 1, "LastEvaluatedKey": SOME }));
        self.refused("Scan", &json!({ "TableName": "missing" }), NOT_FOUND, NO_TABLE);
    }
}
