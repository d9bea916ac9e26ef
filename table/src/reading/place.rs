//! Where a read stands: the key that ExclusiveStartKey and LastEvaluatedKey are about.
//!
//! In an index, several items may have the same key; so a place there is the index's key and the table's. Nothing
//! needs to be at a place.

use bytes::Bytes;

use super::target::Target;
use crate::error::{Error, Result};
use crate::item::Item;
use crate::key::{Key, KeySchema};
use crate::keyspace::entry_key::{index_entry_key, item_key};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) base: Key,
    /// The key in the index that is read, if one is.
    pub(crate) index: Option<Key>,
}

impl Place {
    /// The place that a request names.
    ///
    /// # Errors
    ///
    /// When it has not exactly the key attributes of the table and of the index that is read, or values that
    /// could not be theirs.
    pub(crate) fn given(target: &Target<'_>, start: &Item) -> Result<Self> {
        let base = target.meta.keys.key(&part(start, &target.meta.keys));
        let Some(index) = target.index else {
            let base =
                if is_all(start, &target.meta.keys, None) { base } else { target.meta.keys.key(start) };
            return Ok(Self { base: base.map_err(invalid)?, index: None });
        };
        let plainly_invalid = || Error::Validation(INVALID.to_owned());
        if !is_all(start, &target.meta.keys, Some(&index.keys)) {
            return Err(plainly_invalid());
        }
        let of_index = index.keys.key(&part(start, &index.keys)).map_err(|_| plainly_invalid())?;
        Ok(Self { base: base.map_err(invalid)?, index: Some(of_index) })
    }

    /// The same for a query, which does not say what is wrong.
    pub(crate) fn given_to_query(target: &Target<'_>, start: &Item) -> Result<Self> {
        Self::given(target, start).map_err(|_| Error::Validation(INVALID.to_owned()))
    }

    /// The place of something that was read; `None` if it has no key, which never happens.
    pub(crate) fn of(target: &Target<'_>, item: &Item) -> Option<Self> {
        let index = match target.index {
            Some(index) => Some(index.keys.stored_key_of(item)?),
            None => None,
        };
        Some(Self { base: target.meta.keys.stored_key_of(item)?, index })
    }

    /// The key that gives the place its order.
    pub(crate) fn key(&self) -> &Key {
        self.index.as_ref().unwrap_or(&self.base)
    }

    /// As LastEvaluatedKey shows it.
    pub(crate) fn to_item(&self, target: &Target<'_>) -> Item {
        let mut shown = self.base.to_item(&target.meta.keys);
        if let (Some(key), Some(index)) = (&self.index, target.index) {
            for (name, value) in key.to_item(&index.keys) {
                shown.insert(name, value);
            }
        }
        shown
    }

    /// The key in storage.
    pub(crate) fn stored_at(&self, target: &Target<'_>) -> Bytes {
        match (&self.index, target.index) {
            (Some(key), Some(index)) => index_entry_key(target.meta.uid, index.uid, key, &self.base),
            _ => item_key(target.meta.uid, &self.base),
        }
    }
}

const INVALID: &str = "The provided starting key is invalid";

#[allow(clippy::needless_pass_by_value)] // for its being given to `map_err`
fn invalid(error: Error) -> Error {
    Error::Validation(format!("{INVALID}: {error}"))
}

/// The attributes of a key among others.
fn part(given: &Item, keys: &KeySchema) -> Item {
    let named = keys.elements().filter_map(|element| {
        let value = given.get(&element.name)?;
        Some((element.name.clone(), value.clone()))
    });
    named.collect()
}

/// Whether there are no attributes but those of the keys.
fn is_all(given: &Item, keys: &KeySchema, others: Option<&KeySchema>) -> bool {
    given.iter().all(|(name, _)| keys.has(name) || others.is_some_and(|others| others.has(name)))
}
