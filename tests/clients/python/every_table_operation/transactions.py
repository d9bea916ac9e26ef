"""Transactions: each kind of action, why one was cancelled, and tokens."""

from calls import key, n
from checks import equal, only, refused, scenario
from items import METRICS

CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons "


def action(kind, line, **more):
    return {kind: {"TableName": "orders", "Key": key("acid", line)} | more}


def put(line, price, **more):
    return {"Put": {"TableName": "orders", "Item": key("acid", line) | {"price": n(price)}} | more}


def reasons(world, *actions):
    """Why they were not carried out."""
    try:
        world.db.transact_write_items(TransactItems=list(actions))
    except world.db.exceptions.TransactionCanceledException as failure:
        told = failure.response["CancellationReasons"]
        equal(failure.response["Error"]["Message"], CANCELLED + f"[{', '.join(reason['Code'] for reason in told)}]")
        return told
    raise AssertionError("it was not cancelled")


@scenario("TransactWriteItems")
def write(world):
    db = world.db
    names, values = {"#p": "price"}, {":p": n(1)}
    given = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    absent = {"ConditionExpression": "attribute_not_exists(id)"}
    db.transact_write_items(TransactItems=[put(line, 1, **absent) for line in range(4)])
    is_one = {"ConditionExpression": "#p = :p"} | given
    for returned in "ALL_OLD", "NONE":
        on_failure = {"ReturnValuesOnConditionCheckFailure": returned}
        answer = db.transact_write_items(
            TransactItems=[
                put(0, 1, **is_one, **on_failure),
                action("Update", 1, UpdateExpression="SET #p = :p", **is_one, **on_failure),
                action("Delete", 2, **is_one, **on_failure),
                action("ConditionCheck", 3, **is_one, **on_failure),
            ],
            **METRICS,
        )
        only(answer, "ConsumedCapacity", "ItemCollectionMetrics")
        equal(answer["ConsumedCapacity"][0]["TableName"], "orders")
        db.put_item(TableName="orders", Item=key("acid", 2) | {"price": n(1)})
    for returned in "TOTAL", "NONE":
        write = {"ReturnConsumedCapacity": returned, "ReturnItemCollectionMetrics": "NONE"}
        db.transact_write_items(TransactItems=[put(0, 1)], **write)


@scenario("TransactWriteItems")
def cancelled(world):
    db, old = world.db, {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    is_two = {"ConditionExpression": "price = :p", "ExpressionAttributeValues": {":p": n(2)}}
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    item = {"Item": key("acid", 1) | {"price": n(1)}}
    equal(
        reasons(world, put(0, 9), action("Delete", 1, **is_two, **old), action("ConditionCheck", 3, **is_two)),
        [{"Code": "None"}, failed | item, failed],
    )
    equal(db.get_item(TableName="orders", Key=key("acid", 0))["Item"]["price"], n(1))
    add = action("Update", 1, UpdateExpression="ADD price :t", ExpressionAttributeValues={":t": {"SS": ["x"]}})
    told = reasons(world, put(0, 9), add)
    equal([reason["Code"] for reason in told], ["None", "ValidationError"])
    assert told[1]["Message"], told
    twice = {"TransactItems": [put(1, 1), action("Delete", 1)]}
    text = refused("ValidationException", db.transact_write_items, **twice)
    equal(text, "Transaction request cannot include multiple operations on one item")


@scenario("TransactWriteItems")
def tokens(world):
    db = world.db
    count = action("Update", 9, UpdateExpression="ADD price :one", ExpressionAttributeValues={":one": n(1)})
    for _ in range(3):
        db.transact_write_items(TransactItems=[count], ClientRequestToken="once")
    equal(db.get_item(TableName="orders", Key=key("acid", 9))["Item"]["price"], n(1))
    other = {"TransactItems": [put(9, 1)], "ClientRequestToken": "once"}
    refused("IdempotentParameterMismatchException", db.transact_write_items, **other)


@scenario("TransactGetItems")
def read(world):
    get = [action("Get", 1), action("Get", 99), action("Get", 3, ProjectionExpression="#p", ExpressionAttributeNames={"#p": "price"})]
    for returned, members in [
        ("NONE", ["Responses"]),
        ("TOTAL", ["ConsumedCapacity", "Responses"]),
        ("INDEXES", ["ConsumedCapacity", "Responses"]),
    ]:
        answer = only(world.db.transact_get_items(TransactItems=get, ReturnConsumedCapacity=returned), *members)
        equal(answer["Responses"], [{"Item": key("acid", 1) | {"price": n(1)}}, {}, {"Item": {"price": n(1)}}])
    told = answer["ConsumedCapacity"][0]
    equal((told["CapacityUnits"], told["ReadCapacityUnits"]), (6.0, 6.0))
