//! An expression as it is written: what names and values stand for is not known yet, nor whether functions
//! exist.

use super::tree::Comparator;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Or(Vec<Condition>),
    And(Vec<Condition>),
    Not(Box<Condition>),
    Predicate(Predicate),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Predicate {
    Compare(Operand, Comparator, Operand),
    /// The operand, its lower and its upper bound.
    Between([Operand; 3]),
    In(Operand, Vec<Operand>),
    Call(Call),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Path(Path),
    /// With its colon.
    Value(String),
    Call(Call),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) function: String,
    pub(super) arguments: Vec<Operand>,
}

/// Begins with a name or an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Element>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Name(String),
    /// With its number sign.
    Alias(String),
    /// Its digits, however many.
    Index(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Set,
    Remove,
    Add,
    Delete,
}

impl Section {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Remove => "REMOVE",
            Self::Add => "ADD",
            Self::Delete => "DELETE",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) sections: Vec<(Section, Vec<Action>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) path: Path,
    /// None for REMOVE.
    pub(super) value: Option<SetValue>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetValue {
    pub(super) first: Operand,
    pub(super) second: Option<(Sign, Operand)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Condition {
    pub(super) fn predicates<'a>(&'a self, visit: &mut impl FnMut(&'a Predicate)) {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().for_each(|part| part.predicates(visit)),
            Self::Not(inner) => inner.predicates(visit),
            Self::Predicate(predicate) => visit(predicate),
        }
    }
}

impl Predicate {
    pub(super) fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::Compare(left, _, right) => vec![left, right],
            Self::Between(operands) => operands.iter().collect(),
            Self::In(operand, list) => std::iter::once(operand).chain(list).collect(),
            Self::Call(call) => call.arguments.iter().collect(),
        }
    }
}

impl Operand {
    /// This operand and those within it, from left to right.
    pub(super) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Operand)) {
        visit(self);
        if let Self::Call(call) = self {
            call.arguments.iter().for_each(|argument| argument.visit(visit));
        }
    }
}

impl Action {
    /// What it sets, adds or deletes.
    pub(super) fn operands(&self) -> impl Iterator<Item = &Operand> {
        self.value.iter().flat_map(SetValue::operands)
    }
}

impl SetValue {
    pub(super) fn operands(&self) -> impl Iterator<Item = &Operand> {
        std::iter::once(&self.first).chain(self.second.iter().map(|(_, second)| second))
    }
}

impl Update {
    pub(super) fn actions(&self) -> impl Iterator<Item = &Action> {
        self.sections.iter().flat_map(|(_, actions)| actions)
    }
}
