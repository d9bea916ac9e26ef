"""Batches of items of several tables."""

from calls import key, n, s, table_of
from checks import equal, only, scenario
from items import METRICS
from tables import create


@scenario("BatchWriteItem", "BatchGetItem")
def batches(world):
    db = world.db
    create(world, table_of("other"))
    items = [key("batch", line) | {"price": n(line)} for line in range(10)]
    puts = [{"PutRequest": {"Item": item}} for item in items]
    other = [{"PutRequest": {"Item": {"id": s("x"), "list": s("y")}}}, {"DeleteRequest": {"Key": {"id": s("none")}}}]
    answer = db.batch_write_item(RequestItems={"orders": puts, "other": other}, **METRICS)
    only(answer, "UnprocessedItems", "ItemCollectionMetrics", "ConsumedCapacity")
    equal(answer["UnprocessedItems"], {})
    equal(sorted(told["TableName"] for told in answer["ConsumedCapacity"]), ["orders", "other"])
    equal([told["ItemCollectionKey"] for told in answer["ItemCollectionMetrics"]["orders"]][:1], [{"id": s("batch")}])
    for returned in "TOTAL", "NONE":
        write = {"RequestItems": {"other": other}, "ReturnConsumedCapacity": returned}
        db.batch_write_item(**write, ReturnItemCollectionMetrics="NONE")
    keys = [key("batch", line) for line in range(12)]
    wanted = {
        "orders": {"Keys": keys, "ConsistentRead": True},
        "other": {"Keys": [{"id": s("x")}], "ProjectionExpression": "#l", "ExpressionAttributeNames": {"#l": "list"}},
    }
    answer = db.batch_get_item(RequestItems=wanted, ReturnConsumedCapacity="INDEXES")
    only(answer, "Responses", "UnprocessedKeys", "ConsumedCapacity")
    equal(sorted(answer["Responses"]["orders"], key=lambda item: int(item["line"]["N"])), items)
    equal(answer["Responses"]["other"], [{"list": s("y")}])
    units = {told["TableName"]: told["CapacityUnits"] for told in answer["ConsumedCapacity"]}
    equal(units, {"orders": 12.0, "other": 0.5})
    wanted = {"other": {"Keys": [{"id": s("x")}], "AttributesToGet": ["id"]}}
    for returned in "TOTAL", "NONE":
        answer = db.batch_get_item(RequestItems=wanted, ReturnConsumedCapacity=returned)
    equal(only(answer, "Responses", "UnprocessedKeys")["Responses"], {"other": [{"id": s("x")}]})


@scenario("BatchGetItem")
def more_than_an_answer_holds(world):
    """Sixteen megabytes; what did not fit is asked for again."""
    db, text = world.db, s("x" * 400_000)
    for line in range(50):
        db.put_item(TableName="other", Item={"id": s(f"large-{line}"), "text": text})
    names = {"#text": "text", "#id": "id"}
    asked = {"ProjectionExpression": "#id, #text", "ExpressionAttributeNames": names, "ConsistentRead": True}
    wanted, found = {"other": {"Keys": [{"id": s(f"large-{line}")} for line in range(50)]} | asked}, []
    while wanted:
        answer = db.batch_get_item(RequestItems=wanted)
        assert answer["Responses"]["other"], wanted
        found += [item["id"]["S"] for item in answer["Responses"]["other"]]
        wanted = answer["UnprocessedKeys"]
        for left in wanted.values():
            equal({name: left[name] for name in asked}, asked)
    equal(len(found), 50)
    equal(len(set(found)), 50)
    for line in range(50):
        db.delete_item(TableName="other", Key={"id": s(f"large-{line}")})
