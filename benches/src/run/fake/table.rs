//! The fake target's tables: items by their lease key, and the one condition that renewals have.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::State;

/// Leases by key; each is the item as it was put.
pub(in crate::run) type Table = BTreeMap<String, Value>;

impl State {
    pub(super) fn answer_table(&mut self, operation: &str, body: &Value) -> Option<(u16, Value)> {
        let name = body["TableName"].as_str().unwrap_or_default().to_owned();
        Some(match operation {
            "CreateTable" => {
                assert_eq!(body["KeySchema"][0]["AttributeName"], "leaseKey");
                self.tables.insert(name, Table::new());
                self.created += 1;
                (200, json!({ "TableDescription": { "TableStatus": "CREATING" } }))
            }
            // It is being made until it is asked for the second time.
            "DescribeTable" => {
                self.described += 1;
                let status = if self.described > 1 { "ACTIVE" } else { "CREATING" };
                (200, json!({ "Table": { "TableStatus": status } }))
            }
            "DeleteTable" => match self.tables.remove(&name) {
                Some(table) => {
                    self.deleted_tables.push(table);
                    (200, json!({ "TableDescription": { "TableStatus": "DELETING" } }))
                }
                None => (400, json!({ "__type": "ResourceNotFoundException", "message": name })),
            },
            "BatchWriteItem" => self.batch_write(body),
            "UpdateItem" => self.update_item(&name, body),
            _ => return None,
        })
    }

    /// Leaves out the last put of every batch of more than one, so that all have to be asked for again.
    fn batch_write(&mut self, body: &Value) -> (u16, Value) {
        let mut unprocessed = serde_json::Map::new();
        for (name, puts) in body["RequestItems"].as_object().unwrap() {
            let puts = puts.as_array().unwrap();
            assert!(!puts.is_empty() && puts.len() <= 25);
            let taken = if puts.len() > 1 { puts.len() - 1 } else { 1 };
            for put in &puts[..taken] {
                let item = &put["PutRequest"]["Item"];
                let key = item["leaseKey"]["S"].as_str().unwrap().to_owned();
                self.tables.get_mut(name).unwrap().insert(key, item.clone());
            }
            if taken < puts.len() {
                unprocessed.insert(name.clone(), Value::from(puts[taken..].to_vec()));
            }
        }
        (200, json!({ "UnprocessedItems": unprocessed }))
    }

    fn update_item(&mut self, name: &str, body: &Value) -> (u16, Value) {
        self.updates += 1;
        let hits = |every: Option<u64>| every.is_some_and(|every| self.updates.is_multiple_of(every));
        if hits(self.faults.throttle_every) {
            return (400, json!({ "__type": "x#ProvisionedThroughputExceededException", "message": "no" }));
        }
        let lost = hits(self.faults.lose_every);
        let (held, next) = if body.get("Expected").is_some() {
            let expected = &body["Expected"]["leaseCounter"]["Value"]["N"];
            (expected, &body["AttributeUpdates"]["leaseCounter"]["Value"]["N"])
        } else {
            let values = &body["ExpressionAttributeValues"];
            (&values[":held"]["N"], &values[":next"]["N"])
        };
        let key = body["Key"]["leaseKey"]["S"].as_str().unwrap();
        let counter = &mut self.tables.get_mut(name).unwrap().get_mut(key).unwrap()["leaseCounter"]["N"];
        if counter != held {
            return (400, json!({ "__type": "x#ConditionalCheckFailedException", "message": "no" }));
        }
        if !lost {
            *counter = next.clone();
        }
        (200, json!({}))
    }
}
