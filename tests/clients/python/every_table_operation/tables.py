"""Tables: created with everything that there is, described, listed, changed, deleted."""

import time

from calls import n, s, table_of
from checks import equal, only, refused, scenario
from service import arn

PATIENCE = 30
HASH, RANGE = ({"AttributeName": name, "KeyType": kind} for name, kind in (("id", "HASH"), ("line", "RANGE")))
UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
ON_DEMAND = {"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": 50}
WARM = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000}


def delete(world, table):
    """Deletes it, and waits until it is gone."""
    deleted = only(world.db.delete_table(TableName=table), "TableDescription")["TableDescription"]
    equal(deleted["TableStatus"], "DELETING")
    deadline = time.monotonic() + PATIENCE
    while deleted["TableName"] in world.db.list_tables()["TableNames"]:
        assert time.monotonic() < deadline, deleted
        time.sleep(0.02)


def attributes(**types):
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]


def index(name, *keys, kind="ALL", **more):
    projection = {"ProjectionType": kind} | ({"NonKeyAttributes": ["price"]} if kind == "INCLUDE" else {})
    return {"IndexName": name, "KeySchema": list(keys), "Projection": projection} | more


def hash_of(name):
    return {"AttributeName": name, "KeyType": "HASH"}


def range_of(name):
    return {"AttributeName": name, "KeyType": "RANGE"}


def until_active(world, table):
    """What is told of a table once nothing about it changes any more."""
    deadline = time.monotonic() + PATIENCE
    while True:
        shown = only(world.db.describe_table(TableName=table), "Table")["Table"]
        statuses = [index["IndexStatus"] for index in shown.get("GlobalSecondaryIndexes", [])]
        if {shown["TableStatus"], *statuses} == {"ACTIVE"}:
            return shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.02)


def create(world, table):
    created = only(world.db.create_table(**table), "TableDescription")["TableDescription"]
    equal((created["TableStatus"], created["TableArn"]), ("CREATING", arn(table["TableName"])))
    return until_active(world, table["TableName"])


def essence(indexes):
    """In whatever order they are told."""
    return sorted(
        ([index[name] for name in ("IndexName", "KeySchema", "Projection")] for index in indexes), key=lambda part: part[0]
    )


ORDERS = {
    "TableName": "orders",
    "AttributeDefinitions": attributes(id="S", line="N", price="N", team="S", data="B"),
    "KeySchema": [HASH, RANGE],
    "LocalSecondaryIndexes": [
        index("by-price", HASH, range_of("price")),
        index("by-data", HASH, range_of("data"), kind="KEYS_ONLY"),
        index("by-team-too", HASH, range_of("team"), kind="INCLUDE"),
    ],
    "GlobalSecondaryIndexes": [
        index("by-team", hash_of("team"), range_of("price"), ProvisionedThroughput=UNITS, WarmThroughput=WARM),
        index("teams", hash_of("team"), kind="KEYS_ONLY", ProvisionedThroughput=UNITS),
        index("prices", hash_of("team"), kind="INCLUDE", ProvisionedThroughput=UNITS),
    ],
    "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": UNITS,
    "WarmThroughput": WARM,
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    "SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/orders"},
    "Tags": [{"Key": "team", "Value": "a"}],
    "TableClass": "STANDARD",
    "DeletionProtectionEnabled": False,
}


@scenario("CreateTable", "DescribeTable")
def create_provisioned(world):
    shown = create(world, ORDERS)
    for member in "AttributeDefinitions", "KeySchema", "StreamSpecification":
        equal(shown[member], ORDERS[member])
    for member in "LocalSecondaryIndexes", "GlobalSecondaryIndexes":
        equal(essence(shown[member]), essence(ORDERS[member]))
        for told in shown[member]:
            equal(told["IndexArn"], f"{arn('orders')}/index/{told['IndexName']}")
    throughput = shown["ProvisionedThroughput"]
    equal({name: throughput[name] for name in UNITS}, UNITS)
    equal(throughput["NumberOfDecreasesToday"], 0)
    equal(shown["LatestStreamArn"], f"{arn('orders')}/stream/{shown['LatestStreamLabel']}")
    equal(world.db.describe_table(TableName=arn("orders"))["Table"]["TableId"], shown["TableId"])


