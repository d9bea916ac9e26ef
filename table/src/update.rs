//! What an update does to an item.
//!
//! Every right-hand side sees the item as it was. What is set comes first, then what is removed, and both go
//! by the list indexes of the item as it was; so the order in which actions are written makes no difference.
//!
//! From an item that is not there, nothing can be taken: such actions do nothing, and if there are no others,
//! no item is made.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::expression::{Action, ActionKind, Element, Path, SetOperand, SetValue, Spelling, Update};
use crate::item::{Item, SIZE_MAX, updated_too_large};
use crate::key::KeySchema;
use crate::number::Number;
use crate::projection::show;
use crate::value::Value;

/// What becomes of the place that an action names.
enum Change {
    Put(Value),
    Remove,
    Nothing,
}

impl Update {
    /// The item that the update makes, if it makes one; `key` is what a new item has at first.
    ///
    /// # Errors
    ///
    /// A validation error in AWS's words, when the item has not what the update needs, or would be too large
    /// or too deep, or a number out of range.
    pub fn apply(&self, before: Option<&Item>, key: &Item) -> Result<Option<Item>> {
        let Some(before) = before else {
            let gives = |action: &&Action| matches!(action.kind, ActionKind::Set(_) | ActionKind::Add(_));
            let giving: Vec<_> = self.actions.iter().filter(gives).collect();
            // An update without any action does make the item.
            let makes_none = giving.is_empty() && !self.actions.is_empty();
            return if makes_none { Ok(None) } else { self.carry_out(&giving, key).map(Some) };
        };
        self.carry_out(&self.actions.iter().collect::<Vec<_>>(), before).map(Some)
    }

    fn carry_out(&self, actions: &[&Action], before: &Item) -> Result<Item> {
        let mut puts = Vec::new();
        let mut removals = Vec::new();
        let mut size = 0;
        for action in actions {
            match self.change(&action.path, &action.kind, before)? {
                Change::Put(value) => {
                    size += value.size();
                    // All of it would be in the item. Many actions may copy the same large attribute.
                    if size > SIZE_MAX {
                        return Err(updated_too_large());
                    }
                    puts.push((&action.path, value));
                }
                Change::Remove => removals.push(&action.path),
                Change::Nothing => {}
            }
        }
        let mut item = before.clone();
        // By index, so that what is put behind the end of a list is there in the order of its indexes.
        puts.sort_by_key(|(path, _)| *path);
        puts.into_iter().try_for_each(|(path, value)| put(&mut item, path, value))?;
        // From behind, so that no removal moves what another one names.
        removals.sort_by(|a, b| b.cmp(a));
        removals.into_iter().for_each(|path| remove(&mut item, path));
        item.check_updated()?;
        Ok(item)
    }

    /// The parts that the update names, of the item before: what UPDATED_OLD shows.
    pub fn named_before(&self, item: &Item) -> Item {
        show(self.actions.iter().map(|action| &action.path), item)
    }

    /// The parts that the update gives, of the item after: what UPDATED_NEW shows. Whatever was moved to where a path
    /// leads is shown, but for what took the place of something removed; what was put elsewhere is not.
    pub fn named_after(&self, item: &Item) -> Item {
        let gives = |action: &&Action| !matches!(action.kind, ActionKind::Remove);
        show(self.actions.iter().filter(gives).map(|action| &action.path), item)
    }

    /// # Errors
    ///
    /// When the update touches an attribute of the key, which never changes.
    pub fn check_keys(&self, schema: &KeySchema) -> Result<()> {
        match self.actions.iter().find(|action| schema.has(&action.path.head)) {
            Some(action) => Err(Error::invalid_parameter(format_args!(
                "Cannot update attribute {}. This attribute is part of the key",
                action.path.head
            ))),
            None => Ok(()),
        }
    }

    fn change(&self, path: &Path, kind: &ActionKind, before: &Item) -> Result<Change> {
        let present = path.get(before);
        match (kind, present) {
            (ActionKind::Set(value), _) => Ok(Change::Put(value.evaluate(before)?)),
            (ActionKind::Add(value), None) => Ok(Change::Put(Value::clone(value))),
            (ActionKind::Add(value), Some(present)) => self.sum(present, value).map(Change::Put),
            (ActionKind::Remove, Some(_)) => Ok(Change::Remove),
            (ActionKind::Delete(value), Some(present)) => {
                self.difference(present, value).map(|rest| rest.map_or(Change::Remove, Change::Put))
            }
            (ActionKind::Remove | ActionKind::Delete(_), None) => {
                if has_parent(path, before) {
                    Ok(Change::Nothing)
                } else {
                    Err(invalid_path())
                }
            }
        }
    }

