//! What calls of Query and Scan have in common, and how it is understood before the table is looked at.

use std::collections::BTreeMap;

use super::conditions::{Placeholders, ProjectionSpec, check_operator};
use crate::arn::TableArn;
use crate::error::Result;
use crate::expression::legacy::{self, ConditionalOperator, Filter};
use crate::expression::{Condition, ExpressionKind, Projection, Spelling, Substitutions};
use crate::item::Item;
use crate::reading::selection::{Select, check_select};

/// What is read of a table or of one of its indexes.
#[derive(Clone, Debug)]
pub struct ReadSpec {
    pub table: TableArn,
    pub index: Option<String>,
    pub select: Option<Select>,
    pub projection: ProjectionSpec,
    pub filter: FilterSpec,
    pub placeholders: Placeholders,
    /// Items to be evaluated; at least 1.
    pub limit: Option<usize>,
    /// The last key of an earlier page, or any other key that could be one.
    pub start: Option<Item>,
    /// Every read sees all writes that were acknowledged before it; this only makes it cost double.
    pub is_consistent: bool,
}

/// Which of the items that were read are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterSpec {
    pub expression: Option<String>,
    /// QueryFilter or ScanFilter.
    pub entries: Option<BTreeMap<String, Filter>>,
    pub operator: Option<ConditionalOperator>,
}

impl ReadSpec {
    /// Everything that there is in a table.
    pub fn new(table: TableArn) -> Self {
        Self {
            table,
            index: None,
            select: None,
            projection: ProjectionSpec::default(),
            filter: FilterSpec::default(),
            placeholders: Placeholders::default(),
            limit: None,
            start: None,
            is_consistent: false,
        }
    }

    pub(super) fn check_select(&self) -> Result<()> {
        let parameter = match (&self.projection.expression, &self.projection.attributes) {
            (Some(_), _) => Some("ProjectionExpression"),
            (None, Some(_)) => Some("AttributesToGet"),
            (None, None) => None,
        };
        check_select(self.select, parameter, self.index.is_some())
    }

    /// What is shown, in either spelling.
    pub(super) fn projection(&self, substitutions: &mut Substitutions) -> Result<Option<Projection>> {
        match self.projection.legacy()? {
            Some(projection) => Ok(Some(projection)),
            None => self.projection.parse(substitutions),
        }
    }
}

impl FilterSpec {
    /// A filter in the language of expressions.
    pub fn expression(text: impl Into<String>) -> Self {
        Self { expression: Some(text.into()), ..Self::default() }
    }

    /// Of what came before expressions; to be checked before anything is parsed.
    pub(super) fn legacy(&self) -> Result<Option<Condition>> {
        check_operator(self.operator, self.entries.as_ref().map(BTreeMap::len))?;
        let operator = self.operator.unwrap_or_default();
        self.entries.as_ref().map(|entries| legacy::filter(entries, operator)).transpose()
    }

    pub(super) fn parse(&self, substitutions: &mut Substitutions) -> Result<Option<Condition>> {
        let parse = |text: &String| Condition::parse(ExpressionKind::Filter, text, substitutions);
        self.expression.as_ref().map(parse).transpose()
    }

    pub(super) fn spelling(&self) -> Spelling {
        if self.expression.is_some() { Spelling::Expression } else { Spelling::Legacy }
    }
}
