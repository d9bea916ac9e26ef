use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ARN: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/orders";

fn subject() -> Subject {
    Subject { service: "kinesis", actions: &["GetRecords", "PutRecord", "PutRecords"], arn: ARN.to_owned() }
}

fn checked(policy: &Value) -> Result<(), String> {
    check(&policy.to_string(), &subject()).map_err(|fault| fault.to_string())
}

fn policy() -> Value {
    json!({
        "Version": "2012-10-17",
        "Id": "sharing",
        "Statement": [{
            "Sid": "Writers",
            "Effect": "Allow",
            "Principal": {"AWS": "210987654321"},
            "Action": ["kinesis:PutRecord", "kinesis:PutRecords"],
            "Resource": ARN,
        }],
    })
}

/// The policy with an element of its statement set to something else; `null` takes it away.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut policy = policy();
    let statement = policy["Statement"][0].as_object_mut().unwrap();
    for (name, value) in changes {
        if value.is_null() {
            statement.remove(*name);
        } else {
            statement.insert((*name).to_owned(), value.clone());
        }
    }
    policy
}

fn accepts(changes: &[(&str, Value)]) {
    assert_eq!(checked(&with(changes)), Ok(()), "{changes:?}");
}

fn refuses(changes: &[(&str, Value)], why: &str) {
    let fault = checked(&with(changes)).unwrap_err();
    assert!(fault.contains(why), "{changes:?}: {fault}");
}

#[test]
fn policies_as_they_are_written_are_taken() {
    assert_eq!(checked(&policy()), Ok(()));
    // One statement needs no list, and most elements may be left out.
    let statement = json!({"Effect": "Deny", "Principal": "*", "Action": "kinesis:*", "Resource": "*"});
    assert_eq!(checked(&json!({"Statement": statement})), Ok(()));
    assert_eq!(checked(&json!({"Version": "2008-10-17", "Statement": [statement, statement]})), Ok(()));
}

#[test]
fn other_texts_are_malformed() {
    let statement = policy()["Statement"][0].to_string();
    for text in [
        "",
        "policy",
        "[]",
        "{}",
        "null",
        "{\"Statement\": []}",
        "{\"Statement\": 5}",
        "{\"Statement\": \"Allow\"}",
        "{\"Statement\": [[]]}",
        &format!("{{\"Statement\": {statement}"),
        &format!("{{\"Statement\": {statement}}} and more"),
        &format!("{{\"statement\": {statement}}}"),
        &format!("{{\"Statement\": {statement}, \"Statement\": {statement}}}"),
        &format!("{{\"Statement\": {statement}, \"Name\": \"x\"}}"),
        &format!("{{\"Version\": 2012, \"Statement\": {statement}}}"),
        &format!("{{\"Version\": \"2012-10-18\", \"Statement\": {statement}}}"),
        &"[".repeat(10_000),
        &"{\"Statement\":".repeat(1000),
    ] {
        assert!(check(text, &subject()).is_err(), "{text}");
    }
    refuses(&[("Effects", json!("Allow"))], "unknown field `Effects`");
    refuses(&[("Effect", json!("allow"))], "unknown variant `allow`");
    refuses(&[("Effect", Value::Null)], "missing field `Effect`");
    refuses(&[("Sid", json!(7))], "invalid type");
}

#[test]
fn a_policy_has_at_most_twenty_kibibytes() {
    let text = policy().to_string();
    let filled = |bytes: usize| text.clone() + &" ".repeat(bytes - text.len());
    assert_eq!(check(&filled(20 * 1024), &subject()), Ok(()));
    let fault = check(&filled(20 * 1024 + 1), &subject()).unwrap_err();
    assert_eq!(fault, PolicyFault::TooLarge(20 * 1024 + 1));
    assert_eq!(fault.to_string(), "The policy has 20481 bytes, of which there may be 20480.");
}

#[test]
fn sids_are_told_apart() {
    let mut policy = policy();
    let statement = policy["Statement"][0].clone();
    policy["Statement"].as_array_mut().unwrap().push(statement);
    assert_eq!(checked(&policy).unwrap_err(), "The policy is not valid: the Sid \"Writers\" is there twice.");
    policy["Statement"][1]["Sid"] = json!("Others");
    assert_eq!(checked(&policy), Ok(()));
}

