"""What tables have beside their items: tags, a time to live, backups, policies; and the account."""

import json
import time

from calls import policy, table_of
from checks import equal, only, refused, scenario
from service import arn
from tables import PATIENCE, create, delete


@scenario("TagResource", "UntagResource", "ListTagsOfResource")
def tags(world):
    db, resource = world.db, {"ResourceArn": arn("orders")}
    more = [{"Key": f"k{number:02}", "Value": str(number)} for number in range(24)]
    only(db.tag_resource(**resource, Tags=more))
    first = only(db.list_tags_of_resource(**resource), "Tags", "NextToken")
    equal(len(first["Tags"]), 10)
    pages = db.get_paginator("list_tags_of_resource").paginate(**resource)
    everything = [tag for page in pages for tag in page["Tags"]]
    equal(sorted(tag["Key"] for tag in everything), sorted(["team", *(tag["Key"] for tag in more)]))
    only(db.untag_resource(**resource, TagKeys=[tag["Key"] for tag in more] + ["none"]))
    equal(only(db.list_tags_of_resource(**resource), "Tags")["Tags"], [{"Key": "team", "Value": "a"}])


@scenario("UpdateTimeToLive", "DescribeTimeToLive")
def time_to_live(world):
    db, named = world.db, {"TableName": "orders"}
    described = only(db.describe_time_to_live(**named), "TimeToLiveDescription")["TimeToLiveDescription"]
    equal(described, {"TimeToLiveStatus": "DISABLED"})
    on = {"Enabled": True, "AttributeName": "expires"}
    answer = db.update_time_to_live(**named, TimeToLiveSpecification=on)
    equal(only(answer, "TimeToLiveSpecification")["TimeToLiveSpecification"], on)
    until_described(world, {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"})
    text = refused("ValidationException", db.update_time_to_live, **named, TimeToLiveSpecification=on)
    equal(text, "TimeToLive is already enabled")
    other = on | {"AttributeName": "other"}
    text = refused("ValidationException", db.update_time_to_live, **named, TimeToLiveSpecification=other)
    equal(text, "TimeToLive is active on a different AttributeName: current AttributeName is expires")
    # One change in an hour.
    world.server.advance(2 * 3600)
    db.update_time_to_live(**named, TimeToLiveSpecification=on | {"Enabled": False})
    until_described(world, {"TimeToLiveStatus": "DISABLED"})


def until_described(world, expected):
    deadline = time.monotonic() + PATIENCE
    while True:
        shown = world.db.describe_time_to_live(TableName="orders")["TimeToLiveDescription"]
        if shown == expected:
            return
        assert time.monotonic() < deadline, f"{shown} is not {expected}"
        time.sleep(0.02)


@scenario("DescribeContinuousBackups", "UpdateContinuousBackups")
def backups(world):
    db, named = world.db, {"TableName": "orders"}

    def recovery(answer):
        shown = only(answer, "ContinuousBackupsDescription")["ContinuousBackupsDescription"]
        equal(shown["ContinuousBackupsStatus"], "ENABLED")
        return shown["PointInTimeRecoveryDescription"]

    equal(recovery(db.describe_continuous_backups(**named))["PointInTimeRecoveryStatus"], "DISABLED")
    for days in 35, 1:
        on = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": days}
        for shown in (
            recovery(db.update_continuous_backups(**named, PointInTimeRecoverySpecification=on)),
            recovery(db.describe_continuous_backups(**named)),
        ):
            equal((shown["PointInTimeRecoveryStatus"], shown["RecoveryPeriodInDays"]), ("ENABLED", days))
            assert shown["EarliestRestorableDateTime"] <= shown["LatestRestorableDateTime"], shown
    off = {"PointInTimeRecoveryEnabled": False}
    shown = recovery(db.update_continuous_backups(**named, PointInTimeRecoverySpecification=off))
    equal(shown["PointInTimeRecoveryStatus"], "DISABLED")
    text = refused("TableNotFoundException", db.describe_continuous_backups, TableName="missing")
    equal(text, "Table not found: missing")


@scenario("PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy")
def policies(world):
    db, resource = world.db, {"ResourceArn": arn("orders")}
    reading = policy(arn("orders"), "dynamodb:GetItem", "dynamodb:Query")
    first = only(db.put_resource_policy(**resource, Policy=reading), "RevisionId")["RevisionId"]
    kept = only(db.get_resource_policy(**resource), "Policy", "RevisionId")
    equal((json.loads(kept["Policy"]), kept["RevisionId"]), (json.loads(reading), first))
    writing = {"Policy": policy(arn("orders"), "dynamodb:PutItem")}
    second = db.put_resource_policy(
        **resource, **writing, ExpectedRevisionId=first, ConfirmRemoveSelfResourceAccess=True
    )["RevisionId"]
    assert second != first, second
    code = "PolicyNotFoundException"
    refused(code, db.put_resource_policy, **resource, **writing, ExpectedRevisionId=first)
    refused(code, db.delete_resource_policy, **resource, ExpectedRevisionId=first)
    equal(only(db.delete_resource_policy(**resource, ExpectedRevisionId=second), "RevisionId")["RevisionId"], second)
    refused(code, db.get_resource_policy, **resource)
    create(world, table_of("private", ResourcePolicy=policy(arn("private"), "dynamodb:GetItem")))
    only(db.get_resource_policy(ResourceArn=arn("private")), "Policy", "RevisionId")
    delete(world, "private")


@scenario("DescribeLimits", "DescribeEndpoints")
def account(world):
    limits = world.db.describe_limits()
    only(limits, *(f"{whose}Max{what}CapacityUnits" for whose in ("Account", "Table") for what in ("Read", "Write")))
    equal((limits["AccountMaxReadCapacityUnits"], limits["TableMaxWriteCapacityUnits"]), (80000, 40000))
    endpoints = only(world.db.describe_endpoints(), "Endpoints")["Endpoints"]
    equal(endpoints, [{"Address": world.server.url.removeprefix("http://"), "CachePeriodInMinutes": 1440}])
