//! Conditions, updates, projections and key conditions: one tree for the expression language and for the
//! parameters that came before it.
//!
//! An expression goes through three stages, each in its module: `parser` makes the text a syntax tree, after
//! bounding its length and depth; `checks` refuses what is written wrongly, in the order in which AWS does;
//! `resolve` puts in what names and values stand for, and `clash` finds paths that are in each other's way.
//! [`legacy`] makes the older parameters the same tree. What a tree does to an item is in `condition`, `update`
//! and `projection` of this crate.

mod checks;
mod clash;
mod key_condition;
pub mod legacy;
mod parameters;
mod parsed;
mod parser;
mod path;
mod reserved;
mod resolve;
mod substitutions;
mod syntax;
mod tokens;
mod tree;

#[cfg(test)]
mod agreement;

pub use key_condition::{KeyCondition, KeyConditions, KeyTest, RangeCondition};
pub use parameters::Parameters;
pub use path::{Element, Path};
pub use substitutions::{Substitutions, invalid_value};
pub use tree::{
    Action, ActionKind, Comparator, Condition, ExpressionKind, Operand, Projection, SetOperand, SetValue,
    Spelling, Update,
};

/// The longest expression, in bytes.
const LENGTH_MAX: usize = 4096;
/// How deeply parentheses may be nested, for the sake of the stack that parsing takes: nearly 1 MB in a
/// development build. AWS has no such limit; but most of what is deeper has redundant parentheses, or more
/// operators than it may have.
const PARENTHESES_MAX: usize = 150;
/// The most operators and functions in one expression.
const OPERATORS_MAX: usize = 300;
/// The most operands in the list of IN.
const IN_OPERANDS_MAX: usize = 100;
/// The longest name of a substitution, in bytes.
const SUBSTITUTION_MAX: usize = 255;
/// The most bytes that all substitutions of a request may have together, with their names: 2 MB.
const SUBSTITUTIONS_SIZE_MAX: usize = 2 * 1024 * 1024;

const REDUNDANT_PARENTHESES: &str = "The expression has redundant parentheses;";

/// What is wrong with an expression: AWS's text, without the words that say which expression it is.
type Fault = String;
