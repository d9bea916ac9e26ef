//! Benchmarks with subscribers against the fake target.

use super::*;

const SUBSCRIBERS: &str = "push --rate 300 --batch 2 --writers 2 --consumers 3 --streams 2";

#[tokio::test]
async fn every_consumer_is_brought_every_record_over_either_protocol() {
    for transport in ["", " --http2", " --http2 --threads 2", " --protocol json --skip-checksums"] {
        let target = FakeTarget::start(Faults::default()).await;
        let result = bench(&target, &format!("{SUBSCRIBERS}{transport}")).await.unwrap();
        check(&result).unwrap();
        let run = &result.runs[0];
        let put = &run.operations["push_put"];
        assert_eq!(put.latency.count, 120, "300 puts a second for 400 ms");
        // A put with two records goes to one of two streams, each with three consumers.
        let records = (120 - put.unsent) * 2 * 3;
        assert_eq!(run.operations["push"].latency.count, records);
        assert!(run.operations["push"].latency.p50_ms >= put.latency.min_ms);
        let push = run.push.as_ref().unwrap();
        assert_eq!((push.consumers, push.subscriptions, push.renewals), (6, 6, 0));
        let acknowledged = push.after_acknowledgement.count;
        assert!(acknowledged > 0 && push.ahead_of_acknowledgement <= acknowledged, "{push:?}");
        let rate = &push.consumer_mb_per_second;
        assert!(rate.min > 0.0 && rate.max < 0.064, "three times what was put: {rate:?}");
        assert_eq!(push.idle, None);
        let state = target.state.lock();
        assert_eq!((state.subscribed, state.deregistered, state.unsigned), (6, 6, 0));
        let connections = match transport {
            " --http2" => 1,
            " --http2 --threads 2" => 2,
            _ => 0,
        };
        assert_eq!(state.http2_connections, connections);
        assert!(state.streams.is_empty());
    }
}

#[tokio::test]
async fn a_subscription_that_ends_is_made_again_where_it_ended() {
    let faults = Faults { end_after_events: Some(5), busy_subscriptions: 2, ..Faults::default() };
    for transport in ["", " --http2"] {
        let target = FakeTarget::start(faults).await;
        let result = bench(&target, &format!("{SUBSCRIBERS}{transport}")).await.unwrap();
        check(&result).unwrap();
        let push = result.runs[0].push.as_ref().unwrap();
        let subscribed = target.state.lock().subscribed;
        assert!(push.renewals > 6, "{push:?}");
        assert_eq!(subscribed, 2 + 6 + push.renewals);
        assert!(report::table(&result).contains("subscriptions ended and were made again"));
    }
}

#[tokio::test]
async fn an_exception_within_a_subscription_fails_the_run() {
    let exception = Some("InternalFailureException");
    let faults = Faults { end_after_events: Some(5), exception, ..Faults::default() };
    let target = FakeTarget::start(faults).await;
    let result = bench(&target, SUBSCRIBERS).await.unwrap();
    assert_eq!(result.runs[0].operations["push"].errors.get("InternalFailureException"), Some(&1));
    assert!(check(&result).unwrap_err().to_string().contains("1 x InternalFailureException"));
}

#[tokio::test]
async fn a_record_that_is_not_brought_or_brought_twice_fails_the_run() {
    let target = FakeTarget::start(Faults { lose_every: Some(50), ..Faults::default() }).await;
    let result = bench(&target, &format!("{SUBSCRIBERS} --drain 100ms")).await.unwrap();
    let lost = target.state.lock().records_seen / 50;
    assert_eq!(result.runs[0].operations["push"].errors.get("missing record"), Some(&(lost * 3)));
    let target = FakeTarget::start(Faults { bring_twice: true, ..Faults::default() }).await;
    let result = bench(&target, "push --rate 300").await.unwrap();
    let errors = &result.runs[0].operations["push"].errors;
    assert!(errors.get("record that no put explains").is_some_and(|records| *records > 0), "{errors:?}");
}

#[tokio::test]
async fn what_was_put_before_is_read_from_the_beginning() {
    let target = FakeTarget::start(Faults::default()).await;
    let result = bench(&target, "push --fill-mib 1 --batch 500 --consumers 2 --warm-up 0s").await.unwrap();
    let run = &result.runs[0];
    assert_eq!(run.operations.keys().collect::<Vec<_>>(), ["push"]);
    let filled = target.state.lock().records_seen;
    assert!(filled >= 16_384 && run.operations["push"].records <= filled * 2);
    let rate = run.push.as_ref().unwrap().consumer_mb_per_second;
    assert!(rate.min > 0.0 && rate.max * run.measured_secs * 1e6 <= (filled * 64) as f64 + 1.0);
    // Both came to the end before the time was over, so the rate says little.
    assert!(check(&result).unwrap_err().to_string().contains("2 x nothing was left to read"));
}

#[tokio::test]
async fn idle_subscriptions_are_held_beside_others_and_without() {
    let target = FakeTarget::start(Faults::default()).await;
    let own = std::process::id();
    for (flags, consumers) in [("--consumers 1", 1), ("--consumers 0 --http2", 0)] {
        let flags = format!("push {flags} --idle-subscriptions 33 --target-pid {own}");
        let result = bench(&target, &flags).await.unwrap();
        check(&result).unwrap();
        let push = result.runs[0].push.as_ref().unwrap();
        let idle = push.idle.unwrap();
        assert_eq!((push.consumers, idle.subscriptions), (consumers, 33));
        assert!(idle.target_rss_before_bytes.is_some() && idle.target_bytes_each.is_some());
        let heard = &result.runs[0].operations["push_idle"];
        assert!(heard.requests > 0 && heard.records == 0);
        assert!(report::table(&result).contains("33 idle subscriptions"));
    }
    {
        let state = target.state.lock();
        assert!(state.streams.is_empty() && state.consumers.is_empty());
        assert_eq!(state.deregistered, 1 + 20 + 20);
    }
    let nobody = bench(&target, "push --consumers 0").await.unwrap_err();
    assert!(nobody.to_string().contains("nobody subscribes"));
}

#[tokio::test]
async fn results_of_subscribers_keep_their_field_names() {
    let target = FakeTarget::start(Faults::default()).await;
    let result = bench(&target, "push --idle-subscriptions 1").await.unwrap();
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(serde_json::from_value::<BenchResult>(json.clone()).unwrap(), result);
    let keys =
        |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let sorted = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
    assert_eq!(
        keys(&json["parameters"]),
        sorted(
            "batch consumers drain duration fill-mib grpc http2 idle-subscriptions protocol rate record-size repeat \
             shards skip-checksums streams threads warm-up writers"
        )
    );
    assert_eq!(keys(&json["runs"][0]["operations"]), sorted("push push_idle push_put"));
    let push = &json["runs"][0]["push"];
    assert_eq!(
        keys(push),
        sorted(
            "after_acknowledgement ahead_of_acknowledgement consumer_mb_per_second consumers idle renewals \
             subscriptions"
        )
    );
    assert_eq!(keys(&push["idle"]), sorted("subscriptions target_bytes_each target_rss_before_bytes"));
}
