"""The spelling that came before expressions: every operator, every action."""

from calls import key, n, s
from checks import equal, refused, scenario

ITEM = key("legacy") | {"num": n(5), "txt": s("hello"), "set": {"SS": ["a", "b"]}}
# What holds of ITEM: attribute, operator, its arguments.
HOLDS = [
    ("num", "EQ", [n("5.0")]),
    ("num", "NE", [n(6)]),
    ("num", "LE", [n(5)]),
    ("num", "LT", [n(6)]),
    ("num", "GE", [n(5)]),
    ("num", "GT", [n(4)]),
    ("num", "IN", [n(1), n(5)]),
    ("num", "BETWEEN", [n(5), n(6)]),
    ("num", "NOT_NULL", []),
    ("none", "NULL", []),
    ("txt", "CONTAINS", [s("ell")]),
    ("set", "CONTAINS", [s("a")]),
    ("txt", "NOT_CONTAINS", [s("xyz")]),
    ("txt", "BEGINS_WITH", [s("he")]),
    ("set", "EQ", [{"SS": ["b", "a"]}]),
]
KEY_HOLDS = [
    ("EQ", [n(1)]), ("LE", [n(1)]), ("LT", [n(2)]), ("GE", [n(1)]), ("GT", [n(0)]), ("BETWEEN", [n(0), n(2)]),
]
OPPOSITES = {"EQ": "NE", "NE": "EQ", "LE": "GT", "GT": "LE", "LT": "GE", "GE": "LT", "NULL": "NOT_NULL",
             "NOT_NULL": "NULL", "CONTAINS": "NOT_CONTAINS", "NOT_CONTAINS": "CONTAINS"}


def condition(operator, arguments):
    return {"ComparisonOperator": operator} | ({"AttributeValueList": arguments} if arguments else {})


@scenario("PutItem", "UpdateItem", "DeleteItem")
def expected(world):
    db, code = world.db, "ConditionalCheckFailedException"
    for call, more in (db.put_item, {"Item": ITEM}), (db.update_item, {"Key": key("legacy")}), (db.delete_item, {"Key": key("legacy")}):
        for name, operator, arguments in HOLDS:
            db.put_item(TableName="orders", Item=ITEM)
            call(TableName="orders", **more, Expected={name: condition(operator, arguments)})
            db.put_item(TableName="orders", Item=ITEM)
            if operator in OPPOSITES:
                wrong = {name: condition(OPPOSITES[operator], arguments)}
                equal(refused(code, call, TableName="orders", **more, Expected=wrong), "The conditional request failed")
        forms = {"num": {"Value": n(5)}, "txt": {"Exists": True, "Value": s("hello")}, "none": {"Exists": False}}
        for operator in "AND", "OR":
            db.put_item(TableName="orders", Item=ITEM)
            call(TableName="orders", **more, Expected=forms, ConditionalOperator=operator)
        db.put_item(TableName="orders", Item=ITEM)
        one_is_wrong = forms | {"num": {"Value": n(6)}}
        refused(code, call, TableName="orders", **more, Expected=one_is_wrong)
        call(TableName="orders", **more, Expected=one_is_wrong, ConditionalOperator="OR")


@scenario("UpdateItem")
def attribute_updates(world):
    db = world.db
    db.put_item(TableName="orders", Item=ITEM | {"list": {"L": [n(1)]}, "gone": n(1)})
    updates = {
        "num": {"Action": "ADD", "Value": n("-0.5")},
        "new": {"Action": "ADD", "Value": n(3)},
        "set": {"Action": "DELETE", "Value": {"SS": ["b", "c"]}},
        "list": {"Action": "ADD", "Value": {"L": [n(2)]}},
        "gone": {"Action": "DELETE"},
        "never": {"Action": "DELETE"},
        "txt": {"Value": {"NULL": True}},
        "put": {"Action": "PUT", "Value": {"M": {}}},
    }
    answer = db.update_item(TableName="orders", Key=key("legacy"), AttributeUpdates=updates, ReturnValues="ALL_NEW")
    expected = {"num": n("4.5"), "new": n(3), "set": {"SS": ["a"]}, "list": {"L": [n(1), n(2)]}, "txt": {"NULL": True}}
    equal(answer["Attributes"], key("legacy") | expected | {"put": {"M": {}}})


@scenario("Query", "Scan")
def filters(world):
    db = world.db
    db.put_item(TableName="orders", Item=ITEM)
    hash_key = {"id": condition("EQ", [s("legacy")])}
    for operator, arguments in KEY_HOLDS:
        found = db.query(TableName="orders", KeyConditions=hash_key | {"line": condition(operator, arguments)})
        equal(found["Count"], 1)
    db.put_item(TableName="orders", Item=key("legacy", 2) | {"team": s("legacy-a"), "price": n(1)})
    by_team = {"IndexName": "by-team-too", "KeyConditions": hash_key | {"team": condition("BEGINS_WITH", [s("legacy")])}}
    equal(db.query(TableName="orders", **by_team)["Count"], 1)
    db.delete_item(TableName="orders", Key=key("legacy", 2))
    for name, operator, arguments in HOLDS:
        held = {name: condition(operator, arguments)}
        equal(db.query(TableName="orders", KeyConditions=hash_key, QueryFilter=held)["Count"], 1)
        scan = held | {"id": condition("EQ", [s("legacy")])}
        equal(db.scan(TableName="orders", ScanFilter=scan)["Count"], 1)
    either = {"num": condition("EQ", [n(0)]), "txt": condition("EQ", [s("hello")])}
    for operator, count in ("AND", 0), ("OR", 1):
        query = {"KeyConditions": hash_key, "QueryFilter": either, "ConditionalOperator": operator}
        equal(db.query(TableName="orders", **query)["Count"], count)
        equal(db.scan(TableName="orders", ScanFilter=either, ConditionalOperator=operator)["Count"], count)
    for call, more in (db.query, {"KeyConditions": hash_key}), (db.scan, {"ScanFilter": hash_key}):
        equal(call(TableName="orders", **more, AttributesToGet=["num"])["Items"], [{"num": n(5)}])
