//! What streams and consumers have: tags, policies; and consumers themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{SOME, Steps, arn, shard};
use millstream_tests::told::Client;

impl<C: Client> Steps<C> {
    pub(super) fn tags(&mut self) {
        let tag = |key: &str, value: &str| json!({ "Key": key, "Value": value });
        self.tell(
            "AddTagsToStream",
            &json!({ "StreamName": "orders", "Tags": { "größe": "1", "old": "x" } }),
        );
        self.tell("RemoveTagsFromStream", &json!({ "StreamName": "orders", "TagKeys": ["old"] }));
        let tags = json!([tag("größe", "1"), tag("team", "a")]);
        let page = json!({ "Tags": tags, "HasMoreTags": false });
        self.call("ListTagsForStream", &json!({ "StreamName": "orders" }), &page);
        let resource = arn("orders");
        self.tell("TagResource", &json!({ "ResourceARN": resource, "Tags": { "cost:center": "7" } }));
        self.tell("UntagResource", &json!({ "ResourceARN": resource, "TagKeys": ["größe"] }));
        let tags = json!({ "Tags": [tag("cost:center", "7"), tag("team", "a")] });
        self.call("ListTagsForResource", &json!({ "ResourceARN": resource }), &tags);
    }

    pub(super) fn policies(&mut self) {
        let resource = json!({ "ResourceARN": arn("orders") });
        let statement = json!({
            "Effect": "Allow", "Principal": "*", "Action": "kinesis:PutRecord", "Resource": arn("orders"),
        });
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        self.tell("PutResourcePolicy", &json!({ "ResourceARN": arn("orders"), "Policy": policy }));
        self.call("GetResourcePolicy", &resource, &json!({ "Policy": policy }));
        self.tell("DeleteResourcePolicy", &resource);
        self.refused("DeleteResourcePolicy", &resource, "ResourceNotFoundException");
    }

    pub(super) fn consumers(&mut self) {
        let named = json!({ "StreamARN": arn("orders"), "ConsumerName": "app" });
        let consumer = |status: &str| {
            json!({
                "ConsumerName": "app", "ConsumerARN": SOME, "ConsumerStatus": status, "ConsumerCreationTimestamp": SOME,
            })
        };
        self.call("RegisterStreamConsumer", &named, &json!({ "Consumer": consumer("CREATING") }));
        let mut described = consumer("ACTIVE");
        described["StreamARN"] = arn("orders").into();
        self.call("DescribeStreamConsumer", &named, &json!({ "ConsumerDescription": described }));
        self.refused("RegisterStreamConsumer", &named, "ResourceInUseException");
        let stream = json!({ "StreamARN": arn("orders") });
        self.call("ListStreamConsumers", &stream, &json!({ "Consumers": [consumer("ACTIVE")] }));
        self.subscription(&named);
        self.tell("DeregisterStreamConsumer", &named);
        self.call("ListStreamConsumers", &stream, &json!({ "Consumers": [] }));
    }

    /// From the oldest record on, of which `records` has put some.
    fn subscription(&mut self, named: &Value) {
        let consumer = self.call("DescribeStreamConsumer", named, &json!({}));
        let ask = json!({
            "ConsumerARN": consumer["ConsumerDescription"]["ConsumerARN"], "ShardId": shard(0),
            "StartingPosition": { "Type": "TRIM_HORIZON" },
        });
        let record = |data: &str, key: &str| {
            json!({
                "Data": BASE64.encode(data), "PartitionKey": key, "SequenceNumber": SOME,
                "ApproximateArrivalTimestamp": SOME,
            })
        };
        let mut secret = record("secret", "k");
        secret["EncryptionType"] = "KMS".into();
        let event = json!({
            "Records": [secret, record("first", "k"), record("second", "größe")],
            "ContinuationSequenceNumber": SOME, "MillisBehindLatest": 0, "ChildShards": [],
        });
        self.call("SubscribeToShard", &ask, &json!({ "EventStream": [{ "SubscribeToShardEvent": event }] }));
    }
}
