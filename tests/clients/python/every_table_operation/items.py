"""Single items: values of all types, conditions, updates, and what is returned of them."""

from calls import key, n, s
from checks import equal, only, refused, scenario
from service import arn

# What is put, and what comes back where that is written differently.
NUMBERS = [
    ("0", "0"),
    ("-0", "0"),
    ("0.0", "0"),
    ("+1", "1"),
    ("007.500", "7.5"),
    ("1E2", "100"),
    ("1e-5", "0.00001"),
    ("12345678901234567890123456789012345678", None),
    ("-1.2345678901234567890123456789012345678", None),
    ("1E-130", "0." + "0" * 129 + "1"),
    ("9.9999999999999999999999999999999999999E+125", "9" * 38 + "0" * 88),
]
EVERY_TYPE = {
    "text": s("größe \U0001f600"),
    "empty": s(""),
    "number": n("-12.5"),
    "blob": {"B": bytes(range(256))},
    "no-blob": {"B": b""},
    "true": {"BOOL": True},
    "false": {"BOOL": False},
    "null": {"NULL": True},
    "texts": {"SS": ["b", "a", "größe"]},
    "numbers": {"NS": ["1.5", "-2", "300"]},
    "blobs": {"BS": [b"\xff", b"\x00", b""]},
    "list": {"L": [s("x"), n(1), {"L": []}, {"M": {}}, {"NULL": True}]},
    "map": {"M": {"S": s("named like a type"), "deep": {"M": {"list": {"L": [{"B": b"\x80"}]}}}}},
}
METRICS = {"ReturnConsumedCapacity": "INDEXES", "ReturnItemCollectionMetrics": "SIZE"}


