//! The stream of a table's changes.

use serde_json::{Value, json};

use super::{NOT_FOUND, SOME, Steps, exactly, key, number, text, with};
use millstream_tests::told::Client;

/// The shard in which the changes of an item come, and its records so far: a table has as many shards as it likes.
struct Found {
    iterator: Value,
    records: Vec<Value>,
}

impl<C: Client> Steps<C> {
    pub(super) fn streams(&mut self) {
        let listed = json!({ "StreamArn": SOME, "StreamLabel": SOME, "TableName": "orders" });
        let answer = json!({ "Streams": [listed] });
        let shown = self.call("ListStreams", &json!({ "TableName": "orders" }), &answer);
        let arn = shown["Streams"][0]["StreamArn"].clone();
        let description = json!({
            "StreamArn": arn, "StreamLabel": SOME, "StreamStatus": "ENABLED", "TableName": "orders",
            "StreamViewType": "NEW_AND_OLD_IMAGES", "CreationRequestDateTime": SOME,
            "KeySchema": [
                { "AttributeName": "id", "KeyType": "HASH" }, { "AttributeName": "line", "KeyType": "RANGE" },
            ],
        });
        let shown = self.call(
            "DescribeStream",
            &json!({ "StreamArn": arn }),
            &json!({ "StreamDescription": description }),
        );
        let shards: Vec<_> =
            shown["StreamDescription"]["Shards"].as_array().into_iter().flatten().cloned().collect();
        for (old, new) in [(None, Some(1)), (Some(1), Some(2)), (Some(2), None)] {
            self.change(new);
            let records: Vec<_> =
                shards.iter().flat_map(|shard| self.changes(&arn, &shard["ShardId"])).collect();
            self.has_change(&records, old, new);
        }
        self.wrong_streams(&arn, &shards);
    }

    fn change(&mut self, price: Option<u32>) {
        match price {
            Some(price) => {
                let item = with(&key("change", 1), &json!({ "price": number(price) }));
                self.tell("PutItem", &json!({ "TableName": "orders", "Item": item }));
            }
            None => self.tell("DeleteItem", &json!({ "TableName": "orders", "Key": key("change", 1) })),
        }
    }

    /// The records of a shard about the item that was changed.
    fn changes(&mut self, arn: &Value, shard: &Value) -> Vec<Value> {
        let start = json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        let shown = self.call("GetShardIterator", &start, &json!({ "ShardIterator": SOME }));
        let mut found = Found { iterator: shown["ShardIterator"].clone(), records: Vec::new() };
        // An open shard has no end: what an empty page follows is all that there is.
        while !found.iterator.is_null() {
            let page = self.call(
                "GetRecords",
                &json!({ "ShardIterator": found.iterator, "Limit": 1000 }),
                &json!({}),
            );
            let records = page["Records"].as_array().cloned().unwrap_or_default();
            found.iterator = if records.is_empty() { Value::Null } else { page["NextShardIterator"].clone() };
            found.records.extend(records);
        }
        found.records.retain(|record| record["dynamodb"]["Keys"]["id"] == text("change"));
        found.records
    }

    fn has_change(&mut self, records: &[Value], old: Option<u32>, new: Option<u32>) {
        let image = |price: u32| exactly(with(&key("change", 1), &json!({ "price": number(price) })));
        let name = match (old, new) {
            (None, _) => "INSERT",
            (_, Some(_)) => "MODIFY",
            (_, None) => "REMOVE",
        };
        let expected = json!({
            "eventID": SOME, "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1", "userIdentity": null,
            "dynamodb": {
                "ApproximateCreationDateTime": SOME, "Keys": exactly(key("change", 1)), "SequenceNumber": SOME,
                "SizeBytes": SOME, "StreamViewType": "NEW_AND_OLD_IMAGES", "OldImage": old.map(image),
                "NewImage": new.map(image),
            },
        });
        if !records.last().is_some_and(|record| super::has(record, &expected)) {
            self.walk.problem(format!("the last of {records:?} is not {expected}"));
        }
    }

    fn wrong_streams(&mut self, arn: &Value, shards: &[Value]) {
        let missing = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2020-01-01T00:00:00.000";
        let message = format!("Requested resource not found: Stream: {missing} not found");
        self.refused("DescribeStream", &json!({ "StreamArn": missing }), NOT_FOUND, &message);
        let Some(shard) = shards.first() else {
            return self.walk.problem(format!("{arn} has no shards"));
        };
        let start =
            json!({ "StreamArn": missing, "ShardId": shard["ShardId"], "ShardIteratorType": "LATEST" });
        self.refused("GetShardIterator", &start, NOT_FOUND, &message);
        let latest = with(&start, &json!({ "StreamArn": arn }));
        let shown = self.call("GetShardIterator", &latest, &json!({ "ShardIterator": SOME }));
        let empty = json!({ "Records": [], "NextShardIterator": SOME });
        self.call("GetRecords", &json!({ "ShardIterator": shown["ShardIterator"] }), &empty);
    }
}
