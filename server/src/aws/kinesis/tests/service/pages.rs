//! Listings come in pages; their tokens expire and belong to one listing.

use super::*;

#[tokio::test]
async fn streams_come_in_pages_with_a_token_that_expires() {
    for format in FORMATS {
        let world = World::new(format, Settings::default()).await;
        for name in ["a", "b", "c"] {
            world.call("CreateStream", json!({"StreamName": name, "ShardCount": 1})).await.unwrap();
        }
        let first = world.call("ListStreams", json!({"Limit": 2})).await.unwrap();
        assert_eq!((&first["StreamNames"], &first["HasMoreStreams"]), (&json!(["a", "b"]), &json!(true)));
        let token = &first["NextToken"];
        let second = world.call("ListStreams", json!({"NextToken": token, "Limit": 1})).await.unwrap();
        assert_eq!((&second["StreamNames"], &second["HasMoreStreams"]), (&json!(["c"]), &json!(false)));
        assert_eq!(second.get("NextToken"), None);
        let both = json!({"NextToken": token, "ExclusiveStartStreamName": "a"});
        assert_eq!(world.call("ListStreams", both).await.unwrap_err().0, "InvalidArgumentException");
        let others = world.call_as("123456789012", "ListStreams", json!({"NextToken": token})).await;
        assert_eq!(others, refused("InvalidArgumentException", "Invalid NextToken."));
        for limit in [0, 10_001] {
            let (code, _) = world.call("ListStreams", json!({"Limit": limit})).await.unwrap_err();
            assert_eq!(code, "ValidationException");
        }
        world.clock.advance(Duration::from_millis(300_001));
        let late = world.call("ListStreams", json!({"NextToken": token})).await;
        assert_eq!(late, refused("ExpiredNextTokenException", "The NextToken has expired."));
    }
}

#[tokio::test]
async fn shards_come_in_pages_and_a_token_stands_alone() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let first = world.call("ListShards", json!({"StreamName": "orders", "MaxResults": 1})).await.unwrap();
        let token = &first["NextToken"];
        let ids = |page: &Json| -> Vec<String> {
            let shards = page["Shards"].as_array().unwrap().iter();
            shards.map(|shard| shard["ShardId"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids(&first), [SHARD]);
        let second = world.call("ListShards", json!({"NextToken": token, "MaxResults": 5})).await.unwrap();
        assert_eq!((ids(&second), second.get("NextToken")), (vec!["shardId-000000000001".into()], None));
        for (with, text) in [
            (json!({"StreamName": "orders"}), "NextToken and StreamName cannot be provided together."),
            (json!({"StreamARN": STREAM}), "NextToken and StreamName cannot be provided together."),
            (
                json!({"ExclusiveStartShardId": SHARD}),
                "NextToken cannot be provided together with \
              ExclusiveStartShardId or StreamCreationTimestamp.",
            ),
        ] {
            let mut body = with;
            body["NextToken"] = token.clone();
            assert_eq!(world.call("ListShards", body).await, refused("InvalidArgumentException", text));
        }
        let neither = world.call("ListShards", json!({})).await;
        let text = "Either NextToken or StreamName should be provided.";
        assert_eq!(neither, refused("InvalidArgumentException", text));
        world.clock.advance(Duration::from_millis(300_001));
        let late = world.call("ListShards", json!({"NextToken": token})).await.unwrap_err();
        assert_eq!(late.0, "ExpiredNextTokenException");
    }
}

#[tokio::test]
async fn descriptions_and_tags_go_on_behind_what_is_named() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let describe = json!({"StreamName": "orders", "Limit": 1});
        let first = world.call("DescribeStream", describe).await.unwrap();
        assert_eq!(first["StreamDescription"]["HasMoreShards"], true);
        let rest = json!({"StreamName": "orders", "ExclusiveStartShardId": SHARD});
        let rest = world.call("DescribeStream", rest).await.unwrap();
        assert_eq!(rest["StreamDescription"]["HasMoreShards"], false);
        assert_eq!(rest["StreamDescription"]["Shards"][0]["ShardId"], "shardId-000000000001");

        let tags = json!({"StreamName": "orders", "Tags": {"a": "1", "b": "2", "c": ""}});
        world.call("AddTagsToStream", tags).await.unwrap();
        let list = async |body: Json| world.call("ListTagsForStream", body).await.unwrap();
        let page = list(json!({"StreamName": "orders", "Limit": 2})).await;
        let (a, b, c) = (("a", "1"), ("b", "2"), ("c", ""));
        let [a, b, c] = [a, b, c].map(|(key, value)| json!({"Key": key, "Value": value}));
        assert_eq!(page, json!({"Tags": [a, b], "HasMoreTags": true}));
        let page = list(json!({"StreamName": "orders", "ExclusiveStartTagKey": "b", "Limit": 1})).await;
        assert_eq!(page, json!({"Tags": [c], "HasMoreTags": false}));
        for limit in [0, 51] {
            let body = json!({"StreamName": "orders", "Limit": limit});
            assert_eq!(world.call("ListTagsForStream", body).await.unwrap_err().0, "ValidationException");
        }
    }
}
