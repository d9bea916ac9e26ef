//! Tables: created, described, listed, changed, deleted.

use serde_json::{Value, json};

use super::{IN_USE, NOT_FOUND, SOME, Steps, VALIDATION, arn};
use millstream_tests::told::Client;

/// A table with one index of each kind.
fn orders() -> Value {
    json!({
        "TableName": "orders",
        "AttributeDefinitions": [
            { "AttributeName": "id", "AttributeType": "S" }, { "AttributeName": "line", "AttributeType": "N" },
            { "AttributeName": "price", "AttributeType": "N" }, { "AttributeName": "team", "AttributeType": "S" },
        ],
        "KeySchema": [
            { "AttributeName": "id", "KeyType": "HASH" }, { "AttributeName": "line", "KeyType": "RANGE" },
        ],
        "LocalSecondaryIndexes": [{
            "IndexName": "by-price", "Projection": { "ProjectionType": "ALL" },
            "KeySchema": [
                { "AttributeName": "id", "KeyType": "HASH" }, { "AttributeName": "price", "KeyType": "RANGE" },
            ],
        }],
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-team", "KeySchema": [{ "AttributeName": "team", "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["price"] },
            "ProvisionedThroughput": { "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 },
        }],
        "ProvisionedThroughput": { "ReadCapacityUnits": 7, "WriteCapacityUnits": 8 },
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" },
    })
}

/// One as a lease coordinator creates it.
fn leases() -> Value {
    json!({
        "TableName": "leases", "BillingMode": "PAY_PER_REQUEST", "DeletionProtectionEnabled": true,
        "AttributeDefinitions": [{ "AttributeName": "leaseKey", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "leaseKey", "KeyType": "HASH" }],
        "Tags": [{ "Key": "team", "Value": "a" }],
    })
}

