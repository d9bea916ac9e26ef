"""What is wrong with a request, in the words of AWS: programs are known to read them."""

import traceback

from calls import key, n, s, table_of
from checks import equal, refused, scenario

INVALID = "One or more parameter values were invalid: "
NOT_VALID = "One or more parameter values are not valid. "
HASH = [{"AttributeName": "id", "KeyType": "HASH"}]
UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
ALL = {"ProjectionType": "ALL"}


def told(world, operation, expected, parameters):
    try:
        equal(refused("ValidationException", world.server.call, operation=operation, parameters=parameters), expected)
    except Exception:
        world.coverage.problem(operation, f"{parameters}\n{traceback.format_exc(limit=1)}")


@scenario("PutItem")
def values(world):
    for value, text in [
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        (s("a") | n(1), "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"),
        (n("x"), "The parameter cannot be converted to a numeric value: x"),
        (n(""), "The parameter cannot be converted to a numeric value"),
        (n("1e126"), "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        (n("1e-131"), "Number underflow. Attempting to store a number with magnitude smaller than supported range"),
        (n("1" * 39), "Attempting to store more than 38 significant digits in a Number"),
        ({"NULL": False}, INVALID + "Null attribute value types must have the value of true"),
        ({"SS": []}, INVALID + "An string set  may not be empty"),
        ({"NS": []}, INVALID + "An number set  may not be empty"),
        ({"BS": []}, INVALID + "Binary sets should not be empty"),
        ({"SS": ["a", "a"]}, INVALID + "Input collection [a, a] contains duplicates."),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
    ]:
        told(world, "PutItem", text, {"TableName": "orders", "Item": key("wrong") | {"value": value}})


@scenario("GetItem", "PutItem")
def keys(world):
    schema = "The provided key element does not match the schema"
    empty = NOT_VALID + "The AttributeValue for a key attribute cannot contain an empty string value. Key: id"
    for wrong, text in [
        ({"id": s("a")}, schema),
        (key("a") | {"more": n(1)}, schema),
        ({"id": n(1), "line": n(1)}, schema),
        (key(""), empty),
        (key("x" * 2049), INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
    ]:
        told(world, "GetItem", text, {"TableName": "orders", "Key": wrong})
    for wrong, text in [
        ({"id": s("a")}, INVALID + "Missing the key line in the item"),
        (key("a") | {"line": s("1")}, INVALID + "Type mismatch for key line expected: N actual: S"),
        (key(""), empty),
        (key("a") | {"data": n(1)}, INVALID + "Type mismatch for Index Key data Expected: B Actual: N IndexName: by-data"),
        (key("a") | {"large": s("x" * 409_600)}, "Item size has exceeded the maximum allowed size"),
    ]:
        told(world, "PutItem", text, {"TableName": "orders", "Item": wrong})


@scenario("PutItem", "GetItem")
def conditions(world):
    prefix = "Invalid ConditionExpression: "
    of_a = {"ExpressionAttributeValues": {":a": s("a")}}
    for expression, more, text in [
        ("", {}, prefix + "The expression can not be empty;"),
        ("a =", {}, prefix + 'Syntax error; token: "<EOF>", near: "="'),
        ("((a = :a))", of_a, prefix + "The expression has redundant parentheses;"),
        ("sized(a) = :a", of_a, prefix + "Invalid function name; function: sized"),
        ("size(a)", {}, prefix + "The function is not allowed to be used this way in an expression; function: size"),
        ("name = :a", of_a, prefix + "Attribute name is a reserved keyword; reserved keyword: name"),
        ("#a = :a", of_a, prefix + "An expression attribute name used in the document path is not defined; attribute name: #a"),
        ("a = :b", of_a, prefix + "An expression attribute value used in expression is not defined; attribute value: :b"),
        ("attribute_exists(a, b)", {}, prefix + "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2"),
        ("a = a", {}, prefix + "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]"),
        ("attribute_exists(:a)", of_a, prefix + "Operator or function requires a document path; operator or function: attribute_exists"),
        ("begins_with(a, :a)", {"ExpressionAttributeValues": {":a": n(1)}}, prefix + "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"),
        ("attribute_type(a, :a)", of_a, prefix + "Invalid attribute type name found; type: a, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"),
        ("a = :a", of_a | {"ExpressionAttributeNames": {}}, "ExpressionAttributeNames must not be empty"),
        ("attribute_exists(a)", {"ExpressionAttributeValues": {}}, "ExpressionAttributeValues must not be empty"),
        ("a = :a", of_a | {"ExpressionAttributeNames": {"x": "a"}}, 'ExpressionAttributeNames contains invalid key: Syntax error; key: "x"'),
        ("attribute_exists(a)", of_a, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a}"),
        ("a = :a", of_a | {"ExpressionAttributeNames": {"#x": "a"}}, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}"),
    ]:
        told(world, "PutItem", text, {"TableName": "orders", "Item": key("if"), "ConditionExpression": expression} | more)
    between = {"ExpressionAttributeValues": {":a": n(2), ":b": n(1)}}
    text = prefix + (
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: "
        "AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}"
    )
    call = {"TableName": "orders", "Item": key("if"), "ConditionExpression": "a BETWEEN :a AND :b"}
    told(world, "PutItem", text, call | between)
    text = "ExpressionAttributeNames can only be specified when using expressions"
    told(world, "GetItem", text, {"TableName": "orders", "Key": key("a"), "ExpressionAttributeNames": {"#a": "a"}})
    prefix = "Invalid ProjectionExpression: "
    for expression, text in [
        ("a, a.b", "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]"),
        ("a[0], a.b", "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, [0]], path two: [a, b]"),
    ]:
        told(world, "GetItem", prefix + text, {"TableName": "orders", "Key": key("a"), "ProjectionExpression": expression})


@scenario("UpdateItem")
def updates(world):
    prefix = "Invalid UpdateExpression: "
    of_a = {"ExpressionAttributeValues": {":a": s("a")}}
    both = {"Expected": {"a": {"Exists": False}}}
    for expression, more, text in [
        ("SET a = :a SET b = :a", of_a, prefix + 'The "SET" section can only be used once in an update expression;'),
        ("SET a.b = :a, a = :a", of_a, prefix + "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a]"),
        ("SET a[0] = :a, a.b = :a", of_a, prefix + "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, [0]], path two: [a, b]"),
        ("ADD a :a", of_a, prefix + "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND"),
        ("SET id = :a", of_a, INVALID + "Cannot update attribute id. This attribute is part of the key"),
        ("SET a = b", {}, "The provided expression refers to an attribute that does not exist in the item"),
        ("SET a.b = :a", of_a, "The document path provided in the update expression is invalid for update"),
        ("SET a = id + :n", {"ExpressionAttributeValues": {":n": n(1)}}, "An operand in the update expression has an incorrect data type"),
        ("REMOVE a", both, "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {UpdateExpression}"),
    ]:
        told(world, "UpdateItem", text, {"TableName": "orders", "Key": key("absent"), "UpdateExpression": expression} | more)
    for update, text in [
        ({"a": {"Action": "PUT"}}, INVALID + "Only DELETE action is allowed when no attribute value is specified"),
        ({"a": {"Action": "DELETE", "Value": s("x")}}, INVALID + "DELETE action with value is not supported for the type S"),
        ({"a": {"Action": "ADD", "Value": s("x")}}, INVALID + "ADD action is not supported for the type S"),
    ]:
        told(world, "UpdateItem", text, {"TableName": "orders", "Key": key("absent"), "AttributeUpdates": update})


@scenario("DeleteItem")
def legacy_conditions(world):
    for expected, text in [
        ({"Value": s("x"), "AttributeValueList": [s("x")]}, "Value and AttributeValueList cannot be used together for Attribute: a"),
        ({"Exists": True, "ComparisonOperator": "EQ"}, "Exists and ComparisonOperator cannot be used together for Attribute: a"),
        ({"ComparisonOperator": "EQ"}, "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a"),
        ({"ComparisonOperator": "EQ", "AttributeValueList": [s("x"), s("y")]}, "Invalid number of argument(s) for the EQ ComparisonOperator"),
        ({"ComparisonOperator": "IN", "AttributeValueList": [s("x"), n(1)]}, "AttributeValues inside AttributeValueList must be of same type"),
        ({"AttributeValueList": [s("x")]}, "AttributeValueList can only be used with a ComparisonOperator for Attribute: a"),
        ({}, "Value must be provided when Exists is null for Attribute: a"),
        ({"Exists": True}, "Value must be provided when Exists is true for Attribute: a"),
        ({"Exists": False, "Value": s("x")}, "Value cannot be used when Exists is false for Attribute: a"),
        ({"ComparisonOperator": "GT", "AttributeValueList": [{"SS": ["x"]}]}, "ComparisonOperator GT is not valid for SS AttributeValue type"),
    ]:
        told(world, "DeleteItem", INVALID + text, {"TableName": "orders", "Key": key("a"), "Expected": {"a": expected}})


@scenario("Query")
def queries(world):
    prefix = "Invalid condition in KeyConditionExpression: "
    for expression, text in [
        ("id = :a OR line = :n", "Invalid operator used in KeyConditionExpression: OR"),
        ("id <> :a AND line = :n", "Invalid operator used in KeyConditionExpression: <>"),
        ("attribute_exists(id) AND id = :a AND line = :n", "Invalid operator used in KeyConditionExpression: attribute_exists"),
        ("id = :a AND x.y = :n", "KeyConditionExpressions cannot have conditions on nested attributes"),
        ("id = :a AND id = :n", "KeyConditionExpressions must only contain one condition per key"),
        ("id = :a AND line IN (:a, :n)", "Invalid operator used in KeyConditionExpression: IN"),
        ("id = line AND line = :n AND id = :a", prefix + "Multiple attribute names used in one condition"),
        ("line = :n AND price = :a", "Query condition missed key schema element: id"),
        ("id < :a AND line = :n", "Query key condition not supported"),
    ]:
        values = {":a": s("a"), ":n": n(1)}
        call = {"TableName": "orders", "KeyConditionExpression": expression, "ExpressionAttributeValues": values}
        told(world, "Query", text, call)
    of_id = {"TableName": "orders", "KeyConditionExpression": "id = :a", "ExpressionAttributeValues": {":a": s("a")}}
    for more, text in [
        ({"KeyConditionExpression": None, "ExpressionAttributeValues": None}, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."),
        ({"IndexName": "none"}, "The table does not have the specified index: none"),
        ({"FilterExpression": "line = :a"}, "Filter Expression can only contain non-primary key attributes: Primary key attribute: line"),
        ({"ExclusiveStartKey": {"id": s("a")}}, "The provided starting key is invalid"),
        ({"ExclusiveStartKey": key("b")}, "The provided starting key is outside query boundaries based on provided conditions"),
    ]:
        call = {name: value for name, value in (of_id | more).items() if value is not None}
        told(world, "Query", text, call)
    by_team = {"TableName": "orders", "IndexName": "teams", "KeyConditionExpression": "team = :a", "ConsistentRead": True}
    text = "Consistent reads are not supported on global secondary indexes"
    told(world, "Query", text, by_team | {"ExpressionAttributeValues": {":a": s("a")}})


@scenario("Scan", "BatchGetItem", "BatchWriteItem")
def scans_and_batches(world):
    for more, text in [
        ({"ExclusiveStartKey": {"id": s("a")}}, "The provided starting key is invalid: The provided key element does not match the schema"),
        ({"Segment": 0}, "The TotalSegments parameter is required but was not present in the request when Segment parameter is present"),
        ({"TotalSegments": 1}, "The Segment parameter is required but was not present in the request when parameter TotalSegments is present"),
        ({"Segment": 5, "TotalSegments": 5}, "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 5 is not less than TotalSegments: 5"),
    ]:
        told(world, "Scan", text, {"TableName": "orders"} | more)
    duplicates = "Provided list of item keys contains duplicates"
    told(world, "BatchGetItem", duplicates, {"RequestItems": {"orders": {"Keys": [key("a"), key("a")]}}})
    delete = {"DeleteRequest": {"Key": key("a")}}
    told(world, "BatchWriteItem", duplicates, {"RequestItems": {"orders": [delete, delete]}})
    many = {table: {"Keys": [key(str(number)) for number in range(51)]} for table in ("orders", "other")}
    told(world, "BatchGetItem", "Too many items requested for the BatchGetItem call", {"RequestItems": many})


@scenario("CreateTable", "UpdateTable")
def tables(world):
    ranged = HASH + [{"AttributeName": "line", "KeyType": "RANGE"}]
    provisioned = {"BillingMode": "PROVISIONED"}
    local = {"IndexName": "local", "KeySchema": ranged, "Projection": ALL}
    of_global = {"IndexName": "global", "KeySchema": HASH, "Projection": ALL}
    for more, text in [
        (provisioned, INVALID + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"),
        ({"ProvisionedThroughput": UNITS}, INVALID + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"),
        ({"KeySchema": HASH + [{"AttributeName": "id", "KeyType": "RANGE"}]}, "Both the Hash Key and the Range Key element in the KeySchema have the same name"),
        ({"KeySchema": [{"AttributeName": "id", "KeyType": "RANGE"}]}, "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
        ({"LocalSecondaryIndexes": []}, INVALID + "List of LocalSecondaryIndexes is empty"),
        ({"GlobalSecondaryIndexes": []}, INVALID + "List of GlobalSecondaryIndexes is empty"),
        ({"GlobalSecondaryIndexes": [of_global, of_global]}, INVALID + "Duplicate index name: global"),
        ({"GlobalSecondaryIndexes": [of_global | {"Projection": {}}]}, INVALID + "Unknown ProjectionType: null"),
        ({"GlobalSecondaryIndexes": [of_global | {"Projection": ALL | {"NonKeyAttributes": ["a"]}}]}, INVALID + "ProjectionType is ALL, but NonKeyAttributes is specified"),
        ({"GlobalSecondaryIndexes": [of_global | {"ProvisionedThroughput": UNITS}]}, INVALID + "ProvisionedThroughput should not be specified for index: global when BillingMode is PAY_PER_REQUEST"),
        ({"LocalSecondaryIndexes": [local], "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "line")]}, INVALID + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"),
    ]:
        told(world, "CreateTable", text, table_of("never", **more))
    text = (
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
        "SSESpecification or ReplicaUpdates is required"
    )
    told(world, "UpdateTable", text, {"TableName": "orders"})
    text = INVALID + (
        "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete "
        "must not be null"
    )
    told(world, "UpdateTable", text, {"TableName": "orders", "GlobalSecondaryIndexUpdates": [{}]})
    text = (
        "The provisioned throughput for the table will not change. The requested value equals the current value. Current "
        "ReadCapacityUnits provisioned for the table: 5. Requested ReadCapacityUnits: 5. Current WriteCapacityUnits "
        "provisioned for the table: 5. Requested WriteCapacityUnits: 5. Refer to the Amazon DynamoDB Developer Guide for "
        "current limits and how to request higher limits."
    )
    same = {"TableName": "orders", "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}
    told(world, "UpdateTable", text, same)


@scenario("TagResource", "UntagResource")
def tags(world):
    wrong = {"ResourceArn": "A", "Tags": [{"Key": "a", "Value": "b"}]}
    told(world, "TagResource", "Invalid TableArn: Invalid ResourceArn provided as input A", wrong)
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
    text = "Atleast one Tag needs to be provided as Input."
    told(world, "TagResource", text, {"ResourceArn": arn, "Tags": []})
    text = "Atleast one Tag Key needs to be provided as Input."
    told(world, "UntagResource", text, {"ResourceArn": arn, "TagKeys": []})
