//! What streams and consumers have: tags, policies; and consumers themselves.

use serde_json::json;

use super::{SOME, Steps, arn};
use crate::told::Client;

impl<C: Client> Steps<C> {
    pub(super) fn tags(&mut self) {
        let tag = |key: &str, value: &str| json!({ "Key": key, "Value": value });
        self.tell("AddTagsToStream", json!({ "StreamName": "orders", "Tags": { "größe": "1", "old": "x" } }));
        self.tell("RemoveTagsFromStream", json!({ "StreamName": "orders", "TagKeys": ["old"] }));
        let tags = json!([tag("größe", "1"), tag("team", "a")]);
        let page = json!({ "Tags": tags, "HasMoreTags": false });
        self.call("ListTagsForStream", json!({ "StreamName": "orders" }), &page);
        let resource = arn("orders");
        self.tell("TagResource", json!({ "ResourceARN": resource, "Tags": { "cost:center": "7" } }));
        self.tell("UntagResource", json!({ "ResourceARN": resource, "TagKeys": ["größe"] }));
        let tags = json!({ "Tags": [tag("cost:center", "7"), tag("team", "a")] });
        self.call("ListTagsForResource", json!({ "ResourceARN": resource }), &tags);
    }

    pub(super) fn policies(&mut self) {
        let resource = json!({ "ResourceARN": arn("orders") });
        let statement = json!({
            "Effect": "Allow", "Principal": "*", "Action": "kinesis:PutRecord", "Resource": arn("orders"),
        });
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        self.tell("PutResourcePolicy", json!({ "ResourceARN": arn("orders"), "Policy": policy }));
        self.call("GetResourcePolicy", resource.clone(), &json!({ "Policy": policy }));
        self.tell("DeleteResourcePolicy", resource.clone());
        self.refused("DeleteResourcePolicy", &resource, "ResourceNotFoundException");
    }

    pub(super) fn consumers(&mut self) {
        let named = json!({ "StreamARN": arn("orders"), "ConsumerName": "app" });
        let consumer = |status: &str| {
            json!({
                "ConsumerName": "app", "ConsumerARN": SOME, "ConsumerStatus": status, "ConsumerCreationTimestamp": SOME,
            })
        };
        self.call("RegisterStreamConsumer", named.clone(), &json!({ "Consumer": consumer("CREATING") }));
        let mut described = consumer("ACTIVE");
        described["StreamARN"] = arn("orders").into();
        self.call("DescribeStreamConsumer", named.clone(), &json!({ "ConsumerDescription": described }));
        self.refused("RegisterStreamConsumer", &named, "ResourceInUseException");
        let stream = json!({ "StreamARN": arn("orders") });
        self.call("ListStreamConsumers", stream.clone(), &json!({ "Consumers": [consumer("ACTIVE")] }));
        self.tell("DeregisterStreamConsumer", named);
        self.call("ListStreamConsumers", stream, &json!({ "Consumers": [] }));
    }
}
