use millstream_runtime::{ManualClock, SystemEntropy};

use super::*;
use crate::aws::call::Call;
use crate::aws::kinesis::generated::Operation;

fn faults_of(setting: FaultsSetting) -> Arc<Faults> {
    let clock = ManualClock::starting_at(Duration::ZERO);
    Faults::new(setting, clock.shared(), SeededEntropy::shared(7))
}

fn faults(rules: &str) -> Arc<Faults> {
    let faults = faults_of(FaultsSetting::default());
    faults.add(serde_json::from_str(rules).unwrap()).unwrap();
    faults
}

fn target(operation: Operation, stream: &str, shard: &str) -> Target {
    let arn = format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}");
    Target {
        call: Call::Kinesis(operation),
        table: None,
        account: "000000000000".parse().unwrap(),
        stream: arn.parse().ok(),
        shard: millstream_model::ShardId::parse_lenient(shard),
    }
}

fn code(verdict: &Verdict, target: &Target) -> Option<&'static str> {
    verdict.failure.as_ref().map(|failure| failure.answer(target).code())
}

#[test]
fn throttling_is_what_the_operation_has_for_it() {
    let faults = faults(r#"[{"error": "throttling"}]"#);
    for (operation, expected, text) in [
        (
            Operation::PutRecord,
            "ProvisionedThroughputExceededException",
            "Rate exceeded for shard shardId-000000000001 in stream orders under account 000000000000.",
        ),
        (
            Operation::CreateStream,
            "LimitExceededException",
            "Rate exceeded for stream orders under account 000000000000.",
        ),
        (
            Operation::SubscribeToShard,
            "LimitExceededException",
            "Rate exceeded for shard shardId-000000000001 in stream orders under account 000000000000.",
        ),
        (Operation::DescribeLimits, "LimitExceededException", "Rate exceeded for account 000000000000."),
        (Operation::ReceiveQueueRecords, "ThrottlingException", "Rate exceeded for account 000000000000."),
    ] {
        let stream = if text.contains("stream") { "orders" } else { "" };
        let shard = if text.contains("shard") { "1" } else { "" };
        let target = target(operation, stream, shard);
        let answer = faults.on_call(&target).failure.unwrap().answer(&target);
        assert_eq!((answer.code(), answer.status(), answer.message()), (expected, 400, Some(text)));
    }
}

#[test]
fn errors_are_those_that_the_operation_declares() {
    let faults =
        faults(r#"[{"error": "KMSThrottlingException", "message": "slowly"}, {"error": "internal"}]"#);
    let put = target(Operation::PutRecord, "orders", "0");
    let answer = faults.on_call(&put).failure.unwrap().answer(&put);
    assert_eq!((answer.code(), answer.message()), ("KMSThrottlingException", Some("slowly")));
    // Listing streams knows nothing of keys, so that the next rule counts.
    let list = target(Operation::ListStreams, "", "");
    let answer = faults.on_call(&list).failure.unwrap().answer(&list);
    assert_eq!((answer.code(), answer.status()), ("InternalFailure", 500));
    let seen: Vec<_> = faults.list().iter().map(|rule| (rule.seen, rule.applied)).collect();
    assert_eq!(seen, [(1, 1), (2, 2)]);
}

#[test]
fn rules_look_at_operation_stream_and_shard() {
    let faults = faults(
        r#"[{"operation": "GetRecords", "stream": "orders", "shard": "shardId-000000000002", "error": "internal"}]"#,
    );
    for (target, hit) in [
        (target(Operation::GetRecords, "orders", "2"), true),
        (target(Operation::GetRecords, "orders", "1"), false),
        (target(Operation::GetRecords, "orders", ""), false),
        (target(Operation::GetRecords, "returns", "2"), false),
        (target(Operation::GetShardIterator, "orders", "2"), false),
    ] {
        assert_eq!(faults.on_call(&target).failure.is_some(), hit, "{target:?}");
    }
}

#[test]
fn entries_fail_one_by_one_where_a_shard_is_named() {
    let faults = faults(r#"[{"shard": "1", "error": "throttling", "latency_ms": 5}]"#);
    let put = |shard| target(Operation::PutRecords, "orders", shard);
    assert_eq!(faults.on_call(&put("")), Verdict::default());
    assert_eq!(faults.on_call(&put("1")), Verdict::default(), "a call as a whole has no shard");
    assert_eq!(faults.on_entry(&put("0")), Verdict::default());
    let verdict = faults.on_entry(&put("1"));
    assert_eq!(verdict.delay, Duration::from_millis(5));
    let (code, text) = verdict.failure.unwrap().of_entry(&put("1"));
    assert_eq!(code, "ProvisionedThroughputExceededException");
    assert!(text.starts_with("Rate exceeded for shard shardId-000000000001"), "{text}");
    assert!(faults.on_call(&target(Operation::PutRecord, "orders", "1")).failure.is_some());
}

#[test]
fn subscriptions_are_cut_and_nothing_else_is() {
    let faults = faults(
        r#"[{"stream": "orders", "call": 2, "cut_after_events": 3}, {"cut_after_bytes": 100, "times": 1}]"#,
    );
    let subscribe = target(Operation::SubscribeToShard, "orders", "0");
    assert_eq!(faults.on_call(&subscribe), Verdict::default());
    let cuts: Vec<_> = (0..4).map(|_| faults.on_subscription(&subscribe)).collect();
    assert_eq!(cuts, [Some(Cut::AfterBytes(100)), Some(Cut::AfterEvents(3)), None, None]);
}

#[test]
fn subscriptions_end_with_an_exception() {
    let faults = faults(
        r#"[{"times": 1, "cut_after_events": 2, "error": "KMSDisabledException", "message": "no key"},
            {"cut_after_events": 0, "error": "internal"}]"#,
    );
    let subscribe = target(Operation::SubscribeToShard, "orders", "0");
    assert_eq!(faults.on_call(&subscribe), Verdict::default());
    for (events, exception, message) in
        [(2, Exception::KmsDisabled, "no key"), (0, Exception::InternalFailure, "A fault was asked for.")]
    {
        let cut = Cut::Exception { events, exception, message: message.to_owned() };
        assert_eq!(faults.on_subscription(&subscribe), Some(cut));
    }
}

#[test]
fn delays_add_up_and_the_first_failure_counts() {
    let faults = faults(
        r#"[{"latency_ms": 10}, {"latency_ms": 5, "error": "internal"}, {"error": "throttling"}, {"jitter_ms": 20}]"#,
    );
    let put = target(Operation::PutRecord, "orders", "0");
    let verdict = faults.on_call(&put);
    assert_eq!(code(&verdict, &put), Some("InternalFailure"));
    let millis = verdict.delay.as_millis();
    assert!((15..=35).contains(&millis), "{millis}");
}

#[test]
fn the_settings_are_rules_that_a_reset_brings_back() {
    let faults = faults_of(FaultsSetting { error_probability: 1.0, latency_ms: 7 });
    let (put, list) = (target(Operation::PutRecord, "orders", "0"), target(Operation::ListStreams, "", ""));
    let entry = target(Operation::PutRecords, "orders", "0");
    let seen = |faults: &Faults| {
        [faults.on_call(&put), faults.on_call(&list), faults.on_call(&entry), faults.on_entry(&entry)]
            .map(|verdict| (verdict.failure.is_some(), verdict.delay.as_millis()))
    };
    let expected = [(true, 7), (false, 7), (false, 7), (true, 0)];
    assert_eq!(seen(&faults), expected);
    faults.clear();
    assert!(faults.is_quiet());
    assert_eq!(seen(&faults), [(false, 0); 4]);
    faults.add(vec![RuleText { error: Some("internal".into()), ..RuleText::default() }]).unwrap();
    faults.reset();
    assert_eq!(seen(&faults), expected);
    assert!(faults_of(FaultsSetting::default()).is_quiet());
}

#[test]
fn rules_come_and_go_by_their_ids() {
    let faults = faults(r#"[{"error": "internal"}, {"latency_ms": 1}]"#);
    let ids: Vec<_> = faults.list().iter().map(ShownRule::id).collect();
    assert!(faults.remove(ids[0]));
    assert!(!faults.remove(ids[0]));
    assert_eq!(faults.list().len(), 1);
    assert!(!faults.is_quiet());
    let wrong = vec![RuleText { latency_ms: Some(1), ..RuleText::default() }, RuleText::default()];
    assert!(faults.add(wrong).is_err());
    assert_eq!(faults.list().len(), 1, "all or none");
    let many = vec![RuleText { latency_ms: Some(1), ..RuleText::default() }; RULES_MAX];
    assert!(faults.add(many).is_err());
}

#[test]
fn a_seed_repeats_what_a_rule_draws() {
    let drawn = || {
        let faults = Faults::new(
            FaultsSetting::default(),
            ManualClock::starting_at(Duration::ZERO).shared(),
            SystemEntropy::shared(),
        );
        let rule = r#"[{"probability": 0.5, "seed": 9, "error": "internal", "jitter_ms": 1000}]"#;
        faults.add(serde_json::from_str(rule).unwrap()).unwrap();
        let put = target(Operation::PutRecord, "orders", "0");
        (0..50).map(|_| faults.on_call(&put)).collect::<Vec<_>>()
    };
    let first = drawn();
    assert_eq!(first, drawn());
    assert!(first.iter().any(|verdict| verdict.failure.is_some()));
    assert!(first.iter().any(|verdict| verdict.failure.is_none()));
}
