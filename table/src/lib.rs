//! Tables of items as DynamoDB has them: values, keys, expressions, capacity.
//!
//! What is here is pure: from an item and what is asked of it to an answer. No wire format is known: no JSON,
//! no HTTP. Texts of errors are those that AWS sends, since clients show and compare them.

mod capacity;
mod condition;
mod error;
mod expression;
mod item;
mod key;
mod number;
mod projection;
mod update;
mod value;

#[cfg(test)]
mod generators;

pub use capacity::{Capacity, Consistency, IndexChange};
pub use error::{CancellationCode, CancellationReason, Error, Result};
pub use expression::legacy;
pub use expression::{
    Action, ActionKind, Comparator, Condition, Element, ExpressionKind, KeyCondition, KeyConditions, KeyTest,
    Operand, Parameters, Path, Projection, RangeCondition, SetOperand, SetValue, Spelling, Substitutions,
    Update, invalid_value,
};
pub use item::{CorruptItem, Item, SIZE_MAX as ITEM_SIZE_MAX, check_depth};
pub use key::{ByteRange, HASH_MAX, Key, KeyElement, KeyRole, KeySchema, KeyType, KeyValue, RANGE_MAX};
pub use number::{DIGITS_MAX, EXPONENT_MAX, EXPONENT_MIN, Number, NumberError};
pub use update::Updated;
pub use value::{DEPTH_MAX, Type, Value};
