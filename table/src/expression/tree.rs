//! What an expression means, whichever way it was spelled: names and values are in their places, and it is as
//! valid as it can be without an item. Values are shared with the [`super::Substitutions`] that they come from.

use std::fmt;
use std::sync::Arc;

use super::path::Path;
use crate::value::{Type, Value};

/// Which of a request's expressions; its name is in what is said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpressionKind {
    Condition,
    Filter,
    KeyCondition,
    Update,
    Projection,
}

impl fmt::Display for ExpressionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Condition => "ConditionExpression",
            Self::Filter => "FilterExpression",
            Self::KeyCondition => "KeyConditionExpression",
            Self::Update => "UpdateExpression",
            Self::Projection => "ProjectionExpression",
        })
    }
}

/// What may hold of an item or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Or(Vec<Condition>),
    /// Of nothing, this holds always.
    And(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        left: Operand,
        comparator: Comparator,
        right: Operand,
    },
    /// Both bounds are within.
    Between {
        operand: Operand,
        lower: Operand,
        upper: Operand,
    },
    In {
        operand: Operand,
        list: Vec<Operand>,
    },
    Exists(Path),
    NotExists(Path),
    HasType {
        operand: Operand,
        kind: Type,
    },
    BeginsWith {
        operand: Operand,
        prefix: Operand,
    },
    Contains {
        container: Operand,
        member: Operand,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    /// The same comparison with its operands the other way round.
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    pub(crate) fn is_ordering(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

impl fmt::Display for Comparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Path(Path),
    Value(Arc<Value>),
    Size(Box<Operand>),
}

impl Operand {
    /// The type that the operand has whatever the item is; `None` if that depends on the item.
    pub(crate) fn static_type(&self) -> Option<Type> {
        match self {
            Self::Path(_) => None,
            Self::Value(value) => Some(value.kind()),
            Self::Size(_) => Some(Type::N),
        }
    }
}

impl Condition {
    /// Every path of the condition, in the order in which they are written.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.collect_paths(&mut paths);
        paths
    }

    fn collect_paths<'a>(&'a self, paths: &mut Vec<&'a Path>) {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().for_each(|part| part.collect_paths(paths)),
            Self::Not(inner) => inner.collect_paths(paths),
            Self::Exists(path) | Self::NotExists(path) => paths.push(path),
            _ => self.operands().into_iter().for_each(|operand| operand.collect_paths(paths)),
        }
    }

    /// The operands of a predicate, as far as they are operands.
    fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::Compare { left, right, .. } => vec![left, right],
            Self::Between { operand, lower, upper } => vec![operand, lower, upper],
            Self::In { operand, list } => std::iter::once(operand).chain(list).collect(),
            Self::HasType { operand, .. } => vec![operand],
            Self::BeginsWith { operand, prefix } => vec![operand, prefix],
            Self::Contains { container, member } => vec![container, member],
            _ => Vec::new(),
        }
    }
}

impl Operand {
    fn collect_paths<'a>(&'a self, paths: &mut Vec<&'a Path>) {
        match self {
            Self::Path(path) => paths.push(path),
            Self::Value(_) => {}
            Self::Size(inner) => inner.collect_paths(paths),
        }
    }
}

/// What is to be done to an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub actions: Vec<Action>,
    pub spelling: Spelling,
}

/// How an update was given. The two differ in what is said about a value of the wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    Expression,
    Legacy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub path: Path,
    pub kind: ActionKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionKind {
    Set(SetValue),
    Remove,
    /// Of a number, a set, or a list; the last in the legacy spelling alone.
    Add(Arc<Value>),
    /// Of a set.
    Delete(Arc<Value>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetValue {
    Operand(SetOperand),
    Plus(SetOperand, SetOperand),
    Minus(SetOperand, SetOperand),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetOperand {
    Path(Path),
    Value(Arc<Value>),
    IfNotExists(Path, Box<SetOperand>),
    ListAppend(Box<SetOperand>, Box<SetOperand>),
}

impl SetOperand {
    /// The type of a value that is given; `None` for all else, which only evaluation tells.
    pub(crate) fn static_type(&self) -> Option<Type> {
        match self {
            Self::Value(value) => Some(value.kind()),
            _ => None,
        }
    }
}

/// Which parts of an item are to be shown. No two of its paths overlap or conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    pub paths: Vec<Path>,
}
