//! What a query asks of the key: the hash key equals something, the range key perhaps meets a condition.
//!
//! Two stages, because the text is checked before the table is looked up: [`KeyConditions`] is what was said
//! of which attribute, [`KeyCondition`] is what it means for a schema.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::substitutions::Substitutions;
use super::tree::{Comparator, Condition, ExpressionKind, Operand};
use crate::error::{Error, Result};
use crate::key::{KeyElement, KeySchema, KeyValue};
use crate::value::Value;

/// What is asked of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTest {
    Equal(Value),
    Less(Value),
    LessOrEqual(Value),
    Greater(Value),
    GreaterOrEqual(Value),
    Between(Value, Value),
    BeginsWith(Value),
    /// Something that no index answers; only the legacy spelling can say it.
    NotIndexable,
}

/// What is asked of one or two attributes, whichever they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyConditions(BTreeMap<String, KeyTest>);

/// What is asked of the key of a table or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCondition {
    pub hash: KeyValue,
    pub range: Option<RangeCondition>,
}

/// What is asked of a range key. The values have its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeCondition {
    Equal(KeyValue),
    Less(KeyValue),
    LessOrEqual(KeyValue),
    Greater(KeyValue),
    GreaterOrEqual(KeyValue),
    /// Both bounds are within.
    Between(KeyValue, KeyValue),
    /// Never of a number.
    BeginsWith(KeyValue),
}

impl RangeCondition {
    /// Whether a range key, which has the type of the condition's values, meets the condition.
    pub fn holds(&self, range: &KeyValue) -> bool {
        match self {
            Self::Equal(value) => range == value,
            Self::Less(value) => range < value,
            Self::LessOrEqual(value) => range <= value,
            Self::Greater(value) => range > value,
            Self::GreaterOrEqual(value) => range >= value,
            Self::Between(lower, upper) => lower <= range && range <= upper,
            Self::BeginsWith(prefix) => match (range, prefix) {
                (KeyValue::S(text), KeyValue::S(prefix)) => text.starts_with(prefix.as_str()),
                (KeyValue::B(bytes), KeyValue::B(prefix)) => bytes.starts_with(prefix),
                _ => false,
            },
        }
    }
}

impl KeyConditions {
    /// The key condition that a text says.
    ///
    /// # Errors
    ///
    /// A validation error in AWS's words, when the text is no condition, or not one on keys.
    pub fn parse(text: &str, substitutions: &mut Substitutions) -> Result<Self> {
        let condition = Condition::parse(ExpressionKind::KeyCondition, text, substitutions)?;
        let mut tests = BTreeMap::new();
        collect(&condition, &mut tests).map_err(Error::Validation)?;
        Self::new(tests)
    }

    /// # Errors
    ///
    /// When there are not one or two attributes.
    pub fn new(tests: BTreeMap<String, KeyTest>) -> Result<Self> {
        if matches!(tests.len(), 1 | 2) {
            Ok(Self(tests))
        } else {
            Err(Error::Validation("Conditions can be of length 1 or 2 only".to_owned()))
        }
    }

    /// What is asked of the key that this schema is of.
    ///
    /// # Errors
    ///
    /// When it is not asked of this key, or the hash key is not given one value, or a value has another type
    /// than its attribute.
    pub fn resolve(&self, schema: &KeySchema) -> Result<KeyCondition> {
        let hash = self.test_of(&schema.hash)?;
        let range = match &schema.range {
            Some(element) if self.0.len() == 2 => Some(self.test_of(element)?),
            _ => None,
        };
        let has_others = self.0.keys().any(|name| !schema.has(name));
        if has_others {
            return Err(not_supported());
        }
        let KeyTest::Equal(value) = hash else { return Err(not_supported()) };
        Ok(KeyCondition {
            hash: key_value(&schema.hash, value)?,
            range: match (range, &schema.range) {
                (Some(test), Some(element)) => Some(range_condition(element, test)?),
                _ => None,
            },
        })
    }

    fn test_of(&self, element: &KeyElement) -> Result<&KeyTest> {
        match self.0.get(&element.name) {
            None => {
                Err(Error::Validation(format!("Query condition missed key schema element: {}", element.name)))
            }
            Some(KeyTest::NotIndexable) => {
                let text = "Attempted conditional constraint is not an indexable operation";
                Err(Error::Validation(text.to_owned()))
            }
            Some(test) => Ok(test),
        }
    }
}

fn not_supported() -> Error {
    Error::Validation("Query key condition not supported".to_owned())
}

fn range_condition(element: &KeyElement, test: &KeyTest) -> Result<RangeCondition> {
    let key = |value: &Value| key_value(element, value);
    Ok(match test {
        KeyTest::Equal(value) => RangeCondition::Equal(key(value)?),
        KeyTest::Less(value) => RangeCondition::Less(key(value)?),
        KeyTest::LessOrEqual(value) => RangeCondition::LessOrEqual(key(value)?),
        KeyTest::Greater(value) => RangeCondition::Greater(key(value)?),
        KeyTest::GreaterOrEqual(value) => RangeCondition::GreaterOrEqual(key(value)?),
        KeyTest::Between(lower, upper) => RangeCondition::Between(key(lower)?, key(upper)?),
        KeyTest::BeginsWith(value) => match key(value)? {
            KeyValue::N(_) => return Err(not_supported()),
            prefix => RangeCondition::BeginsWith(prefix),
        },
        KeyTest::NotIndexable => return Err(not_supported()),
    })
}