/// What a table shows of how it was created, in this state.
fn shown(created: &Value, status: &str) -> Value {
    let table = created["TableName"].as_str().unwrap();
    let mut shown = json!({
        "TableName": table, "TableArn": arn(table), "TableId": SOME, "CreationDateTime": SOME, "ItemCount": 0,
        "TableSizeBytes": 0, "TableStatus": status, "AttributeDefinitions": created["AttributeDefinitions"],
        "KeySchema": created["KeySchema"],
    });
    if table == "leases" {
        shown["BillingModeSummary"] = json!({ "BillingMode": "PAY_PER_REQUEST" });
        shown["DeletionProtectionEnabled"] = true.into();
        shown["ProvisionedThroughput"] =
            json!({ "NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0 });
        return shown;
    }
    shown["DeletionProtectionEnabled"] = false.into();
    shown["ProvisionedThroughput"] =
        json!({ "NumberOfDecreasesToday": 0, "ReadCapacityUnits": 7, "WriteCapacityUnits": 8 });
    shown["StreamSpecification"] = created["StreamSpecification"].clone();
    shown["LatestStreamArn"] = SOME.into();
    shown["LatestStreamLabel"] = SOME.into();
    for (indexes, name) in [("LocalSecondaryIndexes", "by-price"), ("GlobalSecondaryIndexes", "by-team")] {
        let index = &created[indexes][0];
        shown[indexes] = json!([{
            "IndexName": name, "IndexArn": format!("{}/index/{name}", arn(table)), "KeySchema": index["KeySchema"],
            "Projection": index["Projection"], "ItemCount": 0, "IndexSizeBytes": 0,
        }]);
    }
    shown["GlobalSecondaryIndexes"][0]["IndexStatus"] = status.into();
    shown["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] =
        json!({ "NumberOfDecreasesToday": 0, "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 });
    shown
}

impl<C: Client> Steps<C> {
    pub(super) fn create(&mut self) {
        for table in [orders(), leases()] {
            let creating = json!({ "TableDescription": shown(&table, "CREATING") });
            self.call("CreateTable", &table, &creating);
            let name = json!({ "TableName": table["TableName"] });
            let active = json!({ "Table": shown(&table, "ACTIVE") });
            let described = self.call_until("DescribeTable", &name, &active);
            let id = json!({ "Table": { "TableId": described["Table"]["TableId"] } });
            self.call(
                "DescribeTable",
                &json!({ "TableName": arn(table["TableName"].as_str().unwrap()) }),
                &id,
            );
        }
        self.refused("CreateTable", &leases(), IN_USE, "Table already exists: leases");
        let mut wrong = leases();
        wrong["TableName"] = "wrong".into();
        wrong["AttributeDefinitions"][0]["AttributeName"] = "other".into();
        let text = "Invalid KeySchema: Some index key attribute have no definition";
        self.refused("CreateTable", &wrong, VALIDATION, text);
        let mut wrong = leases();
        wrong["TableName"] = "wrong".into();
        wrong["ProvisionedThroughput"] = json!({ "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 });
        let text = "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can \
            be specified when BillingMode is PAY_PER_REQUEST";
        self.refused("CreateTable", &wrong, VALIDATION, text);
    }

    pub(super) fn describe(&mut self) {
        let first = json!({ "TableNames": ["leases"], "LastEvaluatedTableName": "leases" });
        self.call("ListTables", &json!({ "Limit": 1 }), &first);
        let rest = json!({ "TableNames": ["orders"], "LastEvaluatedTableName": null });
        self.call("ListTables", &json!({ "ExclusiveStartTableName": "leases" }), &rest);
        let missing = json!({ "TableName": "missing" });
        let text = "Requested resource not found: Table: missing not found";
        for operation in ["DescribeTable", "DeleteTable"] {
            self.refused(operation, &missing, NOT_FOUND, text);
        }
    }

    /// An index that is made while the table is used, and is in step with it when it is ACTIVE.
    pub(super) fn online_index(&mut self) {
        let index = json!({
            "IndexName": "by-note", "KeySchema": [{ "AttributeName": "note", "KeyType": "HASH" }],
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        });
        let create = |table: &str| {
            json!({
                "TableName": table, "GlobalSecondaryIndexUpdates": [{ "Create": index }],
                "AttributeDefinitions": [
                    { "AttributeName": "leaseKey", "AttributeType": "S" },
                    { "AttributeName": "note", "AttributeType": "S" },
                ],
            })
        };
        let item = json!({ "leaseKey": { "S": "noted" }, "note": { "S": "n" } });
        self.tell("PutItem", &json!({ "TableName": "leases", "Item": item }));
        let creating = json!({ "IndexName": "by-note", "IndexStatus": "CREATING" });
        let changing = json!({ "TableStatus": "UPDATING", "GlobalSecondaryIndexes": [creating] });
        self.call("UpdateTable", &create("leases"), &json!({ "TableDescription": changing }));
        let active = json!({ "IndexName": "by-note", "IndexStatus": "ACTIVE", "Backfilling": null });
        let active = json!({ "Table": { "TableStatus": "ACTIVE", "GlobalSecondaryIndexes": [active] } });
        self.call_until("DescribeTable", &json!({ "TableName": "leases" }), &active);
        let query = json!({
            "TableName": "leases", "IndexName": "by-note", "KeyConditionExpression": "note = :n",
            "ExpressionAttributeValues": { ":n": { "S": "n" } },
        });
        self.call("Query", &query, &json!({ "Count": 1, "Items": [super::exactly(item)] }));
        let text = "Requested resource not found: Table: missing not found";
        self.refused("UpdateTable", &create("missing"), NOT_FOUND, text);
        let text = "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
            GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required";
        self.refused("UpdateTable", &json!({ "TableName": "leases" }), VALIDATION, text);
    }

    pub(super) fn delete(&mut self) {
        let leases = json!({ "TableName": "leases" });
        let text = "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
            protection first.";
        self.refused("DeleteTable", &leases, VALIDATION, text);
        let open = json!({ "TableName": "leases", "DeletionProtectionEnabled": false });
        self.tell("UpdateTable", &open);
        let active = json!({ "Table": { "TableStatus": "ACTIVE", "DeletionProtectionEnabled": false } });
        self.call_until("DescribeTable", &leases, &active);
        for table in ["leases", "orders"] {
            let deleting = json!({ "TableDescription": { "TableName": table, "TableStatus": "DELETING" } });
            self.call("DeleteTable", &json!({ "TableName": table }), &deleting);
        }
        self.call_until("ListTables", &json!({}), &json!({ "TableNames": [] }));
    }
}
