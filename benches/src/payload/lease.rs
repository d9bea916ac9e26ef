//! Leases as the KCL keeps them in a table, and the request that renews one.
//!
//! A renewal is rendered for each request, since the counter in it changes: the rest of it is made once for a table.

use millstream_runtime::Entropy;
use serde_json::{Value, json};

use super::random_name;
use crate::args::Spelling;

const OWNER_CHARS: usize = 26;
/// What every worker measures of its shard and writes with each renewal.
const THROUGHPUT_KBPS: &str = "512.25";
const CHECKPOINT: &str = "49668731420398423587143209814302759841623047162950385666";

/// One item, and the counter that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Digits and letters only, so it stands in JSON as it is.
    pub(crate) key: String,
    pub(crate) counter: u64,
}

/// A request that renews a lease of one table, around key, next counter and counter held.
#[derive(Clone, Debug)]
pub(crate) struct Renewal([String; 4]);

impl Lease {
    /// The lease of a shard.
    pub(crate) fn of_shard(number: usize) -> Self {
        Self { key: format!("shardId-{number:012}"), counter: 0 }
    }

    /// The item of one of `shards` leases, with everything that a worker of KCL 3 writes into it.
    pub(crate) fn item(&self, number: usize, shards: usize, entropy: &dyn Entropy) -> Value {
        let width = u128::MAX / shards.max(1) as u128;
        let start = width * number as u128;
        json!({
            "leaseKey": { "S": self.key },
            "entityType": { "S": "LEASE" },
            "leaseOwner": { "S": random_name(entropy, OWNER_CHARS) },
            "leaseCounter": { "N": self.counter.to_string() },
            "ownerSwitchesSinceCheckpoint": { "N": "0" },
            "checkpoint": { "S": CHECKPOINT },
            "checkpointSubSequenceNumber": { "N": "0" },
            "startingHashKey": { "S": start.to_string() },
            "endingHashKey": { "S": start.saturating_add(width - 1).to_string() },
            "throughputKBps": { "N": THROUGHPUT_KBPS },
        })
    }
}

impl Renewal {
    /// Members in the order in which the SDK for Java writes them.
    pub(crate) fn of(table: &str, spelling: Spelling) -> Self {
        let key = format!(r#"{{"TableName":"{table}","Key":{{"leaseKey":{{"S":""#);
        match spelling {
            Spelling::Legacy => Self([
                key,
                format!(
                    r#""}}}},"AttributeUpdates":{{"throughputKBps":{{"Value":{{"N":"{THROUGHPUT_KBPS}"}},"Action":"PUT"}},"leaseCounter":{{"Value":{{"N":""#
                ),
                r#""},"Action":"PUT"}},"Expected":{"checkpointOwner":{"Exists":false},"leaseCounter":{"Value":{"N":""#
                    .to_owned(),
                r#""}}},"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}"#.to_owned(),
            ]),
            Spelling::Expression => Self([
                key,
                format!(
                    r#""}}}},"UpdateExpression":"SET throughputKBps = :throughput, leaseCounter = :next","ConditionExpression":"leaseCounter = :held AND attribute_not_exists(checkpointOwner)","ExpressionAttributeValues":{{":throughput":{{"N":"{THROUGHPUT_KBPS}"}},":next":{{"N":""#
                ),
                r#""},":held":{"N":""#.to_owned(),
                r#""}},"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}"#.to_owned(),
            ]),
        }
    }

    /// The body that renews `lease` for whoever holds it.
    pub(crate) fn body(&self, lease: &Lease) -> Vec<u8> {
        let [table, update, condition, end] = &self.0;
        let (next, held) = ((lease.counter + 1).to_string(), lease.counter.to_string());
        [table, &lease.key, update, &next, condition, &held, end].map(String::as_bytes).concat()
    }
}

#[cfg(test)]
mod tests {
    use millstream_runtime::SeededEntropy;

    use super::*;

    fn body(spelling: Spelling, counter: u64) -> Value {
        let lease = Lease { counter, ..Lease::of_shard(7) };
        serde_json::from_slice(&Renewal::of("t-1", spelling).body(&lease)).unwrap()
    }

    #[test]
    fn the_legacy_spelling_is_what_the_kcl_sends() {
        let expected = json!({
            "TableName": "t-1",
            "Key": { "leaseKey": { "S": "shardId-000000000007" } },
            "AttributeUpdates": {
                "leaseCounter": { "Value": { "N": "100" }, "Action": "PUT" },
                "throughputKBps": { "Value": { "N": "512.25" }, "Action": "PUT" },
            },
            "Expected": {
                "leaseCounter": { "Value": { "N": "99" } },
                "checkpointOwner": { "Exists": false },
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        assert_eq!(body(Spelling::Legacy, 99), expected);
    }

    #[test]
    fn expressions_say_the_same() {
        let expected = json!({
            "TableName": "t-1",
            "Key": { "leaseKey": { "S": "shardId-000000000007" } },
            "UpdateExpression": "SET throughputKBps = :throughput, leaseCounter = :next",
            "ConditionExpression": "leaseCounter = :held AND attribute_not_exists(checkpointOwner)",
            "ExpressionAttributeValues": {
                ":throughput": { "N": "512.25" },
                ":next": { "N": "1" },
                ":held": { "N": "0" },
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        assert_eq!(body(Spelling::Expression, 0), expected);
    }

    #[test]
    fn leases_divide_the_hash_keys_among_them() {
        let entropy = SeededEntropy::shared(7);
        let item = |number, shards| Lease::of_shard(number).item(number, shards, entropy.as_ref());
        let key = |item: &Value, name: &str| -> u128 { item[name]["S"].as_str().unwrap().parse().unwrap() };
        let (first, second) = (item(0, 3), item(1, 3));
        assert_eq!(key(&first, "startingHashKey"), 0);
        assert_eq!(key(&first, "endingHashKey") + 1, key(&second, "startingHashKey"));
        assert_eq!(key(&item(2, 3), "endingHashKey"), u128::MAX - 1 - u128::MAX % 3);
        assert_ne!(first["leaseOwner"], second["leaseOwner"]);
        assert_eq!(first["leaseCounter"], json!({ "N": "0" }));
    }
}