fn key_value(element: &KeyElement, value: &Value) -> Result<KeyValue> {
    let key = element
        .accept(value)
        .ok_or_else(|| Error::invalid_parameter("Condition parameter type does not match schema type"))?;
    let kind = match &key {
        KeyValue::S(text) if text.is_empty() => "string",
        KeyValue::B(bytes) if bytes.is_empty() => "binary",
        _ => return Ok(key),
    };
    Err(Error::Validation(format!(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain \
         an empty {kind} value. Key: {}",
        element.name
    )))
}

/// What a condition says of which attribute, or AWS's words for why that is no key condition.
fn collect(condition: &Condition, tests: &mut BTreeMap<String, KeyTest>) -> Result<(), String> {
    let (name, test) = match condition {
        Condition::And(parts) => return parts.iter().try_for_each(|part| collect(part, tests)),
        Condition::Compare { comparator: Comparator::NotEqual, .. } => return Err(invalid_operator("<>")),
        Condition::Compare { left, comparator, right } => comparison(left, *comparator, right)?,
        Condition::Between { operand, lower, upper } => {
            let name = key_operand("BETWEEN", operand)?;
            let [lower, upper] = [value_operand(lower)?, value_operand(upper)?];
            (name, KeyTest::Between(lower, upper))
        }
        Condition::BeginsWith { operand, prefix } => {
            let name = key_operand("begins_with", operand)?;
            (name, KeyTest::BeginsWith(value_operand(prefix)?))
        }
        Condition::Or(_) => return Err(invalid_operator("OR")),
        Condition::Not(_) => return Err(invalid_operator("NOT")),
        Condition::In { .. } => return Err(invalid_operator("IN")),
        Condition::Exists(_) => return Err(invalid_operator("attribute_exists")),
        Condition::NotExists(_) => return Err(invalid_operator("attribute_not_exists")),
        Condition::HasType { .. } => return Err(invalid_operator("attribute_type")),
        Condition::Contains { .. } => return Err(invalid_operator("contains")),
    };
    match tests.entry(name) {
        Entry::Vacant(place) => {
            place.insert(test);
            Ok(())
        }
        Entry::Occupied(_) => {
            Err("KeyConditionExpressions must only contain one condition per key".to_owned())
        }
    }
}

fn comparison(left: &Operand, comparator: Comparator, right: &Operand) -> Result<(String, KeyTest), String> {
    let (name, comparator, value) = match (left, right) {
        (Operand::Path(_), other) => (attribute(left)?, comparator, value_operand(other)?),
        (Operand::Value(value), Operand::Path(_)) => {
            (attribute(right)?, comparator.reversed(), value.clone())
        }
        (Operand::Size(_), _) | (_, Operand::Size(_)) => return Err(nested_operation()),
        (Operand::Value(_), Operand::Value(_)) => {
            return Err("Invalid condition in KeyConditionExpression: No key attribute specified".to_owned());
        }
    };
    let test = match comparator {
        Comparator::Equal => KeyTest::Equal(value),
        Comparator::Less => KeyTest::Less(value),
        Comparator::LessOrEqual => KeyTest::LessOrEqual(value),
        Comparator::Greater => KeyTest::Greater(value),
        Comparator::GreaterOrEqual => KeyTest::GreaterOrEqual(value),
        Comparator::NotEqual => return Err(invalid_operator("<>")),
    };
    Ok((name, test))
}

/// The attribute that is compared.
fn attribute(operand: &Operand) -> Result<String, String> {
    match operand {
        Operand::Path(path) if path.is_nested() => {
            Err("KeyConditionExpressions cannot have conditions on nested attributes".to_owned())
        }
        Operand::Path(path) => Ok(path.head.clone()),
        _ => Err(nested_operation()),
    }
}

/// The attribute that an operator which has its place for it is about.
fn key_operand(operator: &str, operand: &Operand) -> Result<String, String> {
    match operand {
        Operand::Path(_) => attribute(operand),
        Operand::Size(_) => Err(nested_operation()),
        Operand::Value(_) => Err(format!(
            "Invalid condition in KeyConditionExpression: {operator} operator must have the key attribute \
             as its first operand"
        )),
    }
}

fn value_operand(operand: &Operand) -> Result<Value, String> {
    match operand {
        Operand::Value(value) => Ok(value.clone()),
        Operand::Size(_) => Err(nested_operation()),
        Operand::Path(_) => {
            let text = "Multiple attribute names used in one condition";
            Err(format!("Invalid condition in KeyConditionExpression: {text}"))
        }
    }
}

fn invalid_operator(operator: &str) -> String {
    format!("Invalid operator used in KeyConditionExpression: {operator}")
}

fn nested_operation() -> String {
    "KeyConditionExpressions cannot contain nested operations".to_owned()
}

#[cfg(test)]
mod tests;
