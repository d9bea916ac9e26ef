//! Whether a condition holds of an item. An item that is not there is an empty one.
//!
//! Nothing here fails: what an item lacks, or has with another type, makes a comparison false, and `<>` true. The size
//! of what has none makes every comparison false.

use std::cmp::Ordering;

use crate::expression::{Comparator, Condition, Operand};
use crate::item::Item;
use crate::number::Number;
use crate::value::Value;

/// Which of two values is first; `None` unless both are texts, both numbers, or both binaries.
pub(crate) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::S(left), Value::S(right)) => Some(left.cmp(right)),
        (Value::N(left), Value::N(right)) => Some(left.cmp(right)),
        (Value::B(left), Value::B(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

impl Condition {
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|part| part.holds(item)),
            Self::And(parts) => parts.iter().all(|part| part.holds(item)),
            Self::Not(inner) => !inner.holds(item),
            Self::Compare { left, comparator, right } => {
                let holds =
                    left.with(item, |left| right.with(item, |right| compare(left, *comparator, right)));
                // Of what is missing this alone holds.
                let is_unequal = *comparator == Comparator::NotEqual;
                holds && !(is_unequal && [left, right].iter().any(|operand| !operand.has_its_size(item)))
            }
            Self::Between { operand, lower, upper } => operand.with(item, |value| {
                lower.with(item, |lower| compare(lower, Comparator::LessOrEqual, value))
                    && upper.with(item, |upper| compare(value, Comparator::LessOrEqual, upper))
            }),
            Self::In { operand, list } => operand.with(item, |value| {
                list.iter()
                    .any(|member| member.with(item, |member| compare(value, Comparator::Equal, member)))
            }),
            Self::Exists(path) => path.get(item).is_some(),
            Self::NotExists(path) => path.get(item).is_none(),
            Self::HasType { operand, kind } => {
                operand.with(item, |value| value.is_some_and(|value| value.kind() == *kind))
            }
            Self::BeginsWith { operand, prefix } => {
                operand.with(item, |value| prefix.with(item, |prefix| begins_with(value, prefix)))
            }
            Self::Contains { container, member } => {
                container.with(item, |value| member.with(item, |member| contains(value, member)))
            }
        }
    }
}

impl Operand {
    /// Calls with what the operand is in the item; with `None` if it is nothing.
    fn with<R>(&self, item: &Item, use_value: impl FnOnce(Option<&Value>) -> R) -> R {
        match self {
            Self::Path(path) => use_value(path.get(item)),
            Self::Value(value) => use_value(Some(value)),
            Self::Size(of) => {
                let count = of.with_count(item);
                use_value(count.map(|count| Value::N(Number::from(count as u64))).as_ref())
            }
        }
    }

    /// False for the size of what has none.
    fn has_its_size(&self, item: &Item) -> bool {
        if let Self::Size(of) = self { of.with_count(item).is_some() } else { true }
    }

    /// How large the operand is: units of UTF-16 of texts, bytes of binaries, members of all that has members.
    fn with_count(&self, item: &Item) -> Option<usize> {
        let value = match self {
            Self::Path(path) => path.get(item)?,
            Self::Value(value) => value,
            // The size of a size is refused before.
            Self::Size(_) => return None,
        };
        match value {
            Value::S(text) => Some(text.encode_utf16().count()),
            Value::B(bytes) => Some(bytes.len()),
            Value::Ss(members) => Some(members.len()),
            Value::Ns(members) => Some(members.len()),
            Value::Bs(members) => Some(members.len()),
            Value::M(members) => Some(members.len()),
            Value::L(members) => Some(members.len()),
            Value::N(_) | Value::Bool(_) | Value::Null => None,
        }
    }
}

fn compare(left: Option<&Value>, comparator: Comparator, right: Option<&Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return comparator == Comparator::NotEqual };
    let ordered = |is_met: fn(Ordering) -> bool| order(left, right).is_some_and(is_met);
    match comparator {
        Comparator::Equal => left == right,
        Comparator::NotEqual => left != right,
        Comparator::Less => ordered(Ordering::is_lt),
        Comparator::LessOrEqual => ordered(Ordering::is_le),
        Comparator::Greater => ordered(Ordering::is_gt),
        Comparator::GreaterOrEqual => ordered(Ordering::is_ge),
    }
}

fn begins_with(value: Option<&Value>, prefix: Option<&Value>) -> bool {
    match (value, prefix) {
        (Some(Value::S(text)), Some(Value::S(prefix))) => text.starts_with(prefix.as_str()),
        (Some(Value::B(bytes)), Some(Value::B(prefix))) => bytes.starts_with(prefix),
        _ => false,
    }
}

fn contains(container: Option<&Value>, member: Option<&Value>) -> bool {
    let (Some(container), Some(member)) = (container, member) else { return false };
    match (container, member) {
        (Value::S(text), Value::S(part)) => text.contains(part.as_str()),
        (Value::B(bytes), Value::B(part)) => memchr::memmem::find(bytes, part).is_some(),
        (Value::Ss(members), Value::S(member)) => members.contains(member),
        (Value::Ns(members), Value::N(member)) => members.contains(member),
        (Value::Bs(members), Value::B(member)) => members.contains(member),
        (Value::L(members), member) => members.contains(member),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