def plain(value):
    """With the elements of sets in one order."""
    if isinstance(value, dict):
        sets = "SS", "NS", "BS"
        return {name: sorted(item) if name in sets and isinstance(item, list) else plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


@scenario("PutItem", "GetItem")
def every_type(world):
    item = key("every", 1) | EVERY_TYPE
    only(world.db.put_item(TableName="orders", Item=item))
    for reading in {}, {"ConsistentRead": True}, {"ConsistentRead": False}:
        answer = only(world.db.get_item(TableName="orders", Key=key("every", 1), **reading), "Item")
        equal(plain(answer["Item"]), plain(item))
    for given, shown in NUMBERS:
        world.db.put_item(TableName="orders", Item=key("number", 1) | {"number": n(given)})
        item = world.db.get_item(TableName=arn("orders"), Key=key("number", 1))["Item"]
        equal(item["number"], n(shown or given))
    only(world.db.get_item(TableName="orders", Key=key("none")))


@scenario("PutItem", "GetItem", "UpdateItem", "DeleteItem")
def capacity_and_metrics(world):
    """What each call took, of the table and of the indexes that it touched."""
    db, item = world.db, key("metrics") | {"price": n(1), "team": s("a"), "data": {"B": b"x"}}
    told = only(db.put_item(TableName="orders", Item=item, **METRICS), "ConsumedCapacity", "ItemCollectionMetrics")
    capacity = told["ConsumedCapacity"]
    equal(sorted(capacity), ["CapacityUnits", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "Table", "TableName"])
    equal(capacity["Table"], {"CapacityUnits": 1.0})
    equal(capacity["CapacityUnits"], 7.0)
    equal({name: used["CapacityUnits"] for name, used in capacity["GlobalSecondaryIndexes"].items()},
          {"by-team": 1.0, "teams": 1.0, "prices": 1.0})
    equal(told["ItemCollectionMetrics"]["ItemCollectionKey"], {"id": s("metrics")})
    equal(len(told["ItemCollectionMetrics"]["SizeEstimateRangeGB"]), 2)
    for returned in "TOTAL", "INDEXES":
        capacity = db.get_item(TableName="orders", Key=key("metrics"), ReturnConsumedCapacity=returned)["ConsumedCapacity"]
        equal(capacity["CapacityUnits"], 0.5)
    only(db.get_item(TableName="orders", Key=key("none"), ReturnConsumedCapacity="NONE"))
    changed = {"UpdateExpression": "SET price = :two", "ExpressionAttributeValues": {":two": n(2)}}
    for call, parameters in (db.update_item, {"Key": key("metrics")} | changed), (db.delete_item, {"Key": key("metrics")}):
        only(call(TableName="orders", **parameters, **METRICS), "ConsumedCapacity", "ItemCollectionMetrics")
    for call, parameters in (db.put_item, {"Item": item}), (db.update_item, {"Key": key("metrics")}), (db.delete_item, {"Key": key("metrics")}):
        only(call(TableName="orders", **parameters, ReturnConsumedCapacity="TOTAL"), "ConsumedCapacity")
        only(call(TableName="orders", **parameters, ReturnConsumedCapacity="NONE", ReturnItemCollectionMetrics="NONE"))


@scenario("PutItem", "UpdateItem", "DeleteItem")
def returned_values(world):
    db, named = world.db, {"TableName": "orders"}
    old, new = key("returned") | {"price": n(1), "note": s("x")}, key("returned") | {"price": n(2)}
    only(db.put_item(**named, Item=old, ReturnValues="ALL_OLD"))
    equal(only(db.put_item(**named, Item=new, ReturnValues="ALL_OLD"), "Attributes")["Attributes"], old)
    only(db.put_item(**named, Item=old, ReturnValues="NONE"))
    add = {"UpdateExpression": "ADD price :one REMOVE note", "ExpressionAttributeValues": {":one": n(1)}}
    for returned, attributes in [
        ("ALL_OLD", old),
        ("UPDATED_NEW", {"price": n(3)}),
        ("UPDATED_OLD", {"price": n(3)}),
        ("ALL_NEW", key("returned") | {"price": n(5)}),
    ]:
        answer = db.update_item(**named, Key=key("returned"), **add, ReturnValues=returned)
        equal(only(answer, "Attributes")["Attributes"], attributes)
    only(db.update_item(**named, Key=key("returned"), **add, ReturnValues="NONE"))
    equal(db.delete_item(**named, Key=key("returned"), ReturnValues="ALL_OLD")["Attributes"], key("returned") | {"price": n(6)})
    only(db.delete_item(**named, Key=key("returned"), ReturnValues="NONE"))
    text = refused("ValidationException", db.put_item, **named, Item=old, ReturnValues="ALL_NEW")
    equal(text, "ReturnValues can only be ALL_OLD or NONE")
    # An update of nothing makes the item.
    equal(db.update_item(**named, Key=key("made"), ReturnValues="ALL_NEW")["Attributes"], key("made"))


@scenario("PutItem", "UpdateItem", "DeleteItem")
def conditions(world):
    db, named, item = world.db, {"TableName": "orders"}, key("if") | {"price": n(5)}
    code = "ConditionalCheckFailedException"
    absent = {"ConditionExpression": "attribute_not_exists(#id)", "ExpressionAttributeNames": {"#id": "id"}}
    cheap = {"ConditionExpression": "price < :least", "ExpressionAttributeValues": {":least": n(5)}}
    only(db.put_item(**named, Item=item, **absent))
    update = {"Key": key("if"), "UpdateExpression": "REMOVE note"}
    for call, parameters in [
        (db.put_item, {"Item": item} | absent),
        (db.update_item, update | cheap),
        (db.delete_item, {"Key": key("if")} | cheap),
    ]:
        for returned, shown in ("NONE", None), ("ALL_OLD", item):
            try:
                call(**named, **parameters, ReturnValuesOnConditionCheckFailure=returned)
                raise AssertionError(f"no {code}")
            except db.exceptions.ConditionalCheckFailedException as failure:
                equal(failure.response["Error"]["Message"], "The conditional request failed")
                equal(failure.response.get("Item"), shown)
    holds = {"ConditionExpression": "size(#t) = :n", "ExpressionAttributeNames": {"#t": "text"}}
    holds |= {"ExpressionAttributeValues": {":n": n(3)}}
    db.put_item(**named, Item=key("if") | {"text": s("abc")}, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    db.put_item(**named, Item=key("if") | {"text": s("abc")}, **holds)
    for returned in "ALL_OLD", "NONE":
        db.update_item(**named, Key=key("if"), **holds, ReturnValuesOnConditionCheckFailure=returned)
        db.put_item(**named, Item=key("if") | {"text": s("abc")}, **holds, ReturnValuesOnConditionCheckFailure=returned)
    for returned in "ALL_OLD", "NONE":
        db.delete_item(**named, Key=key("if"), **holds, ReturnValuesOnConditionCheckFailure=returned)
        db.put_item(**named, Item=key("if") | {"text": s("abc")})


@scenario("UpdateItem", "GetItem")
def update_expressions(world):
    db = world.db
    item = key("paths") | {"l": {"L": [n(0), n(1), n(2)]}, "m": {"M": {"a.b": n(1)}}, "set": {"SS": ["a", "b"]}}
    for expression, names, values, changes in [
        ("SET l[9] = :v, l[1] = :v REMOVE l[0]", {}, {":v": s("x")}, {"l": {"L": [s("x"), n(2), s("x")]}}),
        ("SET m.#d = m.#d + :v, m.n = if_not_exists(m.n, :v)", {"#d": "a.b"}, {":v": n("0.5")},
         {"m": {"M": {"a.b": n("1.5"), "n": n("0.5")}}}),
        ("SET l = list_append(:v, l)", {}, {":v": {"L": [n(9)]}}, {"l": {"L": [n(9), n(0), n(1), n(2)]}}),
        ("ADD cnt :v, m.#d :v", {"#d": "a.b"}, {":v": n(-3)}, {"cnt": n(-3), "m": {"M": {"a.b": n(-2)}}}),
        ("DELETE #s :v", {"#s": "set"}, {":v": {"SS": ["a", "c"]}}, {"set": {"SS": ["b"]}}),
        ("DELETE #s :v", {"#s": "set"}, {":v": {"SS": ["a", "b"]}}, {"set": None}),
        ("set twin = l remove m", {}, {}, {"twin": item["l"], "m": None}),
    ]:
        db.put_item(TableName="orders", Item=item)
        more = {"ExpressionAttributeNames": names} if names else {}
        more |= {"ExpressionAttributeValues": values} if values else {}
        answer = db.update_item(TableName="orders", Key=key("paths"), UpdateExpression=expression, ReturnValues="ALL_NEW", **more)
        expected = {name: value for name, value in (item | changes).items() if value is not None}
        equal(plain(answer["Attributes"]), plain(expected))


@scenario("GetItem")
def projections(world):
    world.db.put_item(TableName="orders", Item=key("part") | EVERY_TYPE)
    names = {"#list": "list", "#map": "map", "#s": "S"}
    get = {"ProjectionExpression": "#list[1], #list[0], #map.#s, line, nothing", "ExpressionAttributeNames": names}
    item = world.db.get_item(TableName="orders", Key=key("part"), **get)["Item"]
    equal(item, {"list": {"L": [s("x"), n(1)]}, "map": {"M": {"S": s("named like a type")}}, "line": n(1)})
    item = world.db.get_item(TableName="orders", Key=key("part"), AttributesToGet=["text", "id"])["Item"]
    equal(item, {"text": EVERY_TYPE["text"], "id": s("part")})
