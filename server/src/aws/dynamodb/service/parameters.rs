//! Parameters that several operations have: expressions and what they stand on, the legacy ones, what is to be
//! returned.

use std::collections::BTreeMap;

use bytestring::ByteString;
use millstream_table::legacy::{
    AttributeUpdate, ComparisonOperator as Comparison, ConditionalOperator as Joined, Expected, UpdateAction,
};
use millstream_table::{ConditionSpec, Placeholders, ReturnValues, Value, invalid_value};

use super::Answer;
use super::values::{Attributes, value};
use crate::aws::dynamodb::attribute_value::AttributeValue;
use crate::aws::dynamodb::generated::{
    AttributeAction, AttributeValueUpdate, ComparisonOperator, ConditionalOperator, ExpectedAttributeValue,
    ReturnItemCollectionMetrics, ReturnValue, ReturnValuesOnConditionCheckFailure,
};

pub(super) fn text(text: Option<ByteString>) -> Option<String> {
    text.map(String::from)
}

pub(super) fn texts(texts: Vec<ByteString>) -> Vec<String> {
    texts.into_iter().map(String::from).collect()
}

/// ExpressionAttributeNames and ExpressionAttributeValues.
pub(super) fn placeholders(
    names: Option<BTreeMap<ByteString, ByteString>>,
    values: Option<Attributes>,
) -> Answer<Placeholders> {
    let names = names.map(|names| names.into_iter().map(|(key, name)| (key.into(), name.into())).collect());
    let named = |(key, wire): (ByteString, AttributeValue)| match value(wire) {
        Ok(value) => Ok((String::from(key), value)),
        Err(error) => Err(invalid_value(&error.to_string(), &key)),
    };
    let values = values.map(|values| values.into_iter().map(named).collect::<Result<_, _>>()).transpose()?;
    Ok(Placeholders { names, values })
}

pub(super) fn condition(
    expression: Option<ByteString>,
    expected: Option<BTreeMap<ByteString, ExpectedAttributeValue>>,
    operator: Option<ConditionalOperator>,
) -> Answer<ConditionSpec> {
    let entry = |(name, wire): (ByteString, ExpectedAttributeValue)| {
        let entry = Expected {
            value: wire.value.map(value).transpose()?,
            exists: wire.exists,
            operator: wire.comparison_operator.map(comparison),
            list: wire.attribute_value_list.map(list).transpose()?,
        };
        Ok::<_, millstream_table::Error>((String::from(name), entry))
    };
    let expected =
        expected.map(|entries| entries.into_iter().map(entry).collect::<Result<_, _>>()).transpose()?;
    Ok(ConditionSpec { expression: text(expression), expected, operator: operator.map(joined) })
}

fn list(wire: Vec<AttributeValue>) -> Result<Vec<Value>, millstream_table::Error> {
    wire.into_iter().map(value).collect()
}

pub(super) fn updates(
    updates: BTreeMap<ByteString, AttributeValueUpdate>,
) -> Answer<BTreeMap<String, AttributeUpdate>> {
    let entry = |(name, wire): (ByteString, AttributeValueUpdate)| {
        let action = match wire.action {
            None | Some(AttributeAction::Put) => UpdateAction::Put,
            Some(AttributeAction::Add) => UpdateAction::Add,
            Some(AttributeAction::Delete) => UpdateAction::Delete,
        };
        Ok((String::from(name), AttributeUpdate { value: wire.value.map(value).transpose()?, action }))
    };
    updates.into_iter().map(entry).collect()
}

pub(super) fn comparison(wire: ComparisonOperator) -> Comparison {
    match wire {
        ComparisonOperator::Eq => Comparison::Eq,
        ComparisonOperator::Ne => Comparison::Ne,
        ComparisonOperator::In => Comparison::In,
        ComparisonOperator::Le => Comparison::Le,
        ComparisonOperator::Lt => Comparison::Lt,
        ComparisonOperator::Ge => Comparison::Ge,
        ComparisonOperator::Gt => Comparison::Gt,
        ComparisonOperator::Between => Comparison::Between,
        ComparisonOperator::NotNull => Comparison::NotNull,
        ComparisonOperator::Null => Comparison::Null,
        ComparisonOperator::Contains => Comparison::Contains,
        ComparisonOperator::NotContains => Comparison::NotContains,
        ComparisonOperator::BeginsWith => Comparison::BeginsWith,
    }
}

pub(super) fn joined(wire: ConditionalOperator) -> Joined {
    match wire {
        ConditionalOperator::And => Joined::And,
        ConditionalOperator::Or => Joined::Or,
    }
}

pub(super) fn return_values(wire: Option<ReturnValue>) -> ReturnValues {
    match wire {
        None | Some(ReturnValue::None) => ReturnValues::None,
        Some(ReturnValue::AllOld) => ReturnValues::AllOld,
        Some(ReturnValue::UpdatedOld) => ReturnValues::UpdatedOld,
        Some(ReturnValue::AllNew) => ReturnValues::AllNew,
        Some(ReturnValue::UpdatedNew) => ReturnValues::UpdatedNew,
    }
}

pub(super) fn shows_failure(wire: Option<ReturnValuesOnConditionCheckFailure>) -> bool {
    wire == Some(ReturnValuesOnConditionCheckFailure::AllOld)
}

pub(super) fn with_collections(wire: Option<ReturnItemCollectionMetrics>) -> bool {
    wire == Some(ReturnItemCollectionMetrics::Size)
}