@scenario("CreateTable", "DescribeTable", "UpdateTable", "DeleteTable")
def create_on_demand(world):
    by_owner = index("by-owner", hash_of("owner"), OnDemandThroughput=ON_DEMAND)
    table = table_of(
        "leases",
        AttributeDefinitions=attributes(id="S", owner="S"),
        GlobalSecondaryIndexes=[by_owner],
        OnDemandThroughput=ON_DEMAND,
        TableClass="STANDARD_INFREQUENT_ACCESS",
        StreamSpecification={"StreamEnabled": False},
        SSESpecification={"Enabled": False},
        DeletionProtectionEnabled=True,
    )
    aes = {"Enabled": True, "SSEType": "AES256"}
    text = refused("ValidationException", world.db.create_table, **table | {"SSESpecification": aes})
    equal(text, "One or more parameter values were invalid: SSEType AES256 is not supported")
    shown = create(world, table)
    equal(shown["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
    equal((shown["ProvisionedThroughput"]["ReadCapacityUnits"], shown["OnDemandThroughput"]), (0, ON_DEMAND))
    text = "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
    equal(refused("ValidationException", world.db.delete_table, TableName="leases"), text)
    world.db.update_table(TableName="leases", DeletionProtectionEnabled=False)
    until_active(world, "leases")
    delete(world, arn("leases"))
    text = "Requested resource not found: Table: leases not found"
    equal(refused("ResourceNotFoundException", world.db.describe_table, TableName="leases"), text)


@scenario("CreateTable", "UpdateTable")
def views_of_streams(world):
    """A stream that is disabled and enabled again is another, perhaps of another kind."""
    table = table_of("viewed", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    labels = [create(world, table)["LatestStreamLabel"]]
    for view in "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY":
        world.db.update_table(TableName="viewed", StreamSpecification={"StreamEnabled": False})
        until_active(world, "viewed")
        enabled = {"StreamEnabled": True, "StreamViewType": view}
        world.db.update_table(TableName="viewed", StreamSpecification=enabled)
        shown = until_active(world, "viewed")
        equal(shown["StreamSpecification"], enabled)
        labels.append(shown["LatestStreamLabel"])
    equal(len(set(labels)), len(labels))
    for view in "NEW_IMAGE", "OLD_IMAGE":
        create(world, table_of(view, StreamSpecification={"StreamEnabled": True, "StreamViewType": view}))
        delete(world, view)


@scenario("UpdateTable", "DescribeTable")
def update(world):
    create(world, table_of("changing"))
    change = lambda **changes: (
        only(world.db.update_table(TableName="changing", **changes), "TableDescription"),
        until_active(world, "changing"),
    )[1]
    for item in range(3):
        world.db.put_item(TableName="changing", Item={"id": s(str(item)), "owner": s("a"), "blob": {"B": b"x"}})
    # Not in the index: of another type.
    world.db.put_item(TableName="changing", Item={"id": s("other"), "owner": n(1)})
    for kind in "ALL", "KEYS_ONLY", "INCLUDE":
        by_owner = index("by-owner", hash_of("owner"), kind=kind, OnDemandThroughput=ON_DEMAND, WarmThroughput=WARM)
        shown = change(
            AttributeDefinitions=attributes(id="S", owner="S"), GlobalSecondaryIndexUpdates=[{"Create": by_owner}]
        )
        equal([told["IndexName"] for told in shown["GlobalSecondaryIndexes"]], ["by-owner"])
        equal(world.db.scan(TableName="changing", IndexName="by-owner")["Count"], 3)
        larger = {"MaxReadRequestUnits": 200, "MaxWriteRequestUnits": 100}
        more = {"OnDemandThroughput": larger, "WarmThroughput": WARM}
        change(GlobalSecondaryIndexUpdates=[{"Update": {"IndexName": "by-owner"} | more}])
        change(GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-owner"}}])
    for name, kind, type in ("counted", "ALL", "N"), ("blobbed", "KEYS_ONLY", "B"):
        by = index(f"by-{name}", hash_of("id"), range_of(name), kind=kind)
        change(AttributeDefinitions=attributes(id="S", **{name: type}), GlobalSecondaryIndexUpdates=[{"Create": by}])
    updated = [{"Update": {"IndexName": f"by-{name}", "ProvisionedThroughput": UNITS}} for name in ("counted", "blobbed")]
    shown = change(BillingMode="PROVISIONED", ProvisionedThroughput=UNITS, GlobalSecondaryIndexUpdates=updated)
    equal({name: shown["ProvisionedThroughput"][name] for name in UNITS}, UNITS)
    for units in 6, 5:
        shown = change(ProvisionedThroughput={"ReadCapacityUnits": units, "WriteCapacityUnits": units})
        update = {"ReadCapacityUnits": units + 1, "WriteCapacityUnits": units + 1}
        change(GlobalSecondaryIndexUpdates=[{"Update": {"IndexName": "by-counted", "ProvisionedThroughput": update}}])
    throughput = shown["ProvisionedThroughput"]
    equal(throughput["NumberOfDecreasesToday"], 1)
    assert throughput["LastIncreaseDateTime"] <= throughput["LastDecreaseDateTime"], throughput
    create_provisioned = index("by-more", hash_of("more"), ProvisionedThroughput=UNITS)
    change(AttributeDefinitions=attributes(id="S", more="S"), GlobalSecondaryIndexUpdates=[{"Create": create_provisioned}])
    change(BillingMode="PAY_PER_REQUEST")
    change(OnDemandThroughput=ON_DEMAND)
    change(WarmThroughput=WARM)
    for table_class in "STANDARD_INFREQUENT_ACCESS", "STANDARD":
        shown = change(TableClass=table_class)
        equal(shown["TableClassSummary"]["TableClass"], table_class)
    change(SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/other"})
    aes = {"Enabled": True, "SSEType": "AES256"}
    refused("ValidationException", world.db.update_table, TableName="changing", SSESpecification=aes)
    change(DeletionProtectionEnabled=True)
    change(DeletionProtectionEnabled=False)
    delete(world, "changing")


@scenario("ListTables")
def list_tables(world):
    for name in "list-a", "list-b":
        create(world, table_of(name))
    everything = only(world.db.list_tables(), "TableNames")["TableNames"]
    equal(everything, sorted(everything))
    page = only(world.db.list_tables(ExclusiveStartTableName="list", Limit=1), "TableNames", "LastEvaluatedTableName")
    equal((page["TableNames"], page["LastEvaluatedTableName"]), (["list-a"], "list-a"))
    pages = world.db.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 1})
    equal([name for page in pages for name in page["TableNames"]], everything)
    for name in "list-a", "list-b":
        delete(world, name)
