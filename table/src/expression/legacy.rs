//! The parameters that came before expressions, as the trees that expressions become: Expected, QueryFilter,
//! ScanFilter, KeyConditions, AttributeUpdates, AttributesToGet.
//!
//! KCL conditions every write to its lease table with Expected, so these are no second-class way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::key_condition::{KeyConditions, KeyTest};
use super::path::Path;
use super::tree::{
    Action, ActionKind, Comparator, Condition, Operand, Projection, SetOperand, SetValue, Spelling, Update,
};
use crate::condition::order;
use crate::error::{Error, Result};
use crate::value::{Type, Value};

/// One entry of Expected. Without an operator, a value means that the attribute equals it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub value: Option<Value>,
    pub exists: Option<bool>,
    pub operator: Option<ComparisonOperator>,
    pub list: Option<Vec<Value>>,
}

/// One entry of QueryFilter, ScanFilter or KeyConditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub operator: ComparisonOperator,
    /// Empty if the request has none.
    pub list: Vec<Value>,
}

/// One entry of AttributeUpdates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeUpdate {
    pub value: Option<Value>,
    pub action: UpdateAction,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpdateAction {
    #[default]
    Put,
    Add,
    Delete,
}

/// Whether all entries or one of them must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConditionalOperator {
    #[default]
    And,
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonOperator {
    Eq,
    Ne,
    In,
    Le,
    Lt,
    Ge,
    Gt,
    Between,
    NotNull,
    Null,
    Contains,
    NotContains,
    BeginsWith,
}

impl ComparisonOperator {
    pub const ALL: [Self; 13] = [
        Self::Eq,
        Self::Ne,
        Self::In,
        Self::Le,
        Self::Lt,
        Self::Ge,
        Self::Gt,
        Self::Between,
        Self::NotNull,
        Self::Null,
        Self::Contains,
        Self::NotContains,
        Self::BeginsWith,
    ];

    /// The operator's name on the wire, as in `NOT_NULL`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "EQ",
            Self::Ne => "NE",
            Self::In => "IN",
            Self::Le => "LE",
            Self::Lt => "LT",
            Self::Ge => "GE",
            Self::Gt => "GT",
            Self::Between => "BETWEEN",
            Self::NotNull => "NOT_NULL",
            Self::Null => "NULL",
            Self::Contains => "CONTAINS",
            Self::NotContains => "NOT_CONTAINS",
            Self::BeginsWith => "BEGINS_WITH",
        }
    }

    /// The operator of that name, if there is one.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name() == name)
    }

    fn takes(self, count: usize) -> bool {
        match self {
            Self::Null | Self::NotNull => count == 0,
            Self::In => count >= 1,
            Self::Between => count == 2,
            _ => count == 1,
        }
    }

    fn takes_type(self, kind: Type) -> bool {
        match self {
            Self::Eq | Self::Ne | Self::Null | Self::NotNull => true,
            Self::BeginsWith => matches!(kind, Type::S | Type::B),
            _ => kind.is_ordered(),
        }
    }
}

impl fmt::Display for ComparisonOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The condition that Expected says; nothing expected holds always.
///
/// # Errors
///
/// A validation error in AWS's words, when an entry says too much, too little, or what makes no sense.
pub fn expected(entries: &BTreeMap<String, Expected>, operator: ConditionalOperator) -> Result<Condition> {
    let conditions = entries.iter().map(|(name, entry)| expected_entry(name, entry));
    Ok(joined(conditions.collect::<Result<_>>()?, operator))
}

/// The condition that QueryFilter or ScanFilter says; an empty one holds always.
///
/// # Errors
///
/// A validation error in AWS's words, when an entry has arguments that its operator does not take.
pub fn filter(entries: &BTreeMap<String, Filter>, operator: ConditionalOperator) -> Result<Condition> {
    let conditions = entries.iter().map(|(name, entry)| {
        check_arguments(entry.operator, &entry.list)?;
        condition(name, entry.operator, &entry.list)
    });
    Ok(joined(conditions.collect::<Result<_>>()?, operator))
}

