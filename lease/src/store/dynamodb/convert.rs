//! Between rows and the SDK's types.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeAction, AttributeValue, AttributeValueUpdate, ExpectedAttributeValue,
};

use crate::row::{Row, Value};
use crate::store::table::{Change, Changes, Expect, Expected};

pub(super) fn item(row: Row) -> HashMap<String, AttributeValue> {
    row.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

/// What the SDK does not know (a type to come) is left out.
pub(super) fn row(item: HashMap<String, AttributeValue>) -> Row {
    item.into_iter().filter_map(|(name, value)| Some((name, self::value(value)?))).collect()
}

pub(super) fn expected(expected: Expected) -> HashMap<String, ExpectedAttributeValue> {
    let one = |expect| match expect {
        Expect::Equals(value) => {
            ExpectedAttributeValue::builder().exists(true).value(attribute(value)).build()
        }
        Expect::Absent => ExpectedAttributeValue::builder().exists(false).build(),
    };
    expected.into_iter().map(|(name, expect)| (name, one(expect))).collect()
}

pub(super) fn changes(changes: Changes) -> HashMap<String, AttributeValueUpdate> {
    let one = |change| {
        let update = AttributeValueUpdate::builder();
        match change {
            Change::Put(value) => update.action(AttributeAction::Put).value(attribute(value)).build(),
            Change::Add(more) => {
                update.action(AttributeAction::Add).value(AttributeValue::N(more.to_string())).build()
            }
            Change::Remove => update.action(AttributeAction::Delete).build(),
        }
    };
    changes.into_iter().map(|(name, change)| (name, one(change))).collect()
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text),
        Value::N(number) => AttributeValue::N(number),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes)),
        Value::Ss(texts) => AttributeValue::Ss(texts.into_iter().collect()),
        Value::Ns(numbers) => AttributeValue::Ns(numbers.into_iter().collect()),
        Value::Bs(blobs) => AttributeValue::Bs(blobs.into_iter().map(Blob::new).collect()),
        Value::L(values) => AttributeValue::L(values.into_iter().map(attribute).collect()),
        Value::M(values) => AttributeValue::M(item(values)),
        Value::Bool(is) => AttributeValue::Bool(is),
        Value::Null => AttributeValue::Null(true),
    }
}

fn value(attribute: AttributeValue) -> Option<Value> {
    Some(match attribute {
        AttributeValue::S(text) => Value::S(text),
        AttributeValue::N(number) => Value::N(number),
        AttributeValue::B(bytes) => Value::B(bytes.into_inner()),
        AttributeValue::Ss(texts) => Value::Ss(texts.into_iter().collect()),
        AttributeValue::Ns(numbers) => Value::Ns(numbers.into_iter().collect()),
        AttributeValue::Bs(blobs) => Value::Bs(blobs.into_iter().map(Blob::into_inner).collect()),
        AttributeValue::L(values) => Value::L(values.into_iter().filter_map(value).collect()),
        AttributeValue::M(values) => Value::M(row(values)),
        AttributeValue::Bool(is) => Value::Bool(is),
        AttributeValue::Null(_) => Value::Null,
        _ => return None,
    })
}
