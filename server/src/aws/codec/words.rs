//! What is said of a value of the wrong type, in the words of each service.

use std::borrow::Cow;

use super::blob::base64_complaint;
use super::number::Number;
use super::token::Token;
use crate::aws::validation::clipped;

/// Whose words are used. CloudWatch's are those of Kinesis, and it takes numbers that are written as text: one of
/// its protocols has nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    Kinesis,
    DynamoDb,
    CloudWatch,
}

/// What the model expects of a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    Text,
    Blob,
    Boolean,
    Integer,
    Long,
    Double,
    Time,
    /// With the list's class as Java writes it.
    List(fn() -> String),
    Map(fn() -> String),
    Structure(&'static str),
}

impl Words {
    pub(super) fn takes_numbers_as_text(self) -> bool {
        self == Self::CloudWatch
    }

    /// A value of another type was found. Inside a list or map, DynamoDB says so in other words.
    pub(super) fn mismatch(
        self,
        expected: Expected,
        found: &Token<'_>,
        in_collection: bool,
    ) -> Cow<'static, str> {
        match self {
            Self::Kinesis | Self::CloudWatch => kinesis_mismatch(expected, found),
            Self::DynamoDb => dynamodb_mismatch(expected, found, in_collection),
        }
    }

    /// A text was found where a boolean is expected, and it names none. `text` is in capitals.
    pub(super) fn not_boolean(self, text: &str) -> Cow<'static, str> {
        match self {
            Self::Kinesis | Self::CloudWatch => {
                format!("'{}' can not be converted to an Boolean", clipped(text)).into()
            }
            Self::DynamoDb => "Unexpected token received from parser".into(),
        }
    }

    pub(super) fn not_base64(self, text: &str) -> Cow<'static, str> {
        let complaint = base64_complaint(text);
        match self {
            Self::Kinesis | Self::CloudWatch => {
                format!("'{}' can not be converted to a Blob: {complaint}", clipped(text)).into()
            }
            Self::DynamoDb => complaint.into(),
        }
    }
}

fn kinesis_mismatch(expected: Expected, found: &Token<'_>) -> Cow<'static, str> {
    const LIST_FOUND: &str = "Start of list found where not expected";
    const MAP_FOUND: &str = "Start of structure or map found where not expected.";
    let class = match found {
        Token::List(_) => return LIST_FOUND.into(),
        Token::Map(_) => return MAP_FOUND.into(),
        Token::Boolean(_) => "java.lang.Boolean",
        Token::Number(_) => "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
        Token::Bytes(_) => "java.nio.HeapByteBuffer",
        Token::Text(_) | Token::Null => "java.lang.String",
    };
    let target = match expected {
        Expected::List(_) => return "Expected list or null".into(),
        Expected::Map(_) => return "Expected map or null".into(),
        Expected::Structure(_) => return "Expected null".into(),
        Expected::Text => "an String",
        Expected::Blob => "a Blob",
        Expected::Boolean => "an Boolean",
        Expected::Integer => "an Integer",
        Expected::Long => "an Long",
        Expected::Double => "an Double",
        Expected::Time => "milliseconds since epoch",
    };
    format!("class {class} can not be converted to {target}").into()
}

fn dynamodb_mismatch(expected: Expected, found: &Token<'_>, in_collection: bool) -> Cow<'static, str> {
    const MAP_FOUND: &str = "Start of structure or map found where not expected";
    let target = match expected {
        Expected::Text => "String",
        Expected::Boolean => "Boolean",
        Expected::Integer => "Integer",
        Expected::Long => "Long",
        Expected::Double => "Double",
        Expected::Time => "Date",
        Expected::Blob | Expected::List(_) | Expected::Map(_) | Expected::Structure(_) => "",
    };
    match (found, expected) {
        (Token::Map(_), _) => MAP_FOUND.into(),
        (Token::List(_), Expected::List(class) | Expected::Map(class)) => {
            format!("Unrecognized collection type {}", class()).into()
        }
        (Token::List(_), Expected::Structure(class)) => {
            format!("Unrecognized collection type class {class}").into()
        }
        (Token::List(_), Expected::Blob) => "Unrecognized collection type class java.nio.ByteBuffer".into(),
        (Token::List(_), Expected::Time) => "Unrecognized collection type class java.util.Date".into(),
        (Token::List(_), _) => format!("Unrecognized collection type class java.lang.{target}").into(),
        (_, Expected::List(_) | Expected::Map(_) | Expected::Structure(_)) => {
            if in_collection { "Unexpected value type in payload" } else { "Unexpected field type" }.into()
        }
        (_, Expected::Blob) => "only base-64-encoded strings are convertible to bytes".into(),
        (found, _) => format!("{} cannot be converted to {target}", token_name(found)).into(),
    }
}

/// The parser's name of a scalar.
fn token_name(found: &Token<'_>) -> &'static str {
    match found {
        Token::Boolean(true) => "TRUE_VALUE",
        Token::Boolean(false) => "FALSE_VALUE",
        Token::Number(Number::Decimal(digits)) if digits.contains(['.', 'e', 'E']) => "DECIMAL_VALUE",
        Token::Number(Number::Float(_)) => "DECIMAL_VALUE",
        Token::Number(_) => "NUMBER_VALUE",
        _ => "STRING_VALUE",
    }
}