    fn sum(&self, present: &Value, added: &Value) -> Result<Value> {
        match (present, added) {
            (Value::N(present), Value::N(added)) => Ok(Value::N(present.checked_add(*added)?)),
            (Value::Ss(present), Value::Ss(added)) => Ok(Value::Ss(present | added)),
            (Value::Ns(present), Value::Ns(added)) => Ok(Value::Ns(present | added)),
            (Value::Bs(present), Value::Bs(added)) => Ok(Value::Bs(present | added)),
            (Value::L(present), Value::L(added)) => Ok(Value::L([present.as_slice(), added].concat())),
            _ => Err(self.mismatch()),
        }
    }

    /// `None` if nothing is left.
    fn difference(&self, present: &Value, deleted: &Value) -> Result<Option<Value>> {
        fn rest<T: Ord + Clone>(present: &BTreeSet<T>, deleted: &BTreeSet<T>) -> Option<BTreeSet<T>> {
            Some(present - deleted).filter(|rest| !rest.is_empty())
        }
        match (present, deleted) {
            (Value::Ss(present), Value::Ss(deleted)) => Ok(rest(present, deleted).map(Value::Ss)),
            (Value::Ns(present), Value::Ns(deleted)) => Ok(rest(present, deleted).map(Value::Ns)),
            (Value::Bs(present), Value::Bs(deleted)) => Ok(rest(present, deleted).map(Value::Bs)),
            _ => Err(self.mismatch()),
        }
    }

    fn mismatch(&self) -> Error {
        match self.spelling {
            Spelling::Expression => wrong_type(),
            Spelling::Legacy => Error::Validation("Type mismatch for attribute to update".to_owned()),
        }
    }
}

impl SetValue {
    fn evaluate(&self, before: &Item) -> Result<Value> {
        match self {
            Self::Operand(operand) => operand.evaluate(before),
            Self::Plus(left, right) => Ok(Value::N(left.number(before)?.checked_add(right.number(before)?)?)),
            Self::Minus(left, right) => {
                Ok(Value::N(left.number(before)?.checked_sub(right.number(before)?)?))
            }
        }
    }
}

impl SetOperand {
    fn evaluate(&self, before: &Item) -> Result<Value> {
        match self {
            Self::Value(value) => Ok(Value::clone(value)),
            Self::Path(path) => path.get(before).cloned().ok_or_else(|| {
                let text = "The provided expression refers to an attribute that does not exist in the item";
                Error::Validation(text.to_owned())
            }),
            Self::IfNotExists(path, otherwise) => match path.get(before) {
                Some(value) => Ok(value.clone()),
                None => otherwise.evaluate(before),
            },
            Self::ListAppend(first, second) => {
                let (Value::L(mut first), Value::L(second)) =
                    (first.evaluate(before)?, second.evaluate(before)?)
                else {
                    return Err(wrong_type());
                };
                first.extend(second);
                Ok(Value::L(first))
            }
        }
    }

    fn number(&self, before: &Item) -> Result<Number> {
        if let Value::N(number) = self.evaluate(before)? { Ok(number) } else { Err(wrong_type()) }
    }
}

fn wrong_type() -> Error {
    Error::Validation("An operand in the update expression has an incorrect data type".to_owned())
}

fn invalid_path() -> Error {
    let text = "The document path provided in the update expression is invalid for update";
    Error::Validation(text.to_owned())
}

/// Whether there is something, of the right kind, that the last element of the path could be in.
fn has_parent(path: &Path, item: &Item) -> bool {
    let Some((last, parents)) = path.tail.split_last() else { return true };
    let parent = Path { head: path.head.clone(), tail: parents.to_vec() };
    matches!(
        (last, parent.get(item)),
        (Element::Name(_), Some(Value::M(_))) | (Element::Index(_), Some(Value::L(_)))
    )
}

fn parent_mut<'a>(item: &'a mut Item, path: &Path, parents: &[Element]) -> Option<&'a mut Value> {
    parents.iter().try_fold(item.get_mut(&path.head)?, |value, element| element.get_mut(value))
}

/// Puts a value where the path leads, or at the end of a list if it leads behind it.
fn put(item: &mut Item, path: &Path, value: Value) -> Result<()> {
    let Some((last, parents)) = path.tail.split_last() else {
        item.insert(&*path.head, value);
        return Ok(());
    };
    match (last, parent_mut(item, path, parents).ok_or_else(invalid_path)?) {
        (Element::Name(name), Value::M(members)) => {
            members.insert(name.to_string(), value);
        }
        (Element::Index(index), Value::L(members)) => match members.get_mut(*index as usize) {
            Some(member) => *member = value,
            None => members.push(value),
        },
        _ => return Err(invalid_path()),
    }
    Ok(())
}

/// Removes what was there before; nothing that was put since has taken its place.
fn remove(item: &mut Item, path: &Path) {
    let Some((last, parents)) = path.tail.split_last() else {
        item.remove(&path.head);
        return;
    };
    match (last, parent_mut(item, path, parents)) {
        (Element::Name(name), Some(Value::M(members))) => {
            members.remove(&**name);
        }
        (Element::Index(index), Some(Value::L(members))) if (*index as usize) < members.len() => {
            members.remove(*index as usize);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
