//! The generated predicates say what the model's patterns say, by the judgement of a regular expression
//! engine.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use regex::bytes::Regex;

use super::super::generated::PATTERNS;

/// Texts that come close: pieces of what patterns are made of.
const PIECES: &str = r"(arn|:|aws|-cn|kinesis|us-east-1|123456789012|stream|channel|queue|consumer|role|s3|glue|iam|schema|bucket|/|[a-z0-9]{1,24}|[A-Z_.\-$#@=+,!'*(){}%~ \\^\[\]\t]|[0-9]{1,40}|é|😀|0){0,16}";

fn agree(text: &str) -> Result<(), TestCaseError> {
    for (name, constraint) in PATTERNS {
        let pattern = constraint.pattern.unwrap();
        let pattern_text = pattern.shown.trim_start_matches('^').trim_end_matches('$');
        let regex = Regex::new(&format!(r"(?-u)\A(?:{pattern_text})\z")).unwrap();
        prop_assert_eq!((pattern.matches)(text), regex.is_match(text.as_bytes()), "{} {:?}", name, text);
    }
    Ok(())
}

#[test]
fn known_texts() {
    for text in [
        "",
        "0",
        "00",
        "orders",
        "Orders_1.a-b",
        "123456789012",
        "arn:aws:kinesis:us-east-1:123456789012:stream/orders",
        "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/orders/consumer/c:1700000000",
        "arn:aws:kinesis:us-east-1:123456789012:channel/c",
        "arn:aws:kinesis:us-east-1:123456789012:queue/q",
        "arn:aws:iam::123456789012:role/service/name@x",
        "arn:aws:s3:::bucket.name",
        "arn:aws:s3tables:us-east-1:123456789012:bucket/name",
        "arn:aws:glue:us-east-1:123456789012:schema/registry/schema$",
        "xarn:aws:s3:::bucket",
        "arn:aws:s3:::bucket\n",
        "abcdefghij0123456789-abc",
    ] {
        agree(text).unwrap();
    }
    let matched = |text: &str| PATTERNS.iter().filter(|(_, c)| (c.pattern.unwrap().matches)(text)).count();
    assert!(matched("arn:aws:kinesis:us-east-1:123456789012:stream/orders") >= 2);
}

/// In Java a dot is no line end and white space is ASCII's.
#[test]
fn javas_classes_are_kept() {
    let (_, stream_arn) = PATTERNS.iter().find(|(name, _)| *name == "STREAM_ARN").unwrap();
    let matches = stream_arn.pattern.unwrap().matches;
    let arn = |region: &str, name: &str| format!("arn:aws:kinesis:{region}:123456789012:stream/{name}");
    assert!(matches(&arn("é", "a\u{a0}b")));
    for line_end in ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"] {
        assert!(!matches(&arn(line_end, "a")), "{line_end:?}");
    }
    assert!(!matches(&arn("r", "a b")) && !matches(&arn("r", "a\u{b}b")));
    assert!(!matches("arn:aws:kinesis:r:１２３４５６７８９０１２:stream/a"));
}

proptest! {
    #[test]
    fn any_text(text in PIECES) {
        agree(&text)?;
    }
}
