//! What is made of a record before it is put: steps, one after the other, each from bytes to bytes.
//!
//! A record comes without the line end that ended it, and leaves without one. Where a step cannot read what it is given it
//! says why; what is done then is not decided here. Members of JSON objects keep the order of their configuration.

mod csv;
mod log;

use serde::de::IgnoredAny;
use serde_json::Value;

pub use self::csv::{Columns, CsvToJson};
pub use self::log::{LogFormat, LogToJson};

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Conversion {
    /// Lines without the blanks around them, one behind the other (`SINGLELINE`).
    SingleLine,
    /// `CSVTOJSON`.
    Csv(CsvToJson),
    /// `LOGTOJSON`.
    Log(LogToJson),
    /// JSON without blanks and line ends.
    CompactJson,
    /// An object of these metadata and the record as a text (`ADDMETADATA`).
    AddMetadata { metadata: Value, style: JsonStyle },
    /// Braces around it (`ADDBRACKETS`).
    Brackets,
}

/// How JSON is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JsonStyle {
    #[default]
    Compact,
    Pretty,
}

/// A record does not have the form that it should be read in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unconvertible(pub(crate) String);

impl Conversion {
    pub(crate) fn apply(&self, record: &[u8]) -> Result<Vec<u8>, Unconvertible> {
        match self {
            Self::SingleLine => Ok(single_line(record)),
            Self::Csv(csv) => csv.apply(record),
            Self::Log(log) => log.apply(record),
            Self::CompactJson => compact(record),
            Self::AddMetadata { metadata, style } => {
                let data = Value::from(String::from_utf8_lossy(record));
                Ok(object(&[("metadata", metadata.clone()), ("data", data)], *style))
            }
            Self::Brackets => Ok([b"{", record, b"}"].concat()),
        }
    }
}

/// All steps.
pub(crate) fn convert(steps: &[Conversion], record: &[u8]) -> Result<Vec<u8>, Unconvertible> {
    let mut record = record.to_vec();
    for step in steps {
        record = step.apply(&record)?;
    }
    Ok(record)
}

fn single_line(record: &[u8]) -> Vec<u8> {
    record.split(|byte| *byte == b'\n').flat_map(<[u8]>::trim_ascii).copied().collect()
}

fn compact(record: &[u8]) -> Result<Vec<u8>, Unconvertible> {
    serde_json::from_slice::<IgnoredAny>(record)
        .map_err(|error| Unconvertible(format!("it is no JSON: {error}")))?;
    let mut compact = Vec::with_capacity(record.len());
    let (mut is_text, mut is_escaped) = (false, false);
    for &byte in record {
        if is_text || !byte.is_ascii_whitespace() {
            compact.push(byte);
        }
        let is_quote = byte == b'"' && !is_escaped;
        is_escaped = is_text && byte == b'\\' && !is_escaped;
        is_text ^= is_quote;
    }
    Ok(compact)
}

/// A JSON object with its members in this order.
fn object(members: &[(&str, Value)], style: JsonStyle) -> Vec<u8> {
    let (open, between, colon, close) = match style {
        JsonStyle::Compact => ("{", ",", ":", "}"),
        JsonStyle::Pretty => ("{\n  ", ",\n  ", " : ", "\n}"),
    };
    let mut text = open.to_owned();
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            text.push_str(between);
        }
        text.push_str(&Value::from(*name).to_string());
        text.push_str(colon);
        text.push_str(&value.to_string());
    }
    text.push_str(close);
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn applied(step: &Conversion, record: &str) -> String {
        String::from_utf8(step.apply(record.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn lines_become_one() {
        assert_eq!(applied(&Conversion::SingleLine, "  {\n  \"a\": 1\r\n}  "), "{\"a\": 1}");
        assert_eq!(applied(&Conversion::SingleLine, ""), "");
    }

    #[test]
    fn json_loses_what_is_between() {
        let text = "{ \"a b\" : \"c \\\" d\\\\\" ,\n\t\"e\" : [ 1 , 2 ] }";
        assert_eq!(applied(&Conversion::CompactJson, text), r#"{"a b":"c \" d\\","e":[1,2]}"#);
        let error = Conversion::CompactJson.apply(b"{\"a\":").unwrap_err();
        assert!(error.to_string().contains("no JSON"), "{error}");
        assert!(Conversion::CompactJson.apply(b"{} {}").is_err());
    }

    #[test]
    fn a_record_is_wrapped() {
        assert_eq!(applied(&Conversion::Brackets, "hello"), "{hello}");
        let metadata = json!({"host": "a", "tags": {"x": 1}});
        let style = JsonStyle::Compact;
        let step = Conversion::AddMetadata { metadata: metadata.clone(), style };
        assert_eq!(
            applied(&step, "a \"line\""),
            r#"{"metadata":{"host":"a","tags":{"x":1}},"data":"a \"line\""}"#
        );
        let pretty = Conversion::AddMetadata { metadata: json!(1), style: JsonStyle::Pretty };
        assert_eq!(applied(&pretty, "b"), "{\n  \"metadata\" : 1,\n  \"data\" : \"b\"\n}");
    }

    #[test]
    fn steps_follow_one_another() {
        let steps = [Conversion::SingleLine, Conversion::CompactJson];
        assert_eq!(convert(&steps, b"{\n  \"a\": 1\n}").unwrap(), b"{\"a\":1}");
        assert_eq!(convert(&[], b"as it is").unwrap(), b"as it is");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(".{0,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Whatever was between, the same is said in as few bytes as serde_json's.
        #[test]
        fn compact_json_says_the_same(value in value()) {
            let spread = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(applied(&Conversion::CompactJson, &spread), value.to_string());
        }

        #[test]
        fn nothing_panics(record: Vec<u8>) {
            for step in [Conversion::SingleLine, Conversion::CompactJson, Conversion::Brackets] {
                let _ = step.apply(&record);
            }
        }
    }
}