#[test]
fn somebody_must_be_named() {
    for principal in [
        json!("*"),
        json!({"AWS": "*"}),
        json!({"AWS": ["123456789012", "arn:aws:iam::123456789012:root"]}),
        json!({"AWS": "arn:aws-cn:iam::123456789012:role/path/name"}),
        json!({"AWS": "arn:aws:sts::123456789012:assumed-role/role/session"}),
        json!({"Service": "lambda.amazonaws.com", "AWS": []}),
        json!({"Federated": "cognito-identity.amazonaws.com"}),
        json!({"CanonicalUser": "0".repeat(64)}),
    ] {
        accepts(&[("Principal", principal.clone())]);
        accepts(&[("Principal", Value::Null), ("NotPrincipal", principal), ("Effect", json!("Deny"))]);
    }
    refuses(&[("Principal", Value::Null)], "has no Principal");
    refuses(&[("NotPrincipal", json!("*"))], "both Principal and NotPrincipal");
    refuses(&[("Principal", Value::Null), ("NotPrincipal", json!("*"))], "Effect Deny alone");
    refuses(&[("Principal", json!({}))], "names nobody");
    refuses(&[("Principal", json!({"AWS": []}))], "names nobody");
    for principal in [json!("123456789012"), json!(5), json!(["*"]), json!({"AWS": {}}), json!({"User": "*"})]
    {
        refuses(&[("Principal", principal)], "malformed");
    }
    for wrong in
        ["", "12345", "bob", "arn:aws:iam::123456789012:user/*", "arn:aws:iam::1:root", "12345678901*"]
    {
        refuses(&[("Principal", json!({"AWS": wrong}))], "is not a principal");
    }
    refuses(&[("Principal", json!({"Service": "example.com"}))], "is not a principal");
}

#[test]
fn actions_are_those_of_the_subject() {
    for action in [
        json!("*"),
        json!("kinesis:*"),
        json!("kinesis:Put*"),
        json!("Kinesis:putrecord"),
        json!(["kinesis:?etRecords"]),
    ] {
        accepts(&[("Action", action)]);
    }
    for wrong in [
        "",
        "PutRecord",
        "kinesis",
        "kinesis:",
        "kinesis:DeleteStream",
        "kinesis:Putt*",
        "s3:*",
        "kinesis:PutRecord:x",
    ] {
        refuses(&[("Action", json!(["kinesis:PutRecord", wrong]))], "is none that can be allowed");
    }
    refuses(&[("Action", json!([]))], "empty");
    refuses(&[("Action", Value::Null)], "has no Action");
    refuses(&[("NotAction", json!("kinesis:GetRecords"))], "both Action and NotAction");
    accepts(&[("Action", Value::Null), ("NotAction", json!(["s3:GetObject", "kinesis:Delete*", "*"]))]);
    for wrong in ["", "Delete", "kinesis:", ":x", "a b:c"] {
        refuses(&[("Action", Value::Null), ("NotAction", json!(wrong))], "service:action");
    }
}

#[test]
fn resources_are_the_subject() {
    for resource in [
        json!("*"),
        json!("arn:aws:kinesis:us-east-1:123456789012:stream/*"),
        json!("arn:aws:kinesis:*:*:stream/ord?rs"),
        json!([ARN, "arn:*:*:*:*:*"]),
        json!("arn:aws:kinesis:us-east-1:123456789012:stream/${aws:PrincipalTag/stream}"),
    ] {
        accepts(&[("Resource", resource)]);
    }
    for (wrong, why) in [
        ("", "is not an ARN"),
        ("orders", "is not an ARN"),
        ("arn:aws:kinesis", "is not an ARN"),
        ("arn:aws:kinesis:us-east-1:123456789012:stream/returns", "which the policy is for"),
        ("arn:aws:kinesis:us-east-1:210987654321:stream/orders", "which the policy is for"),
        ("arn:aws:kinesis:us-east-1:123456789012:stream/Orders", "which the policy is for"),
    ] {
        refuses(&[("Resource", json!([ARN, wrong]))], why);
    }
    refuses(&[("Resource", json!([]))], "empty");
    refuses(&[("Resource", Value::Null)], "has no Resource");
    accepts(&[("Resource", Value::Null), ("NotResource", json!("arn:aws:kinesis:*:*:stream/other"))]);
    refuses(&[("Resource", Value::Null), ("NotResource", json!("other"))], "is not an ARN");
}

