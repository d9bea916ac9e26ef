"""Errors that come by themselves: what is meant is not there, or is there already."""

from calls import calls, table_of
from checks import equal, refused, scenario
from service import arn

# Operations on items do not say what was not found; those on tables do.
ON_ITEMS = """
    BatchGetItem BatchWriteItem DeleteItem GetItem PutItem Query Scan TransactGetItems TransactWriteItems UpdateItem
""".split()
ON_TABLES = """
    DeleteTable DescribeKinesisStreamingDestination DescribeTable DescribeTimeToLive UpdateTimeToLive
""".split()
# In AWS's spelling.
ON_TAGS = "ListTagsOfResource TagResource UntagResource".split()
ON_BACKUPS = "DescribeContinuousBackups UpdateContinuousBackups".split()
ON_POLICIES = "DeleteResourcePolicy GetResourcePolicy PutResourcePolicy".split()
ON_DESTINATIONS = """
    DisableKinesisStreamingDestination EnableKinesisStreamingDestination UpdateKinesisStreamingDestination
""".split()

TEXTS = {
    **dict.fromkeys(ON_ITEMS, "Requested resource not found"),
    **dict.fromkeys(ON_TABLES, "Requested resource not found: Table: missing not found"),
    **dict.fromkeys(ON_TAGS, f"Requested resource not found: ResourcArn: {arn('missing')} not found"),
    # Nobody has published what is said of these.
    **dict.fromkeys(ON_POLICIES + ON_DESTINATIONS),
}


@scenario(*TEXTS, *ON_BACKUPS)
def tables_that_are_missing(world):
    for operation, expected in TEXTS.items():
        if operation not in world.operations:
            continue
        with world.blaming(operation):
            parameters = calls("missing", world.stream)[operation]
            text = refused("ResourceNotFoundException", world.server.call, operation=operation, parameters=parameters)
            equal(text, expected or text)
    for operation in ON_BACKUPS:
        parameters = calls("missing")[operation]
        text = refused("TableNotFoundException", world.server.call, operation=operation, parameters=parameters)
        equal(text, "Table not found: missing")


@scenario("UpdateTable")
def an_update_of_what_is_missing(world):
    create = {"IndexName": "by-x", "KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}]}
    create |= {"Projection": {"ProjectionType": "ALL"}}
    attributes = [{"AttributeName": "x", "AttributeType": "S"}]
    update = {"GlobalSecondaryIndexUpdates": [{"Create": create}], "AttributeDefinitions": attributes}
    text = refused("ResourceNotFoundException", world.db.update_table, TableName="missing", **update)
    equal(text, "Requested resource not found: Table: missing not found")


@scenario("CreateTable")
def a_table_that_is_there(world):
    text = refused("ResourceInUseException", world.db.create_table, **table_of("orders"))
    equal(text, "Table already exists: orders")
