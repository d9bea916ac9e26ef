//! Values and items between the wire and the table service.
//!
//! Values are checked in the order in which they stand, and the first that is wrong is told.

use std::collections::BTreeMap;

use bytestring::ByteString;
use millstream_table::{Error, Item, Number, Result, Value, check_depth};

use crate::aws::dynamodb::attribute_value::AttributeValue;

/// Attributes by name, as requests and answers have them.
pub(crate) type Attributes = BTreeMap<ByteString, AttributeValue>;

/// An item, or a key in the shape of one.
///
/// # Errors
///
/// When a value is none, or is nested too deeply.
pub(crate) fn item(attributes: Attributes) -> Result<Item> {
    attributes.into_iter().map(|(name, wire)| Ok((String::from(&*name), value(wire)?))).collect()
}

/// A value at the top of an item or of a parameter.
///
/// # Errors
///
/// As those of [`item`].
pub(crate) fn value(wire: AttributeValue) -> Result<Value> {
    let value = inner(wire)?;
    check_depth(&value)?;
    Ok(value)
}

/// Recursion ends at the nesting limit with which requests are read.
fn inner(wire: AttributeValue) -> Result<Value> {
    Ok(match wire {
        AttributeValue::S(text) => Value::S(text.to_string()),
        AttributeValue::N(digits) => Value::N(number(&digits)?),
        AttributeValue::B(bytes) => Value::B(bytes),
        AttributeValue::Ss(texts) => Value::string_set(texts.iter().map(ToString::to_string).collect())?,
        AttributeValue::Ns(numbers) => {
            Value::number_set(numbers.iter().map(|digits| number(digits)).collect::<Result<_>>()?)?
        }
        AttributeValue::Bs(binaries) => Value::binary_set(binaries)?,
        AttributeValue::M(members) => {
            let member = |(name, wire): (ByteString, _)| Ok((String::from(&*name), inner(wire)?));
            Value::M(members.into_iter().map(member).collect::<Result<_>>()?)
        }
        AttributeValue::L(members) => Value::L(members.into_iter().map(inner).collect::<Result<_>>()?),
        AttributeValue::Null(true) => Value::Null,
        AttributeValue::Null(false) => {
            return invalid(
                "One or more parameter values were invalid: Null attribute value types must have the value of true",
            );
        }
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::Empty => {
            return invalid(
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            );
        }
        AttributeValue::Several => {
            return invalid(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the \
                 supported datatypes",
            );
        }
    })
}

fn number(digits: &str) -> Result<Number> {
    Ok(digits.parse()?)
}

fn invalid<T>(text: &str) -> Result<T> {
    Err(Error::Validation(text.to_owned()))
}

/// An item as answers have it.
pub(crate) fn attributes(item: Item) -> Attributes {
    item.into_iter().map(|(name, value)| (name.into(), wire(value))).collect()
}

/// A value as answers have it. Numbers are written in their one form.
pub(crate) fn wire(value: Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text.into()),
        Value::N(number) => AttributeValue::N(number.to_string().into()),
        Value::B(bytes) => AttributeValue::B(bytes),
        Value::Ss(members) => AttributeValue::Ss(members.into_iter().map(ByteString::from).collect()),
        Value::Ns(members) => {
            AttributeValue::Ns(members.into_iter().map(|number| number.to_string().into()).collect())
        }
        Value::Bs(members) => AttributeValue::Bs(members.into_iter().collect()),
        Value::M(members) => AttributeValue::M(
            members.into_iter().map(|(name, value)| (ByteString::from(name), wire(value))).collect(),
        ),
        Value::L(members) => AttributeValue::L(members.into_iter().map(wire).collect()),
        Value::Bool(flag) => AttributeValue::Bool(flag),
        Value::Null => AttributeValue::Null(true),
    }
}
