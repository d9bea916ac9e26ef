//! Resource policies: what is accepted, what is given back, what is refused.

use super::*;

fn policy(arn: &str, action: &str) -> String {
    let statement = json!({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": arn});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn resource() -> Json {
    json!({"ResourceARN": STREAM})
}

#[tokio::test]
async fn a_policy_is_put_given_back_and_deleted() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        assert_eq!(world.call("GetResourcePolicy", resource()).await, Ok(json!({"Policy": "{}"})));
        let text = format!("No policy is attached to {STREAM}.");
        let deleted = world.call("DeleteResourcePolicy", resource()).await;
        assert_eq!(deleted, refused("ResourceNotFoundException", &text));
        for action in ["kinesis:PutRecord", "kinesis:Get*"] {
            let policy = policy(STREAM, action);
            let body = json!({"ResourceARN": STREAM, "Policy": policy});
            assert_eq!(world.call("PutResourcePolicy", body).await, Ok(Json::Null));
            assert_eq!(world.call("GetResourcePolicy", resource()).await, Ok(json!({"Policy": policy})));
        }
        assert_eq!(world.call("DeleteResourcePolicy", resource()).await, Ok(Json::Null));
        assert_eq!(world.call("GetResourcePolicy", resource()).await, Ok(json!({"Policy": "{}"})));
    }
}

#[tokio::test]
async fn what_is_no_policy_for_the_resource_is_refused() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let large = " ".repeat(20 * 1024) + &policy(STREAM, "kinesis:*");
        for (policy, code) in [
            (String::new(), "InvalidArgumentException"),
            ("{}".to_owned(), "InvalidArgumentException"),
            (policy(STREAM, "kinesis:SubscribeToShard"), "InvalidArgumentException"),
            (policy(STREAM, "kinesis:DeleteStream"), "InvalidArgumentException"),
            (policy(&STREAM.replace("orders", "returns"), "kinesis:*"), "InvalidArgumentException"),
            (large, "LimitExceededException"),
        ] {
            let body = json!({"ResourceARN": STREAM, "Policy": policy});
            assert_eq!(world.call("PutResourcePolicy", body).await.unwrap_err().0, code, "{policy}");
        }
        assert_eq!(world.call("GetResourcePolicy", resource()).await, Ok(json!({"Policy": "{}"})));
    }
}

#[tokio::test]
async fn a_consumers_policy_is_about_the_consumer() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let body = json!({"StreamARN": STREAM, "ConsumerName": "app"});
        let registered = world.call("RegisterStreamConsumer", body).await.unwrap();
        let arn = registered["Consumer"]["ConsumerARN"].as_str().unwrap();
        for (policy, expected) in [
            (policy(arn, "kinesis:SubscribeToShard"), Ok(())),
            (policy(arn, "kinesis:Describe*"), Ok(())),
            (policy(arn, "kinesis:GetRecords"), Err("InvalidArgumentException")),
            (policy(STREAM, "kinesis:SubscribeToShard"), Err("InvalidArgumentException")),
        ] {
            let put = world.call("PutResourcePolicy", json!({"ResourceARN": arn, "Policy": policy})).await;
            assert_eq!(put.map(drop).map_err(|(code, _)| code), expected, "{policy}");
        }
        let kept = world.call("GetResourcePolicy", json!({"ResourceARN": arn})).await;
        assert_eq!(kept, Ok(json!({"Policy": policy(arn, "kinesis:Describe*")})));
        assert_eq!(world.call("GetResourcePolicy", resource()).await, Ok(json!({"Policy": "{}"})));
    }
}

#[tokio::test]
async fn policies_are_the_owners_business() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let text = |operation| {
            format!(
                "User: arn:aws:iam::123456789012:root is not authorized to perform: kinesis:{operation} on resource: \
                 {STREAM} because no resource-based policy allows the kinesis:{operation} action"
            )
        };
        let put = json!({"ResourceARN": STREAM, "Policy": policy(STREAM, "kinesis:*")});
        for (operation, body) in [
            ("PutResourcePolicy", put),
            ("GetResourcePolicy", resource()),
            ("DeleteResourcePolicy", resource()),
        ] {
            let answer = world.call_as("123456789012", operation, body).await;
            assert_eq!(answer, refused("AccessDeniedException", &text(operation)));
        }
        let missing = json!({"ResourceARN": STREAM.replace("orders", "missing")});
        let (code, _) = world.call("GetResourcePolicy", missing).await.unwrap_err();
        assert_eq!(code, "ResourceNotFoundException");
    }
}