#[test]
fn conditions_are_operators_with_keys_and_values() {
    for condition in [
        json!({}),
        json!({"StringEquals": {"aws:SourceArn": ["a", "b"]}}),
        json!({"StringLikeIfExists": {"aws:ResourceTag/team name": "*"}}),
        json!({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}, "Bool": {"aws:SecureTransport": true}}),
        json!({"ForAllValues:StringNotLikeIfExists": {"aws:TagKeys": ["a"]}}),
        json!({"NumericLessThan": {"aws:MultiFactorAuthAge": 3600, "kinesis:FisInjectPercentage": ["1.5", -2]}}),
        json!({"DateGreaterThan": {"aws:CurrentTime": ["2026-01-02T03:04:05Z", "2026-01-02", "1767323045"]}}),
        json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]}}),
        json!({"ArnLike": {"aws:SourceArn": "arn:aws:*:*:*:*"}}),
        json!({"BinaryEquals": {"x:y": "AAE="}, "Null": {"aws:TokenIssueTime": "true"}}),
    ] {
        accepts(&[("Condition", condition)]);
    }
    for (condition, why) in [
        (json!("x"), "malformed"),
        (json!({"StringEquals": []}), "malformed"),
        (json!({"StringEquals": {"aws:x": {}}}), "malformed"),
        (json!({"StringEquals": {"aws:x": [[]]}}), "malformed"),
        (json!({"StringEquals": {"aws:x": [null]}}), "malformed"),
        (json!({"StringEquals": {}}), "has no key"),
        (json!({"StringEquals": {"aws:x": []}}), "has no value"),
        (json!({"StringEqual": {"aws:x": "a"}}), "no operator"),
        (json!({"NullIfExists": {"aws:x": "true"}}), "no operator"),
        (json!({"ForSomeValues:StringEquals": {"aws:x": "a"}}), "no operator"),
        (json!({"StringEquals": {"x": "a"}}), "no condition key"),
        (json!({"StringEquals": {"a b:": "a"}}), "no condition key"),
        (json!({"NumericEquals": {"aws:x": "one"}}), "compares"),
        (json!({"NumericEquals": {"aws:x": "NaN"}}), "compares"),
        (json!({"DateEquals": {"aws:x": "tomorrow"}}), "compares"),
        (json!({"Bool": {"aws:x": "yes"}}), "compares"),
        (json!({"IpAddress": {"aws:x": "10.0.0.0/33"}}), "compares"),
        (json!({"IpAddress": {"aws:x": "10.0.0"}}), "compares"),
        (json!({"ArnEquals": {"aws:x": "orders"}}), "compares"),
        (json!({"BinaryEquals": {"aws:x": "A"}}), "compares"),
    ] {
        refuses(&[("Condition", condition)], why);
    }
    let twice = policy().to_string().replace(
        "\"Effect\":\"Allow\"",
        "\"Effect\":\"Allow\",\"Condition\":{\"Bool\":{\"a:b\":true},\"Bool\":{\"a:b\":false}}",
    );
    let fault = check(&twice, &subject()).unwrap_err().to_string();
    assert!(fault.contains("duplicate key `Bool`"), "{fault}");
}

/// A document that is near to a policy: each element is right, or of another kind.
fn near_policy() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        Just(json!("*")),
        Just(json!("Allow")),
        Just(json!(ARN)),
        Just(json!("kinesis:Put*")),
        Just(json!({"AWS": "123456789012"})),
        Just(json!({"StringEquals": {"aws:x": "a"}})),
        ".{0,9}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let values = words.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("AWS|Service|Bool|StringLike|aws:x", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let elements = "Sid|Effect|(Not)?Principal|(Not)?Action|(Not)?Resource|Condition|.{0,3}";
    prop::collection::vec((elements, values), 0..4).prop_map(|changes| {
        let changes: Vec<_> = changes.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        with(&changes).to_string()
    })
}

proptest! {
    #[test]
    fn any_text_is_checked_without_harm(text in ".{0,300}") {
        prop_assert!(check(&text, &subject()).is_err());
    }

    #[test]
    fn whatever_is_near_a_policy_is_checked_without_harm(text in near_policy()) {
        if let Err(fault) = check(&text, &subject()) {
            prop_assert!(fault.to_string().len() < text.len() + 300);
        }
    }

    #[test]
    fn cut_and_changed_policies_are_checked_without_harm(end in 0_usize..300, place in 0_usize..300, byte in 0_u8..128) {
        let mut text = policy().to_string().into_bytes();
        let place = place % text.len();
        text[place] = byte;
        text.truncate(end.max(1));
        if let Ok(text) = String::from_utf8(text) {
            let _ = check(&text, &subject());
        }
    }
}
