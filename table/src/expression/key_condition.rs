//! What a query asks of the key: the hash key equals something, the range key perhaps meets a condition. Where a key has
//! several attributes, the conditions are on the first ones, and the last alone may ask for more than one value.
//!
//! Two stages, because the text is checked before the table is looked up: [`KeyConditions`] is what was said
//! of which attribute, [`KeyCondition`] is what it means for a schema.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::path::Path;
use super::substitutions::Substitutions;
use super::tree::{Comparator, Condition, ExpressionKind, Operand};
use crate::error::{Error, Result};
use crate::key::{KeyElement, KeySchema, KeyValue, PARTS_MAX};
use crate::value::Value;

/// What is asked of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTest {
    Equal(Arc<Value>),
    Less(Arc<Value>),
    LessOrEqual(Arc<Value>),
    Greater(Arc<Value>),
    GreaterOrEqual(Arc<Value>),
    Between(Arc<Value>, Arc<Value>),
    BeginsWith(Arc<Value>),
    /// Something that no index answers; only the legacy spelling can say it.
    NotIndexable,
}

/// What is asked of attributes, whichever they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyConditions(BTreeMap<String, KeyTest>);

/// What is asked of the key of a table or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCondition {
    pub hash: Vec<KeyValue>,
    pub range: Vec<RangeCondition>,
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
    /// When there is no attribute, or more than any key has.
    pub fn new(tests: BTreeMap<String, KeyTest>) -> Result<Self> {
        if (1..=2 * PARTS_MAX).contains(&tests.len()) { Ok(Self(tests)) } else { Err(wrong_count()) }
    }

    /// What is asked of the key that this schema is of: a table's, or that of the index of that name.
    ///
    /// # Errors
    ///
    /// When it is not asked of this key, or the hash key is not given one value, or a value is empty or has
    /// another type than its attribute.
    pub fn resolve(&self, schema: &KeySchema, index: Option<&str>) -> Result<KeyCondition> {
        let (asked, has) = (self.0.len(), schema.elements().count());
        if asked > has.max(2) {
            return Err(wrong_count());
        }
        if asked > has {
            return Err(not_supported());
        }
        // All that is wrong with the hash key comes before the range key, as at AWS.
        let hash = schema.hash.iter().map(|element| match self.on(element, index)? {
            RangeCondition::Equal(value) => Ok(value),
            _ => Err(not_supported()),
        });
        let hash = hash.collect::<Result<Vec<_>>>()?;
        let range = schema.range.iter().take(asked - hash.len()).map(|element| self.on(element, index));
        let range = range.collect::<Result<Vec<_>>>()?;
        let is_equal = |condition: &RangeCondition| matches!(condition, RangeCondition::Equal(_));
        match range.split_last() {
            Some((_, fixed)) if !fixed.iter().all(is_equal) => Err(not_supported()),
            _ => Ok(KeyCondition { hash, range }),
        }
    }

    /// What is asked of one attribute of the key.
    fn on(&self, element: &KeyElement, index: Option<&str>) -> Result<RangeCondition> {
        let name = &element.name;
        let test = self
            .0
            .get(name)
            .ok_or_else(|| Error::Validation(format!("Query condition missed key schema element: {name}")))?;
        let key = |value: &Value| key_value(element, index, value);
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
            KeyTest::NotIndexable => {
                let text = "Attempted conditional constraint is not an indexable operation";
                return Err(Error::Validation(text.to_owned()));
            }
        })
    }
}

fn wrong_count() -> Error {
    Error::Validation("Conditions can be of length 1 or 2 only".to_owned())
}

fn not_supported() -> Error {
    Error::Validation("Query key condition not supported".to_owned())
}

fn key_value(element: &KeyElement, index: Option<&str>, value: &Value) -> Result<KeyValue> {
    let key = element
        .accept(value)
        .ok_or_else(|| Error::invalid_parameter("Condition parameter type does not match schema type"))?;
    element.check_not_empty(&key, index)?;
    Ok(key)
}

/// What a condition says of which attribute, or AWS's words for why that is no key condition.
fn collect(condition: &Condition, tests: &mut BTreeMap<String, KeyTest>) -> Result<(), String> {
    let (name, test) = match condition {
        Condition::And(parts) => return parts.iter().try_for_each(|part| collect(part, tests)),
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
    let (key, value, comparator) = match (left, right) {
        (Operand::Value(_), Operand::Path(_)) => (right, left, comparator.reversed()),
        _ => (left, right, comparator),
    };
    let test: fn(Arc<Value>) -> KeyTest = match comparator {
        Comparator::Equal => KeyTest::Equal,
        Comparator::Less => KeyTest::Less,
        Comparator::LessOrEqual => KeyTest::LessOrEqual,
        Comparator::Greater => KeyTest::Greater,
        Comparator::GreaterOrEqual => KeyTest::GreaterOrEqual,
        Comparator::NotEqual => return Err(invalid_operator("<>")),
    };
    match (key, value) {
        (Operand::Path(path), value) => Ok((attribute(path)?, test(value_operand(value)?))),
        (Operand::Size(_), _) | (_, Operand::Size(_)) => Err(nested_operation()),
        (Operand::Value(_), _) => {
            Err("Invalid condition in KeyConditionExpression: No key attribute specified".to_owned())
        }
    }
}

/// The attribute that is compared.
fn attribute(path: &Path) -> Result<String, String> {
    if path.is_nested() {
        return Err("KeyConditionExpressions cannot have conditions on nested attributes".to_owned());
    }
    Ok(path.head.to_string())
}

/// The attribute that an operator which has its place for it is about.
fn key_operand(operator: &str, operand: &Operand) -> Result<String, String> {
    match operand {
        Operand::Path(path) => attribute(path),
        Operand::Size(_) => Err(nested_operation()),
        Operand::Value(_) => Err(format!(
            "Invalid condition in KeyConditionExpression: {operator} operator must have the key attribute \
             as its first operand"
        )),
    }
}

fn value_operand(operand: &Operand) -> Result<Arc<Value>, String> {
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
