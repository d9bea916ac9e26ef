//! An account's quotas and settings.

use super::*;

fn commitment(status: &str) -> Json {
    json!({"MinimumThroughputBillingCommitment": {"Status": status}})
}

async fn update(world: &World, status: &str) -> Result<Json, Refused> {
    let answer = world.call("UpdateAccountSettings", commitment(status)).await;
    answer.map(|mut answer| answer["MinimumThroughputBillingCommitment"].take())
}

async fn describe(world: &World) -> Json {
    let mut answer = world.call("DescribeAccountSettings", json!({})).await.unwrap();
    answer["MinimumThroughputBillingCommitment"].take()
}

/// The start, in the seconds of the wire.
fn at(hours: u64) -> f64 {
    (START.as_secs() + hours * 3600) as f64
}

#[tokio::test]
async fn a_commitment_begins_and_ends() {
    let day = Duration::from_secs(24 * 3600);
    for format in FORMATS {
        let world = World::new(format, Settings::default()).await;
        assert_eq!(describe(&world).await, json!({"Status": "DISABLED"}));
        assert_eq!(update(&world, "DISABLED").await, Ok(json!({"Status": "DISABLED"})));
        let enabled = json!({"Status": "ENABLED", "StartedAt": at(0), "EarliestAllowedEndAt": at(24)});
        assert_eq!(update(&world, "ENABLED").await, Ok(enabled.clone()));
        assert_eq!(describe(&world).await, enabled);

        let mut ending = enabled.clone();
        ending["Status"] = json!("ENABLED_UNTIL_EARLIEST_ALLOWED_END");
        assert_eq!(update(&world, "DISABLED").await, Ok(ending.clone()));
        assert_eq!(update(&world, "ENABLED").await, Ok(enabled));
        assert_eq!(update(&world, "DISABLED").await, Ok(ending));
        world.clock.advance(day);
        let ended = json!({
            "Status": "DISABLED", "StartedAt": at(0), "EndedAt": at(24), "EarliestAllowedEndAt": at(24),
        });
        assert_eq!(describe(&world).await, ended);
    }
}

#[tokio::test]
async fn a_commitment_does_not_end_under_a_warm_stream() {
    for format in FORMATS {
        let world = World::new(format, Settings::default()).await;
        update(&world, "ENABLED").await.unwrap();
        let body = json!({
            "StreamName": "elastic", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}, "WarmThroughputMiBps": 5,
        });
        world.call("CreateStream", body).await.unwrap();
        let text = "MinimumThroughputBillingCommitment cannot be disabled while streams have warm throughput. Set the warm \
                    throughput of stream elastic under account 000000000000 to 0 first.";
        assert_eq!(update(&world, "DISABLED").await, Err(("ValidationException", text.to_owned())));
        // That of another account can.
        let other = world.call_as("111111111111", "UpdateAccountSettings", commitment("DISABLED")).await;
        assert_eq!(other, Ok(commitment("DISABLED")));
        let (code, text) = update(&world, "ENABLED_UNTIL_EARLIEST_ALLOWED_END").await.unwrap_err();
        assert_eq!(code, "ValidationException");
        assert!(text.ends_with("Member must satisfy enum value set: [ENABLED, DISABLED]"), "{text}");
        let (code, _) = world.call("UpdateAccountSettings", json!({})).await.unwrap_err();
        assert_eq!(code, "ValidationException");
    }
}

#[tokio::test]
async fn a_commitment_allows_more_consumers() {
    for format in FORMATS {
        let mut settings = Settings::default();
        settings.limits.consumers_per_stream = Some(1);
        settings.limits.consumers_per_advantage_stream = Some(2);
        let world = World::new(format, settings).await;
        let body = json!({"StreamName": "orders", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
        world.call("CreateStream", body).await.unwrap();
        let register = |name: &str| {
            world.call("RegisterStreamConsumer", json!({"StreamARN": STREAM, "ConsumerName": name}))
        };
        register("first").await.unwrap();
        assert_eq!(register("second").await.unwrap_err().0, "LimitExceededException");
        update(&world, "ENABLED").await.unwrap();
        register("second").await.unwrap();
        assert_eq!(register("third").await.unwrap_err().0, "LimitExceededException");
    }
}

#[tokio::test]
async fn quotas_and_their_use() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let body = json!({"StreamName": "elastic", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
        world.call("CreateStream", body).await.unwrap();
        let limits = world.call("DescribeLimits", json!({})).await;
        let expected = json!({
            "ShardLimit": 20_000, "OpenShardCount": 6, "OnDemandStreamCount": 1, "OnDemandStreamCountLimit": 50,
            "ChannelCount": 0, "ChannelCountLimit": 0,
        });
        assert_eq!(limits, Ok(expected));
    }
}

#[tokio::test]
async fn accounts_are_asked_five_times_a_second() {
    for format in FORMATS {
        let world = World::new(format, Settings::default()).await;
        let text = "Rate exceeded for account 000000000000.";
        for (operation, body) in
            [("DescribeAccountSettings", json!({})), ("UpdateAccountSettings", commitment("DISABLED"))]
        {
            // A minute's worth at once.
            for _ in 0..300 {
                world.call(operation, body.clone()).await.unwrap();
            }
            assert_eq!(world.call(operation, body).await, refused("LimitExceededException", text));
        }
    }
}