/// The key condition that KeyConditions says.
///
/// # Errors
///
/// As those of [`filter`], and when there are not one or two entries.
pub fn key_conditions(entries: &BTreeMap<String, Filter>) -> Result<KeyConditions> {
    let mut tests = BTreeMap::new();
    for (name, Filter { operator, list }) in entries {
        check_arguments(*operator, list)?;
        let test = match (operator, list.as_slice()) {
            (ComparisonOperator::Eq, [value]) => KeyTest::Equal(shared(value)),
            (ComparisonOperator::Lt, [value]) => KeyTest::Less(shared(value)),
            (ComparisonOperator::Le, [value]) => KeyTest::LessOrEqual(shared(value)),
            (ComparisonOperator::Gt, [value]) => KeyTest::Greater(shared(value)),
            (ComparisonOperator::Ge, [value]) => KeyTest::GreaterOrEqual(shared(value)),
            (ComparisonOperator::BeginsWith, [value]) => KeyTest::BeginsWith(shared(value)),
            (ComparisonOperator::Between, [lower, upper]) => KeyTest::Between(shared(lower), shared(upper)),
            _ => KeyTest::NotIndexable,
        };
        tests.insert(name.clone(), test);
    }
    KeyConditions::new(tests)
}

/// The update that AttributeUpdates says.
///
/// # Errors
///
/// A validation error in AWS's words, when an action lacks its value or does not take it.
pub fn updates(entries: &BTreeMap<String, AttributeUpdate>) -> Result<Update> {
    let actions = entries
        .iter()
        .map(|(name, entry)| Ok(Action { path: Path::attribute(name.as_str()), kind: action(entry)? }));
    Ok(Update { actions: actions.collect::<Result<_>>()?, spelling: Spelling::Legacy })
}

/// The projection that AttributesToGet says.
///
/// # Errors
///
/// When a name is there twice.
pub fn attributes_to_get(names: &[String]) -> Result<Projection> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::invalid_parameter(format_args!("Duplicate value in attribute name: {name}")));
        }
    }
    Ok(Projection { paths: names.iter().map(|name| Path::attribute(name.as_str())).collect() })
}

fn expected_entry(name: &str, entry: &Expected) -> Result<Condition> {
    let invalid = |what: fmt::Arguments<'_>| {
        Err(Error::invalid_parameter(format_args!("{what} for Attribute: {name}")))
    };
    if entry.value.is_some() && entry.list.is_some() {
        return invalid(format_args!("Value and AttributeValueList cannot be used together"));
    }
    let Some(operator) = entry.operator else {
        if entry.list.is_some() {
            return invalid(format_args!("AttributeValueList can only be used with a ComparisonOperator"));
        }
        return match (entry.exists, &entry.value) {
            (Some(false), None) => Ok(Condition::NotExists(Path::attribute(name))),
            (Some(false), Some(_)) => invalid(format_args!("Value cannot be used when Exists is false")),
            (_, Some(value)) => condition(name, ComparisonOperator::Eq, std::slice::from_ref(value)),
            (Some(true), None) => invalid(format_args!("Value must be provided when Exists is true")),
            (None, None) => invalid(format_args!("Value must be provided when Exists is null")),
        };
    };
    if entry.exists.is_some() {
        return invalid(format_args!("Exists and ComparisonOperator cannot be used together"));
    }
    let needs_none = operator.takes(0);
    if !needs_none && entry.value.is_none() && entry.list.is_none() {
        return invalid(format_args!(
            "Value or AttributeValueList must be used with ComparisonOperator: {operator}"
        ));
    }
    let arguments = entry.list.as_deref().unwrap_or(entry.value.as_slice());
    check_arguments(operator, arguments)?;
    condition(name, operator, arguments)
}

