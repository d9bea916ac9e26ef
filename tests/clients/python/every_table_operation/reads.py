"""Many items: queries of the table and of indexes, and scans, by pages and by segments."""

from calls import key, n, s
from checks import equal, only, refused, scenario

LINES = range(1, 9)
PAGE = "Items", "Count", "ScannedCount"
OF_ID = {"TableName": "orders", "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": s("read")}}


def item(line):
    return key("read", line) | {"price": n(-line), "team": s("reading"), "even": {"BOOL": line % 2 == 0}}


def lines(page):
    return [int(item["line"]["N"]) for item in page["Items"]]


@scenario("Query")
def query(world):
    db = world.db
    for line in LINES:
        db.put_item(TableName="orders", Item=item(line))
    page = only(db.query(**OF_ID), *PAGE)
    equal(page["Items"], [item(line) for line in LINES])
    equal((page["Count"], page["ScannedCount"]), (8, 8))
    for condition, values, expected in [
        ("line = :a", {":a": n(3)}, [3]),
        ("line < :a", {":a": n(3)}, [1, 2]),
        ("line <= :a", {":a": n("3.0")}, [1, 2, 3]),
        ("line > :a", {":a": n(6)}, [7, 8]),
        (":a <= line", {":a": n(7)}, [7, 8]),
        ("line BETWEEN :a AND :b", {":a": n(2), ":b": n(4)}, [2, 3, 4]),
    ]:
        given = {"KeyConditionExpression": f"(id = :id) AND {condition}", "ScanIndexForward": False}
        given["ExpressionAttributeValues"] = OF_ID["ExpressionAttributeValues"] | values
        equal(lines(db.query(**OF_ID | given)), expected[::-1])
    read, start = [], {}
    while True:
        page = db.query(**OF_ID, Limit=3, ConsistentRead=True, **start)
        read += lines(page)
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    equal(read, list(LINES))
    pages = db.get_paginator("query").paginate(**OF_ID, PaginationConfig={"PageSize": 5})
    equal([page["Count"] for page in pages], [5, 3])


@scenario("Query", "Scan")
def filters_and_selections(world):
    db = world.db
    even = {"FilterExpression": "#e = :true", "ExpressionAttributeNames": {"#e": "even"}, "ProjectionExpression": "line"}
    values = OF_ID["ExpressionAttributeValues"] | {":true": {"BOOL": True}}
    page = db.query(**OF_ID | even | {"ExpressionAttributeValues": values})
    equal((page["Items"], page["ScannedCount"]), ([{"line": n(line)} for line in LINES if line % 2 == 0], 8))
    for select, more in [
        ("ALL_ATTRIBUTES", {}),
        ("ALL_PROJECTED_ATTRIBUTES", {"IndexName": "by-price"}),
        ("SPECIFIC_ATTRIBUTES", {"ProjectionExpression": "line"}),
    ]:
        equal(db.query(**OF_ID, Select=select, **more)["Count"], 8)
        assert db.scan(TableName="orders", Select=select, **more)["Count"] >= 8
    equal(only(db.query(**OF_ID, Select="COUNT"), "Count", "ScannedCount")["Count"], 8)
    only(db.scan(TableName="orders", Select="COUNT"), "Count", "ScannedCount")
    for units in "TOTAL", "INDEXES":
        told = db.query(**OF_ID, IndexName="by-price", ReturnConsumedCapacity=units)["ConsumedCapacity"]
        equal(told["CapacityUnits"], 0.5)
        scanned = db.scan(TableName="orders", IndexName="by-price", Limit=1, ReturnConsumedCapacity=units)
        only(scanned, *PAGE, "LastEvaluatedKey", "ConsumedCapacity")
    only(db.query(**OF_ID, ReturnConsumedCapacity="NONE"), *PAGE)
    only(db.scan(TableName="orders", ReturnConsumedCapacity="NONE"), *PAGE)


@scenario("Query", "Scan")
def indexes(world):
    db = world.db
    by_team = {"TableName": "orders", "KeyConditionExpression": "team = :t AND price >= :p", "IndexName": "by-team"}
    by_team["ExpressionAttributeValues"] = {":t": s("reading"), ":p": n(-3)}
    equal(lines(db.query(**by_team)), [3, 2, 1])
    page = db.query(**by_team, Limit=2)
    equal(page["LastEvaluatedKey"], key("read", 2) | {"team": s("reading"), "price": n(-2)})
    equal(lines(db.query(**by_team, ExclusiveStartKey=page["LastEvaluatedKey"])), [1])
    told = db.query(**by_team, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    equal(told["GlobalSecondaryIndexes"], {"by-team": {"CapacityUnits": 0.5}})
    told = db.scan(TableName="orders", IndexName="by-team", ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    equal(sorted(told["GlobalSecondaryIndexes"]), ["by-team"])
    keys = {"TableName": "orders", "IndexName": "teams", "KeyConditionExpression": "team = :t"}
    keys["ExpressionAttributeValues"] = {":t": s("reading")}
    for found in db.query(**keys)["Items"]:
        equal(sorted(found), ["id", "line", "team"])
    # What an index does not have is read from the table where that is beside it.
    found = db.query(**OF_ID | {"IndexName": "by-team-too", "Limit": 1}, Select="ALL_ATTRIBUTES")
    assert "even" in found["Items"][0], found
    text = refused("ValidationException", db.query, **keys, Select="ALL_ATTRIBUTES")
    assert "Select type ALL_ATTRIBUTES is not supported for global secondary index teams" in text, text


@scenario("Scan")
def scan(world):
    db = world.db
    everything = sorted(map(str, db.scan(TableName="orders", ConsistentRead=True)["Items"]))
    for segments in 1, 2, 5:
        found = []
        for segment in range(segments):
            pages = db.get_paginator("scan").paginate(
                TableName="orders", Segment=segment, TotalSegments=segments, PaginationConfig={"PageSize": 2}
            )
            found += [str(item) for page in pages for item in page["Items"]]
        equal(sorted(found), everything)
    of_id = {"FilterExpression": "id = :id", "ExpressionAttributeValues": OF_ID["ExpressionAttributeValues"]}
    page = db.scan(TableName="orders", **of_id, ProjectionExpression="#l", ExpressionAttributeNames={"#l": "line"})
    equal(sorted(lines(page)), list(LINES))
    # A page that is full says where it ended, even where nothing follows.
    last = db.scan(TableName="orders", Limit=len(everything))
    assert last["Count"] == len(everything) and "LastEvaluatedKey" in last, last["Count"]
    rest = only(db.scan(TableName="orders", ExclusiveStartKey=last["LastEvaluatedKey"]), *PAGE)
    equal(rest["Items"], [])
