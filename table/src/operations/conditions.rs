//! Conditions, projections and what they stand on, as requests give them: in one spelling or the other.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::expression::legacy::{self, ConditionalOperator, Expected};
use crate::expression::{Condition, ExpressionKind, Projection, Substitutions};
use crate::value::Value;

/// ExpressionAttributeNames and ExpressionAttributeValues, if the request has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Placeholders {
    pub names: Option<BTreeMap<String, String>>,
    pub values: Option<BTreeMap<String, Value>>,
}

/// What must hold of an item before it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionSpec {
    pub expression: Option<String>,
    pub expected: Option<BTreeMap<String, Expected>>,
    pub operator: Option<ConditionalOperator>,
}

/// Which attributes are to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectionSpec {
    pub expression: Option<String>,
    pub attributes: Option<Vec<String>>,
}

impl Placeholders {
    pub(crate) fn substitutions(self) -> Result<Substitutions> {
        Substitutions::new(self.names, self.values)
    }
}

impl ConditionSpec {
    /// A condition in the language of expressions.
    pub fn expression(text: impl Into<String>) -> Self {
        Self { expression: Some(text.into()), ..Self::default() }
    }

    /// Of what came before expressions; to be checked before anything is parsed.
    pub(crate) fn legacy(&self) -> Result<Option<Condition>> {
        check_operator(self.operator, self.expected.as_ref().map(BTreeMap::len))?;
        let operator = self.operator.unwrap_or_default();
        self.expected.as_ref().map(|expected| legacy::expected(expected, operator)).transpose()
    }

    pub(crate) fn parse(&self, substitutions: &mut Substitutions) -> Result<Option<Condition>> {
        let parse = |text: &String| Condition::parse(ExpressionKind::Condition, text, substitutions);
        self.expression.as_ref().map(parse).transpose()
    }
}

impl ProjectionSpec {
    pub(crate) fn legacy(&self) -> Result<Option<Projection>> {
        self.attributes.as_deref().map(legacy::attributes_to_get).transpose()
    }

    pub(crate) fn parse(&self, substitutions: &mut Substitutions) -> Result<Option<Projection>> {
        self.expression.as_ref().map(|text| Projection::parse(text, substitutions)).transpose()
    }
}

/// ConditionalOperator joins entries, of which there must be two then; `entries` is their number.
pub(crate) fn check_operator(operator: Option<ConditionalOperator>, entries: Option<usize>) -> Result<()> {
    match (operator, entries) {
        (None, _) | (Some(_), Some(2..)) => Ok(()),
        (Some(_), None | Some(0)) => {
            Err(Error::invalid_parameter("ConditionalOperator cannot be used without Filter or Expected"))
        }
        (Some(_), Some(1)) => Err(Error::invalid_parameter(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        )),
    }
}
