//! When a statement applies: operators, keys of the request, and values that they are compared with.

use std::fmt;
use std::net::IpAddr;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::PolicyFault;
use super::document::{OneOrMany, UniqueMap};
use crate::aws::validation::expression::Expression;

/// Operators, for each the keys that it looks at, for each the values of which one must fit.
pub(super) type Condition = UniqueMap<UniqueMap<OneOrMany<Value>>>;

/// A text, or a number or boolean that was written without quotes.
#[derive(Debug)]
pub(super) struct Value(String);

/// What values an operator compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Date,
    Boolean,
    Base64,
    Address,
    Arn,
}

const OPERATORS: &[(&str, Kind)] = &[
    ("StringEquals", Kind::Text),
    ("StringNotEquals", Kind::Text),
    ("StringEqualsIgnoreCase", Kind::Text),
    ("StringNotEqualsIgnoreCase", Kind::Text),
    ("StringLike", Kind::Text),
    ("StringNotLike", Kind::Text),
    ("NumericEquals", Kind::Number),
    ("NumericNotEquals", Kind::Number),
    ("NumericLessThan", Kind::Number),
    ("NumericLessThanEquals", Kind::Number),
    ("NumericGreaterThan", Kind::Number),
    ("NumericGreaterThanEquals", Kind::Number),
    ("DateEquals", Kind::Date),
    ("DateNotEquals", Kind::Date),
    ("DateLessThan", Kind::Date),
    ("DateLessThanEquals", Kind::Date),
    ("DateGreaterThan", Kind::Date),
    ("DateGreaterThanEquals", Kind::Date),
    ("Bool", Kind::Boolean),
    ("BinaryEquals", Kind::Base64),
    ("IpAddress", Kind::Address),
    ("NotIpAddress", Kind::Address),
    ("ArnEquals", Kind::Arn),
    ("ArnNotEquals", Kind::Arn),
    ("ArnLike", Kind::Arn),
    ("ArnNotLike", Kind::Arn),
    ("Null", Kind::Boolean),
];

/// Seconds since the epoch, or ISO 8601 from a year to a fraction of a second.
static DATE: Expression = Expression::new(
    r"^([0-9]{1,19}|[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?)$",
);

pub(super) fn check(condition: &Condition) -> Result<(), PolicyFault> {
    for (operator, keys) in &condition.0 {
        let kind = kind_of(operator)
            .ok_or_else(|| PolicyFault::invalid(format!("{operator:?} is no operator of conditions")))?;
        if keys.0.is_empty() {
            return Err(PolicyFault::invalid(format!("the condition {operator} has no key")));
        }
        for (key, values) in &keys.0 {
            check_key(key)?;
            if values.0.is_empty() {
                return Err(PolicyFault::invalid(format!("the condition key {key:?} has no value")));
            }
            if let Some(Value(wrong)) = values.0.iter().find(|value| !kind.takes(&value.0)) {
                let text = format!("{wrong:?} is not a value that {operator} compares {key:?} with");
                return Err(PolicyFault::Invalid(text));
            }
        }
    }
    Ok(())
}

/// An operator may be about sets of values, and about keys that a request may not have.
fn kind_of(operator: &str) -> Option<Kind> {
    let prefixes = ["ForAllValues:", "ForAnyValue:"];
    let of_sets = prefixes.into_iter().find_map(|prefix| operator.strip_prefix(prefix));
    let operator = of_sets.unwrap_or(operator);
    let if_exists = operator.strip_suffix("IfExists").filter(|operator| *operator != "Null");
    let operator = if_exists.unwrap_or(operator);
    OPERATORS.iter().find(|(name, _)| *name == operator).map(|(_, kind)| *kind)
}

/// `service:name`, and behind a `/` perhaps whose tag is meant.
fn check_key(key: &str) -> Result<(), PolicyFault> {
    let is_key = key.split_once(':').is_some_and(|(service, name)| {
        !name.is_empty()
            && !service.is_empty()
            && service.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    if is_key { Ok(()) } else { Err(PolicyFault::invalid(format!("{key:?} is no condition key"))) }
}

impl Kind {
    fn takes(self, value: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Date => DATE.matches(value),
            Self::Boolean => ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)),
            Self::Base64 => base64_simd::STANDARD.check(value.as_bytes()).is_ok(),
            Self::Address => is_range_of_addresses(value),
            // Wildcards and variables may stand for its beginning.
            Self::Arn => ["arn:", "*", "${"].iter().any(|start| value.starts_with(start)),
        }
    }
}

/// An address, or the first one and how many bits of it are the same in all of them.
fn is_range_of_addresses(value: &str) -> bool {
    let (address, bits) =
        value.split_once('/').map_or((value, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= bits_max))
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

/// Takes a value as the text that stands for it.
macro_rules! visit_scalar {
    ($($visit:ident($value:ty);)*) => {
        $(fn $visit<E: de::Error>(self, value: $value) -> Result<Value, E> {
            Ok(Value(value.to_string()))
        })*
    };
}

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, number or boolean")
    }

    visit_scalar! {
        visit_str(&str);
        visit_bool(bool);
        visit_u64(u64);
        visit_i64(i64);
        visit_f64(f64);
    }
}
