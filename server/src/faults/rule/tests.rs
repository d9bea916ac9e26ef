use proptest::prelude::*;

use super::*;

fn refused(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(text) => Rule::new(text).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_cannot_be_is_told() {
    for (json, word) in [
        ("{}", "nothing is to happen"),
        (r#"{"eror": "internal"}"#, "unknown field `eror`"),
        (r#"{"error": "oops"}"#, "oops is neither throttling nor internal"),
        (
            r#"{"operation": "PutRecord", "error": "ResourceInUseException"}"#,
            "PutRecord does not answer ResourceInUse",
        ),
        (r#"{"operation": "putrecord", "error": "internal"}"#, "operation: there is no putrecord"),
        (
            r#"{"operation": "PutRecord", "entries": true, "error": "internal"}"#,
            "only PutRecords has entries",
        ),
        (r#"{"operation": "PutRecord", "cut_after_bytes": 1}"#, "PutRecord is no subscription"),
        (r#"{"stream": "a b", "error": "internal"}"#, "stream: "),
        (
            r#"{"operation": "ListStreams", "shard": "1", "error": "internal"}"#,
            "ListStreams is not about a shard",
        ),
        (r#"{"service": "dynamodb", "stream": "a", "latency_ms": 1}"#, "of the service kinesis"),
        (r#"{"service": "kinesis", "table": "a", "latency_ms": 1}"#, "the service kinesis has none"),
        (r#"{"table": "a", "stream": "b", "latency_ms": 1}"#, "no call is about a table and a stream"),
        (r#"{"shard": "first", "error": "internal"}"#, "\"first\" is no shard's id"),
        (r#"{"probability": 1.5, "error": "internal"}"#, "from 0 to 1"),
        (r#"{"probability": -0.1, "error": "internal"}"#, "from 0 to 1"),
        (r#"{"probability": 0.1, "first": 3, "error": "internal"}"#, "at most one of probability, call"),
        (r#"{"call": 0, "error": "internal"}"#, "counted from 1"),
        (r#"{"every": 0, "error": "internal"}"#, "counted from 1"),
        (r#"{"times": 0, "error": "internal"}"#, "times: "),
        (r#"{"cut_after_bytes": 1, "cut_after_events": 1}"#, "at most one of cut_after_events"),
        (r#"{"cut_after_bytes": 1, "latency_ms": 1}"#, "make two rules"),
        (r#"{"cut_after_events": 1, "error": "internal", "latency_ms": 1}"#, "make two rules"),
        (r#"{"cut_after_bytes": 1, "error": "internal"}"#, "make two rules"),
        (r#"{"cut_after_events": 1, "error": "oops"}"#, "oops is neither throttling nor internal"),
        (r#"{"cut_after_events": 1, "error": "throttling"}"#, "does not end with throttling"),
        (
            r#"{"cut_after_events": 1, "error": "AccessDeniedException"}"#,
            "does not end with AccessDeniedException",
        ),
        (r#"{"latency_ms": 300000, "jitter_ms": 1}"#, "at most 300000"),
        (r#"{"latency_ms": 18446744073709551615, "jitter_ms": 18446744073709551615}"#, "at most 300000"),
        (r#"{"latency_ms": 1, "message": "slow"}"#, "message: "),
    ] {
        let error = refused(json);
        assert!(error.contains(word), "{json}: {error}");
    }
}

#[test]
fn a_rule_is_shown_as_it_was_written() {
    let json = r#"{"operation":"PutRecords","shard":"shardId-000000000003","every":5,"times":2,"error":"throttling"}"#;
    let rule = Rule::new(serde_json::from_str(json).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&rule.text).unwrap(), json);
}

fn target() -> Target {
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
    let account = "000000000000".parse().unwrap();
    let call = Call::Kinesis(Operation::PutRecord);
    Target { call, account, stream: arn.parse().ok(), shard: None, table: None }
}

/// Which of so many calls a rule applies to, by their numbers from 1, when `draws` are drawn in turn.
fn hits(when: &str, draws: &[u64]) -> Vec<u64> {
    let text = serde_json::from_str(&format!(r#"{{"error": "internal", {when}}}"#)).unwrap();
    let mut rule = Rule::new(text).unwrap();
    let numbered = (1..).zip(draws);
    numbered
        .filter(|(_, draw)| rule.look(Part::Call, &target(), || **draw).is_some())
        .map(|(number, _)| number)
        .collect()
}

proptest! {
    #[test]
    fn calls_are_counted_as_they_should_be(
        number in 1_u64..20, times in 1_u64..5, draws in prop::collection::vec(any::<u64>(), 0..60),
    ) {
        let last = draws.len() as u64;
        let expected = |wanted: &dyn Fn(u64) -> bool| (1..=last).filter(|call| wanted(*call)).collect::<Vec<_>>();
        prop_assert_eq!(hits(&format!(r#""call": {number}"#), &draws), expected(&|call| call == number));
        prop_assert_eq!(hits(&format!(r#""every": {number}"#), &draws), expected(&|call| call % number == 0));
        prop_assert_eq!(hits(&format!(r#""first": {number}"#), &draws), expected(&|call| call <= number));
        prop_assert_eq!(hits(&format!(r#""times": {times}"#), &draws), expected(&|call| call <= times));
        let both = hits(&format!(r#""every": {number}, "times": {times}"#), &draws);
        prop_assert_eq!(both, expected(&|call| call % number == 0 && call / number <= times));
    }

    #[test]
    fn a_probability_is_the_share_of_what_is_drawn(
        share in 0.0_f64..=1.0, draws in prop::collection::vec(any::<u64>(), 0..60),
    ) {
        let found = hits(&format!(r#""probability": {share:?}"#), &draws);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2^64 fits")]
        let below = (share * 2_f64.powi(64)) as u128;
        for (number, draw) in (1..).zip(&draws) {
            // What is lost in rounding is below one in 2^52.
            if u128::from(*draw).abs_diff(below) > 1 << 12 {
                prop_assert_eq!(found.contains(&number), u128::from(*draw) < below, "{} of {}", draw, share);
            }
        }
    }

    #[test]
    fn the_ends_of_a_probability_are_never_and_always(draws in prop::collection::vec(any::<u64>(), 0..60)) {
        prop_assert_eq!(hits(r#""probability": 0"#, &draws).len(), 0);
        prop_assert_eq!(hits(r#""probability": 1"#, &draws).len(), draws.len());
        prop_assert_eq!(hits(r#""probability": 1"#, &[u64::MAX]).len(), 1);
    }

    #[test]
    fn a_delay_is_within_its_jitter(latency in 0_u64..1000, jitter in 0_u64..1000, random: u64) {
        let delay = delay(Duration::from_millis(latency), Duration::from_millis(jitter), random);
        prop_assert!(delay >= Duration::from_millis(latency) && delay <= Duration::from_millis(latency + jitter));
    }

    #[test]
    fn any_text_is_a_rule_or_refused(operation in ".{0,9}", error in ".{0,9}", shard in ".{0,9}", share: f64) {
        let text = RuleText {
            operation: Some(operation), error: Some(error), shard: Some(shard), probability: Some(share),
            ..RuleText::default()
        };
        prop_assert!(Rule::new(text).is_err());
    }
}
