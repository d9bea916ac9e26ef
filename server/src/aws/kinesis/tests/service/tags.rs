//! Tags of streams and consumers, in both generations of calls.

use super::*;

fn resource() -> Json {
    json!({"ResourceARN": STREAM})
}

#[allow(clippy::needless_pass_by_value)] // so that calls read like the JSON that they send
fn tagged(tags: Json) -> Json {
    json!({"ResourceARN": STREAM, "Tags": tags})
}

#[tokio::test]
async fn a_resource_is_tagged_untagged_and_listed() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        assert_eq!(world.call("ListTagsForResource", resource()).await, Ok(json!({"Tags": []})));
        let tags = json!({"team": "a", "cost:center": "7", "empty": ""});
        assert_eq!(world.call("TagResource", tagged(tags)).await, Ok(Json::Null));
        let body = json!({"StreamName": "orders", "Tags": {"team": "b"}});
        world.call("AddTagsToStream", body).await.unwrap();
        let listed =
            |tags: [(&str, &str); 3]| json!(tags.map(|(key, value)| json!({"Key": key, "Value": value})));
        let all = listed([("cost:center", "7"), ("empty", ""), ("team", "b")]);
        assert_eq!(world.call("ListTagsForResource", resource()).await, Ok(json!({"Tags": all})));
        let page = world.call("ListTagsForStream", json!({"StreamName": "orders"})).await;
        assert_eq!(page, Ok(json!({"Tags": all, "HasMoreTags": false})));
        let body = json!({"ResourceARN": STREAM, "TagKeys": ["empty", "team", "unknown"]});
        assert_eq!(world.call("UntagResource", body).await, Ok(Json::Null));
        let left = json!({"Tags": [{"Key": "cost:center", "Value": "7"}]});
        assert_eq!(world.call("ListTagsForResource", resource()).await, Ok(left));
    }
}

#[tokio::test]
async fn tags_are_refused_with_the_errors_of_their_generation() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let text = "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, \
                    _ . : / = + - @.";
        assert_eq!(
            world.call("TagResource", tagged(json!({"a%": ""}))).await,
            refused("InvalidArgumentException", text)
        );
        let text = "Tag keys that begin with aws: are reserved.";
        assert_eq!(
            world.call("TagResource", tagged(json!({"aws:x": ""}))).await,
            refused("InvalidArgumentException", text)
        );
        let many: serde_json::Map<_, _> = (0..51).map(|n| (format!("k{n}"), json!(""))).collect();
        let (code, _) = world.call("TagResource", tagged(Json::Object(many.clone()))).await.unwrap_err();
        assert_eq!(code, "LimitExceededException");
        let body = json!({"StreamName": "orders", "Tags": many});
        let (code, _) = world.call("AddTagsToStream", body).await.unwrap_err();
        assert_eq!(code, "InvalidArgumentException");
        for tags in [json!({"": "x"}), json!({}), json!({"k".repeat(129): ""}), json!({"k": "v".repeat(257)})]
        {
            let (code, _) = world.call("TagResource", tagged(tags)).await.unwrap_err();
            assert_eq!(code, "ValidationException");
        }
    }
}

#[tokio::test]
async fn a_consumer_is_tagged_by_its_arn() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let body = json!({"StreamARN": STREAM, "ConsumerName": "app", "Tags": {"team": "a"}});
        let registered = world.call("RegisterStreamConsumer", body).await.unwrap();
        let arn = &registered["Consumer"]["ConsumerARN"];
        let body = json!({"ResourceARN": arn, "Tags": {"tier": "1"}});
        assert_eq!(world.call("TagResource", body).await, Ok(Json::Null));
        let body = json!({"ResourceARN": arn, "TagKeys": ["team"]});
        assert_eq!(world.call("UntagResource", body).await, Ok(Json::Null));
        let listed = world.call("ListTagsForResource", json!({"ResourceARN": arn})).await;
        assert_eq!(listed, Ok(json!({"Tags": [{"Key": "tier", "Value": "1"}]})));
        assert_eq!(world.call("ListTagsForResource", resource()).await, Ok(json!({"Tags": []})));
    }
}

#[tokio::test]
async fn resources_that_are_not_there_are_not_found() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        for (arn, code) in [
            ("arn:aws:kinesis:us-east-1:000000000000:stream/missing", "ResourceNotFoundException"),
            ("arn:aws:kinesis:eu-west-1:000000000000:stream/orders", "ResourceNotFoundException"),
            ("arn:aws:kinesis:us-east-1:123456789012:stream/orders", "ResourceNotFoundException"),
            (
                "arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/app:1",
                "ResourceNotFoundException",
            ),
            ("arn:aws:kinesis:us-east-1:000000000000:channel/c-1", "ResourceNotFoundException"),
            ("arn:aws:kinesis:us-east-1:000000000000:queue/q-1", "ResourceNotFoundException"),
            ("arn:aws:kinesis:us-east-1:000000000000:xstream/orders", "InvalidArgumentException"),
            ("arn:aws:kinesis:us-east-1:000000000000:stream/a/b", "InvalidArgumentException"),
            ("arn:aws:kinesis:us-east-1:000000000000:table/orders", "ValidationException"),
            ("orders", "ValidationException"),
        ] {
            for body in [
                ("TagResource", json!({"ResourceARN": arn, "Tags": {"a": "b"}})),
                ("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["a"]})),
                ("ListTagsForResource", json!({"ResourceARN": arn})),
            ] {
                let (operation, body) = body;
                assert_eq!(world.call(operation, body).await.unwrap_err().0, code, "{operation} {arn}");
            }
        }
    }
}