fn check_arguments(operator: ComparisonOperator, arguments: &[Value]) -> Result<()> {
    if !operator.takes(arguments.len()) {
        return Err(wrong_count(operator));
    }
    if arguments.windows(2).any(|pair| pair[0].kind() != pair[1].kind()) {
        let text = "AttributeValues inside AttributeValueList must be of same type";
        return Err(Error::invalid_parameter(text));
    }
    if let Some(argument) = arguments.iter().find(|argument| !operator.takes_type(argument.kind())) {
        return Err(Error::invalid_parameter(format_args!(
            "ComparisonOperator {operator} is not valid for {} AttributeValue type",
            argument.kind()
        )));
    }
    match (operator, arguments) {
        (ComparisonOperator::Between, [lower, upper])
            if order(lower, upper).is_some_and(std::cmp::Ordering::is_gt) =>
        {
            let text = "The BETWEEN condition was provided a range where the lower bound is greater than \
                        the upper bound";
            Err(Error::Validation(text.to_owned()))
        }
        _ => Ok(()),
    }
}

fn wrong_count(operator: ComparisonOperator) -> Error {
    Error::invalid_parameter(format_args!(
        "Invalid number of argument(s) for the {operator} ComparisonOperator"
    ))
}

fn condition(name: &str, operator: ComparisonOperator, arguments: &[Value]) -> Result<Condition> {
    let path = || Path::attribute(name);
    let operand = || Operand::Path(path());
    let value = |value: &Value| Operand::Value(shared(value));
    let compare = |comparator, right| Condition::Compare { left: operand(), comparator, right: value(right) };
    let contains = |member| Condition::Contains { container: operand(), member: value(member) };
    Ok(match (operator, arguments) {
        (ComparisonOperator::Eq, [right]) => compare(Comparator::Equal, right),
        (ComparisonOperator::Ne, [right]) => compare(Comparator::NotEqual, right),
        (ComparisonOperator::Le, [right]) => compare(Comparator::LessOrEqual, right),
        (ComparisonOperator::Lt, [right]) => compare(Comparator::Less, right),
        (ComparisonOperator::Ge, [right]) => compare(Comparator::GreaterOrEqual, right),
        (ComparisonOperator::Gt, [right]) => compare(Comparator::Greater, right),
        (ComparisonOperator::NotNull, []) => Condition::Exists(path()),
        (ComparisonOperator::Null, []) => Condition::NotExists(path()),
        (ComparisonOperator::In, list) => {
            Condition::In { operand: operand(), list: list.iter().map(value).collect() }
        }
        (ComparisonOperator::Between, [lower, upper]) => {
            Condition::Between { operand: operand(), lower: value(lower), upper: value(upper) }
        }
        (ComparisonOperator::Contains, [member]) => contains(member),
        // Unlike NOT contains(…), this is not met by an attribute that is not there.
        (ComparisonOperator::NotContains, [member]) => {
            Condition::And(vec![Condition::Exists(path()), Condition::Not(Box::new(contains(member)))])
        }
        (ComparisonOperator::BeginsWith, [prefix]) => {
            Condition::BeginsWith { operand: operand(), prefix: value(prefix) }
        }
        _ => return Err(wrong_count(operator)),
    })
}

fn shared(value: &Value) -> Arc<Value> {
    Arc::new(value.clone())
}

fn joined(conditions: Vec<Condition>, operator: ConditionalOperator) -> Condition {
    match operator {
        ConditionalOperator::Or if !conditions.is_empty() => Condition::Or(conditions),
        _ => Condition::And(conditions),
    }
}

fn action(entry: &AttributeUpdate) -> Result<ActionKind> {
    let Some(value) = &entry.value else {
        return if entry.action == UpdateAction::Delete {
            Ok(ActionKind::Remove)
        } else {
            Err(Error::invalid_parameter(
                "Only DELETE action is allowed when no attribute value is specified",
            ))
        };
    };
    let kind = value.kind();
    match entry.action {
        UpdateAction::Put => Ok(ActionKind::Set(SetValue::Operand(SetOperand::Value(shared(value))))),
        UpdateAction::Add if kind.is_set() || matches!(kind, Type::N | Type::L) => {
            Ok(ActionKind::Add(shared(value)))
        }
        UpdateAction::Add => {
            Err(Error::invalid_parameter(format_args!("ADD action is not supported for the type {kind}")))
        }
        UpdateAction::Delete if kind.is_set() => Ok(ActionKind::Delete(shared(value))),
        UpdateAction::Delete => Err(Error::invalid_parameter(format_args!(
            "DELETE action with value is not supported for the type {kind}"
        ))),
    }
}

#[cfg(test)]
mod tests;
