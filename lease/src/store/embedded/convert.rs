//! Between rows and the table service's items.

use std::collections::BTreeMap;

use millstream_table::legacy::{self, AttributeUpdate, UpdateAction};
use millstream_table::{Item, Number, Value as TableValue};

use crate::error::Result;
use crate::row::{Row, Value};
use crate::store::table::{Change, Changes, Expect, Expected};

/// Fails for numbers that a table cannot hold.
pub(super) fn item(row: Row) -> Result<Item> {
    row.into_iter().map(|(name, value)| Ok((name, attribute(value)?))).collect()
}

pub(super) fn row(item: Item) -> Row {
    item.into_iter().map(|(name, value)| (name, self::value(value))).collect()
}

pub(super) fn expected(wanted: Expected) -> Result<BTreeMap<String, legacy::Expected>> {
    wanted.into_iter().map(|(name, expect)| Ok((name, entry(expect)?))).collect()
}

pub(super) fn changes(made: Changes) -> Result<BTreeMap<String, AttributeUpdate>> {
    made.into_iter().map(|(name, change)| Ok((name, update(change)?))).collect()
}

fn entry(expect: Expect) -> Result<legacy::Expected> {
    let (exists, value) = match expect {
        Expect::Equals(value) => (true, Some(attribute(value)?)),
        Expect::Absent => (false, None),
    };
    Ok(legacy::Expected { exists: Some(exists), value, ..legacy::Expected::default() })
}

fn update(change: Change) -> Result<AttributeUpdate> {
    let (action, value) = match change {
        Change::Put(value) => (UpdateAction::Put, Some(attribute(value)?)),
        Change::Add(more) => (UpdateAction::Add, Some(more.into())),
        Change::Remove => (UpdateAction::Delete, None),
    };
    Ok(AttributeUpdate { value, action })
}

fn attribute(value: Value) -> Result<TableValue> {
    Ok(match value {
        Value::S(text) => TableValue::S(text),
        Value::N(text) => TableValue::N(number(&text)?),
        Value::B(bytes) => TableValue::B(bytes.into()),
        Value::Ss(texts) => TableValue::Ss(texts),
        Value::Ns(texts) => TableValue::Ns(texts.iter().map(|text| number(text)).collect::<Result<_>>()?),
        Value::Bs(blobs) => TableValue::Bs(blobs.into_iter().map(Into::into).collect()),
        Value::L(values) => TableValue::L(values.into_iter().map(attribute).collect::<Result<_>>()?),
        Value::M(values) => {
            let member = |(name, value)| Ok((name, attribute(value)?));
            TableValue::M(values.into_iter().map(member).collect::<Result<_>>()?)
        }
        Value::Bool(is) => TableValue::Bool(is),
        Value::Null => TableValue::Null,
    })
}

fn number(text: &str) -> Result<Number> {
    text.parse::<Number>().map_err(|error| super::failure::validation(error.to_string()))
}

fn value(attribute: TableValue) -> Value {
    match attribute {
        TableValue::S(text) => Value::S(text),
        TableValue::N(number) => Value::N(number.to_string()),
        TableValue::B(bytes) => Value::B(bytes.into()),
        TableValue::Ss(texts) => Value::Ss(texts),
        TableValue::Ns(numbers) => Value::Ns(numbers.iter().map(ToString::to_string).collect()),
        TableValue::Bs(blobs) => Value::Bs(blobs.into_iter().map(Into::into).collect()),
        TableValue::L(values) => Value::L(values.into_iter().map(value).collect()),
        TableValue::M(values) => {
            Value::M(values.into_iter().map(|(name, member)| (name, value(member))).collect())
        }
        TableValue::Bool(is) => Value::Bool(is),
        TableValue::Null => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;

    fn any_value() -> impl Strategy<Value = Value> {
        let texts = || prop::collection::btree_set("[a-z]{1,4}", 1..4);
        let scalar = prop_oneof![
            ".{0,8}".prop_map(Value::S),
            any::<u64>().prop_map(Value::number),
            prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::B),
            texts().prop_map(Value::Ss),
            prop::collection::btree_set((0_u64..1000).prop_map(|number| number.to_string()), 1..4)
                .prop_map(Value::Ns),
            prop::collection::btree_set(prop::collection::vec(any::<u8>(), 1..4), 1..4).prop_map(Value::Bs),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
        ];
        scalar.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::L),
                prop::collection::btree_map("[a-z]{1,4}", inner, 0..4).prop_map(Value::M),
            ]
        })
    }

    proptest! {
        #[test]
        fn rows_come_back_as_they_went(row in prop::collection::btree_map("[a-zA-Z]{1,8}", any_value(), 0..6)) {
            prop_assert_eq!(self::row(item(row.clone()).unwrap()), row);
        }
    }

    #[test]
    fn a_number_that_no_table_holds_is_refused() {
        let row = Row::from([("n".to_owned(), Value::N("1e400".to_owned()))]);
        assert!(matches!(item(row), Err(Error::Refused { .. })));
    }
}
