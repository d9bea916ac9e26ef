//! Items: what a table holds, attributes by name.
//!
//! An [`Item`] says nothing of keys; a key, as requests give it, has the shape of an item too.

use std::collections::{BTreeMap, btree_map};

use crate::error::{Error, Result};
use crate::value::{DEPTH_MAX, Value};

mod codec;

pub use codec::CorruptItem;

/// The most bytes that an item may have, names included: 400 KB.
pub const SIZE_MAX: usize = 409_600;
/// The longest name of an attribute or of a member of a map, in bytes.
const NAME_MAX: usize = 65_535;

/// Attributes in the order of their names' bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Item(BTreeMap<String, Value>);

impl Item {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.get_mut(name)
    }

    /// Sets an attribute; returns what it was.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) -> Option<Value> {
        self.0.insert(name.into(), value)
    }

    /// Removes an attribute; returns what it was.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> btree_map::Iter<'_, String, Value> {
        self.0.iter()
    }

    /// The size that limits and capacity go by, in bytes: names and values.
    pub fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.size()).sum()
    }

    /// Whether the item may be put into a table.
    ///
    /// # Errors
    ///
    /// When it is larger than [`SIZE_MAX`], nested more deeply than [`DEPTH_MAX`], or a name in it is none.
    pub fn check(&self) -> Result<()> {
        self.check_as(|| Error::Validation("Item size has exceeded the maximum allowed size".to_owned()))
    }

    /// As [`Item::check`], in the words for an item that an update made.
    ///
    /// # Errors
    ///
    /// As those of [`Item::check`].
    pub fn check_updated(&self) -> Result<()> {
        self.check_as(updated_too_large)
    }

    fn check_as(&self, too_large: fn() -> Error) -> Result<()> {
        self.0.values().try_for_each(check_depth)?;
        for (name, value) in &self.0 {
            check_name(name)?;
            check_names(value)?;
        }
        if self.size() > SIZE_MAX { Err(too_large()) } else { Ok(()) }
    }
}

/// Whether a value may be an attribute's, as far as its depth goes.
///
/// # Errors
///
/// When it is nested more deeply than [`DEPTH_MAX`].
pub fn check_depth(value: &Value) -> Result<()> {
    check_levels(value, DEPTH_MAX)
}

/// As [`check_depth`], for a value that may have so many levels.
pub(crate) fn check_levels(value: &Value, levels: usize) -> Result<()> {
    if value.fits_into(levels) {
        return Ok(());
    }
    let text = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels \
                beyond supported limit";
    Err(Error::Validation(text.to_owned()))
}

/// Whether the names within a value, which is not nested too deeply, are names.
pub(crate) fn check_names(value: &Value) -> Result<()> {
    match value {
        Value::M(members) => members.iter().try_for_each(|(name, value)| {
            check_name(name)?;
            check_names(value)
        }),
        Value::L(members) => members.iter().try_for_each(check_names),
        _ => Ok(()),
    }
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::Validation("Empty attribute name".to_owned()));
    }
    if name.len() > NAME_MAX {
        let text = "1 validation error detected: Attribute name is too large, must be less than 65536 bytes";
        return Err(Error::Validation(text.to_owned()));
    }
    Ok(())
}

/// What is said of an update that would make an item larger than [`SIZE_MAX`].
pub(crate) fn updated_too_large() -> Error {
    Error::Validation("Item size to update has exceeded the maximum allowed size".to_owned())
}

impl IntoIterator for Item {
    type Item = (String, Value);
    type IntoIter = btree_map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Item {
    type Item = (&'a String, &'a Value);
    type IntoIter = btree_map::Iter<'a, String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<N: Into<String>> FromIterator<(N, Value)> for Item {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(attributes: I) -> Self {
        Self(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl From<BTreeMap<String, Value>> for Item {
    fn from(attributes: BTreeMap<String, Value>) -> Self {
        Self(attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_count() {
        let item: Item = [("ab", Value::from("c")), ("n", Value::from(1))].into_iter().collect();
        assert_eq!(item.size(), 2 + 1 + 1 + 2);
    }

    #[test]
    fn an_item_of_the_largest_size_is_the_last_that_fits() {
        let of_size = |size: usize| Item::from_iter([("a", Value::S("x".repeat(size - 1)))]);
        assert_eq!(of_size(SIZE_MAX).check(), Ok(()));
        let error = of_size(SIZE_MAX + 1).check().unwrap_err();
        assert_eq!(error.to_string(), "Item size has exceeded the maximum allowed size");
        let error = of_size(SIZE_MAX + 1).check_updated().unwrap_err();
        assert_eq!(error.to_string(), "Item size to update has exceeded the maximum allowed size");
    }

    #[test]
    fn names_are_neither_empty_nor_too_long() {
        for nesting in [0, 1, 2] {
            let named = |name: &str| {
                let nest = |(name, value): (String, Value)| {
                    ("a".to_owned(), Value::M([(name, Value::L(vec![value]))].into()))
                };
                let attribute = (name.to_owned(), Value::Null);
                Item::from_iter([(0..nesting).fold(attribute, |inner, _| nest(inner))]).check()
            };
            assert_eq!(named(&"x".repeat(65_535)), Ok(()));
            assert_eq!(
                named(&"x".repeat(65_536)).unwrap_err().to_string(),
                "1 validation error detected: Attribute name is too large, must be less than 65536 bytes"
            );
            assert_eq!(named("").unwrap_err().to_string(), "Empty attribute name");
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let nested = |count| (0..count).fold(Value::Null, |inner, _| Value::L(vec![inner]));
        assert_eq!(Item::from_iter([("a", nested(31))]).check(), Ok(()));
        let error = Item::from_iter([("a", nested(32))]).check().unwrap_err();
        assert!(error.to_string().starts_with("Nesting Levels have exceeded supported limits"));
    }
}
