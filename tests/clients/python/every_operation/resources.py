"""What is attached to streams and consumers: tags in both generations of calls, policies, monitoring."""

from calls import policy
from checks import equal, only, refused, scenario
from servers import arn

# As AWS lists them.
METRICS = [
    "IncomingBytes",
    "OutgoingRecords",
    "IteratorAgeMilliseconds",
    "IncomingRecords",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
    "OutgoingBytes",
]


def pairs(tags):
    return [(tag["Key"], tag.get("Value")) for tag in tags]


@scenario("AddTagsToStream", "RemoveTagsFromStream", "ListTagsForStream")
def tags_of_streams(world):
    kinesis = world.plain.kinesis
    more = {f"k{number:02}": str(number) for number in range(47)}
    only(kinesis.add_tags_to_stream(StreamName="orders", Tags=more))
    kinesis.add_tags_to_stream(StreamARN=arn("orders"), Tags={"größe": "a b_c.d/e=f+g-h@i"})
    page = only(kinesis.list_tags_for_stream(StreamName="orders"), "Tags", "HasMoreTags")
    everything = [("empty", ""), ("größe", "a b_c.d/e=f+g-h@i"), *more.items(), ("team", "a")]
    equal((pairs(page["Tags"]), page["HasMoreTags"]), (everything, False))
    read, after = [], {}
    while True:
        page = kinesis.list_tags_for_stream(StreamARN=arn("orders"), Limit=7, **after)
        assert len(page["Tags"]) <= 7
        read += pairs(page["Tags"])
        after = {"ExclusiveStartTagKey": read[-1][0]}
        if not page["HasMoreTags"]:
            break
    equal(read, everything)
    for wrong in {"one more": "x"}, {"a:b": "x"}, {"aws:a": "x"}, {"a%": "x"}:
        refused("InvalidArgumentException", kinesis.add_tags_to_stream, StreamName="orders", Tags=wrong)
    only(kinesis.remove_tags_from_stream(StreamName="orders", TagKeys=[*more, "unknown"]))
    kinesis.remove_tags_from_stream(StreamARN=arn("orders"), TagKeys=["größe"])
    equal(pairs(kinesis.list_tags_for_stream(StreamName="orders")["Tags"]), [("empty", ""), ("team", "a")])
    world.with_stream_id("AddTagsToStream", "RemoveTagsFromStream", "ListTagsForStream")


@scenario("TagResource", "UntagResource", "ListTagsForResource")
def tags_of_resources(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(StreamName="tagged", ShardCount=1, Tags={"born": "with"})
    registered = kinesis.register_stream_consumer(
        StreamARN=arn("tagged"), ConsumerName="app", Tags={"born": "with"}
    )
    for resource in arn("tagged"), registered["Consumer"]["ConsumerARN"]:
        only(kinesis.tag_resource(ResourceARN=resource, Tags={"cost:center": "7", "empty": ""}))
        only(kinesis.untag_resource(ResourceARN=resource, TagKeys=["empty", "unknown"]))
        listed = only(kinesis.list_tags_for_resource(ResourceARN=resource), "Tags")["Tags"]
        equal(pairs(listed), [("born", "with"), ("cost:center", "7")])
        for wrong in {"a%": "x"}, {"aws:a": "x"}, {"a": "*"}:
            refused("InvalidArgumentException", kinesis.tag_resource, ResourceARN=resource, Tags=wrong)
        many = {f"k{number}": "" for number in range(49)}
        refused("LimitExceededException", kinesis.tag_resource, ResourceARN=resource, Tags=many)
    both = pairs(kinesis.list_tags_for_stream(StreamName="tagged")["Tags"])
    equal(both, [("born", "with"), ("cost:center", "7")])
    for kind in "channel", "queue":
        resource = arn("a").replace("stream/", f"{kind}/")
        refused("ResourceNotFoundException", kinesis.list_tags_for_resource, ResourceARN=resource)
    world.with_stream_id("TagResource", "ListTagsForResource", "UntagResource", stream="tagged")
    kinesis.delete_stream(StreamName="tagged", EnforceConsumerDeletion=True)


@scenario("PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy")
def policies(world):
    kinesis = world.plain.kinesis
    kinesis.create_stream(StreamName="shared", ShardCount=1)
    consumer = kinesis.register_stream_consumer(StreamARN=arn("shared"), ConsumerName="app")["Consumer"]["ConsumerARN"]
    for resource, allowed, wrong in [
        (arn("shared"), ["kinesis:PutRecord", "kinesis:Get*"], "kinesis:SubscribeToShard"),
        (consumer, ["kinesis:SubscribeToShard", "kinesis:DescribeStreamConsumer"], "kinesis:GetRecords"),
    ]:
        equal(only(kinesis.get_resource_policy(ResourceARN=resource), "Policy")["Policy"], "{}")
        refused("ResourceNotFoundException", kinesis.delete_resource_policy, ResourceARN=resource)
        text = policy(resource, *allowed)
        only(kinesis.put_resource_policy(ResourceARN=resource, Policy=text))
        equal(kinesis.get_resource_policy(ResourceARN=resource)["Policy"], text)
        for other in policy(resource, wrong), policy(arn("orders"), *allowed), "{}", "", "[" * 9999:
            refused("InvalidArgumentException", kinesis.put_resource_policy, ResourceARN=resource, Policy=other)
        large = " " * 20480 + text
        refused("LimitExceededException", kinesis.put_resource_policy, ResourceARN=resource, Policy=large)
        equal(kinesis.get_resource_policy(ResourceARN=resource)["Policy"], text)
        only(kinesis.delete_resource_policy(ResourceARN=resource))
        equal(kinesis.get_resource_policy(ResourceARN=resource)["Policy"], "{}")
    world.with_stream_id("PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy", stream="shared")
    kinesis.delete_stream(StreamName="shared", EnforceConsumerDeletion=True)


@scenario("EnableEnhancedMonitoring", "DisableEnhancedMonitoring")
def monitoring(world):
    kinesis = world.plain.kinesis
    enable, disable = kinesis.enable_enhanced_monitoring, kinesis.disable_enhanced_monitoring
    before = set()
    for by, call, metrics, after in [
        *(({"StreamName": "orders"}, enable, [metric], METRICS[: place + 1]) for place, metric in enumerate(METRICS)),
        ({"StreamARN": arn("orders")}, enable, ["ALL"], METRICS),
        *(({"StreamName": "orders"}, disable, [metric], METRICS[place + 1 :]) for place, metric in enumerate(METRICS)),
        ({"StreamARN": arn("orders")}, enable, METRICS, METRICS),
        ({"StreamARN": arn("orders")}, disable, ["ALL"], []),
    ]:
        answer = only(call(**by, ShardLevelMetrics=metrics), *CHANGE)
        equal((answer["StreamName"], answer["StreamARN"]), ("orders", arn("orders")))
        equal(set(answer["CurrentShardLevelMetrics"]), before)
        equal(answer["DesiredShardLevelMetrics"], after)
        for describe, member in [
            (kinesis.describe_stream, "StreamDescription"),
            (kinesis.describe_stream_summary, "StreamDescriptionSummary"),
        ]:
            shown = describe(StreamName="orders")[member]["EnhancedMonitoring"]
            equal(shown, [{"ShardLevelMetrics": after}])
        before = set(after)
    world.with_stream_id("EnableEnhancedMonitoring", "DisableEnhancedMonitoring")


CHANGE = "StreamName", "CurrentShardLevelMetrics", "DesiredShardLevelMetrics", "StreamARN"
