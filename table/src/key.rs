//! Keys: which attributes are a table's or an index's, what they may hold, and what is said if they do not.
//!
//! How keys become bytes that sort as they do is in `encoding`. Where entries are stored is not decided here.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::expression::{Condition, Path, Spelling};
use crate::item::Item;
use crate::number::Number;
use crate::value::{Type, Value};

mod encoding;

pub use encoding::ByteRange;
pub(crate) use encoding::partition;

/// The longest hash key, in bytes of all its values.
pub const HASH_MAX: usize = 2048;
/// The longest range key, in bytes of all its values.
pub const RANGE_MAX: usize = 1024;

/// The types that a key attribute may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    S,
    N,
    B,
}

impl KeyType {
    pub fn kind(self) -> Type {
        match self {
            Self::S => Type::S,
            Self::N => Type::N,
            Self::B => Type::B,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyElement {
    pub name: String,
    pub kind: KeyType,
}

/// The most hash keys, and the most range keys, of a global index.
pub(crate) const PARTS_MAX: usize = 4;

/// The key attributes of a table or of an index. A table or a local index has one hash key and at most one range key; a
/// global index has one to four of the one and at most four of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySchema {
    pub hash: Vec<KeyElement>,
    pub range: Vec<KeyElement>,
}

/// The value of one key attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValue {
    S(String),
    N(Number),
    B(Bytes),
}

/// Where an item is in a table or an index. Keys of one schema sort as a table's items do: by hash key, and
/// within one by range key, and either of them by its attributes in their order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub hash: Vec<KeyValue>,
    pub range: Vec<KeyValue>,
}

/// Whose key a schema is of, where messages tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    Table,
    Index,
}

impl KeyValue {
    /// The value as a key's, if it has one of the three types.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::S(text) => Some(Self::S(text.clone())),
            Value::N(number) => Some(Self::N(*number)),
            Value::B(bytes) => Some(Self::B(bytes.clone())),
            _ => None,
        }
    }

    /// What an update that gives an index this key is told.
    pub(crate) fn check_updated(&self) -> Result<()> {
        check_not_empty(self).map_err(|what| {
            Error::EmptyKey(format!(
                "One or more parameter values are not valid. The update expression attempted to update a secondary \
                 index key to a value that is not supported. {what}"
            ))
        })
    }

    pub fn into_value(self) -> Value {
        match self {
            Self::S(text) => Value::S(text),
            Self::N(number) => Value::N(number),
            Self::B(bytes) => Value::B(bytes),
        }
    }
}

impl KeySchema {
    /// Hash keys first.
    pub fn elements(&self) -> impl Iterator<Item = &KeyElement> {
        self.hash.iter().chain(&self.range)
    }

    pub fn has(&self, name: &str) -> bool {
        self.elements().any(|element| element.name == name)
    }

    /// The key of an item that is to be put.
    ///
    /// # Errors
    ///
    /// When a key attribute is missing, of another type, empty, or too long.
    pub fn key_of_item(&self, item: &Item) -> Result<Key> {
        self.build(|element| {
            let value = item.get(&element.name).ok_or_else(|| {
                Error::invalid_parameter(format_args!("Missing the key {} in the item", element.name))
            })?;
            let key = element.accept(value).ok_or_else(|| {
                Error::invalid_parameter(format_args!(
                    "Type mismatch for key {} expected: {} actual: {}",
                    element.name,
                    element.kind.kind(),
                    value.kind()
                ))
            })?;
            element.check_not_empty(&key, None)?;
            Ok(key)
        })
    }

    /// The key that a request names: an item of key attributes and nothing else.
    ///
    /// # Errors
    ///
    /// When it has other attributes than the schema, or values of other types, or empty or too long ones.
    pub fn key(&self, given: &Item) -> Result<Key> {
        if given.len() != self.elements().count() {
            return Err(no_match());
        }
        self.key_within(given)
    }

    /// The key of an item that is to be put with others, as BatchWriteItem has it: as [`Self::key`], among other
    /// attributes.
    ///
    /// # Errors
    ///
    /// Those of [`Self::key`], where [`Self::key_of_item`] would tell more.
    pub fn key_within(&self, item: &Item) -> Result<Key> {
        self.build(|element| {
            let key = item.get(&element.name).and_then(|value| element.accept(value)).ok_or_else(no_match)?;
            element.check_not_empty(&key, None)?;
            Ok(key)
        })
    }

    /// The key of an item in the secondary index that has this schema; `None` if the item is not in it,
    /// because it lacks a key attribute.
    ///
    /// # Errors
    ///
    /// When a key attribute is there and of another type, empty, or too long.
    pub fn index_key_of_item(&self, item: &Item, index: &str) -> Result<Option<Key>> {
        let key_value = |element: &KeyElement| -> Result<Option<KeyValue>> {
            let Some(value) = item.get(&element.name) else { return Ok(None) };
            let key = element.accept(value).ok_or_else(|| {
                Error::invalid_parameter(format_args!(
                    "Type mismatch for Index Key {} Expected: {} Actual: {} IndexName: {index}",
                    element.name,
                    element.kind.kind(),
                    value.kind()
                ))
            })?;
            element.check_not_empty(&key, Some(index))?;
            Ok(Some(key))
        };
        let all = |elements: &[KeyElement]| elements.iter().map(key_value).collect::<Result<Vec<_>>>();
        let (hash, range) = (all(&self.hash)?, all(&self.range)?);
        // What is there must be able to be a key even if another one is missing.
        check_lengths(hash.iter().flatten(), range.iter().flatten())?;
        let whole = |values: Vec<Option<KeyValue>>| values.into_iter().collect::<Option<Vec<_>>>();
        Ok(whole(hash).zip(whole(range)).map(|(hash, range)| Key { hash, range }))
    }

    /// The key of an item that is stored already; `None` if it lacks one or has one that could not be put, as
    /// items have that were there before an index was.
    pub fn stored_key_of(&self, item: &Item) -> Option<Key> {
        self.key_of_item(item).ok()
    }

    /// # Errors
    ///
    /// When a path leads into a key attribute: none of them has anything within.
    pub fn check_scalars<'a>(&self, paths: impl IntoIterator<Item = &'a Path>, role: KeyRole) -> Result<()> {
        let mut into = paths.into_iter().filter(|path| path.is_nested() && self.has(&path.head));
        let Some(path) = into.next() else { return Ok(()) };
        let role = if role == KeyRole::Table { "Key" } else { "IndexKey" };
        Err(Error::Validation(format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: \
             {role}: {}",
            path.head
        )))
    }

    /// # Errors
    ///
    /// When a query's filter is about the key, which the key condition is there for.
    pub fn check_filter(&self, filter: &Condition, spelling: Spelling) -> Result<()> {
        let Some(path) = filter.paths().into_iter().find(|path| self.has(&path.head)) else { return Ok(()) };
        let parameter = match spelling {
            Spelling::Expression => "Filter Expression",
            Spelling::Legacy => "QueryFilter",
        };
        Err(Error::Validation(format!(
            "{parameter} can only contain non-primary key attributes: Primary key attribute: {}",
            path.head
        )))
    }

    fn build(&self, value_of: impl Fn(&KeyElement) -> Result<KeyValue>) -> Result<Key> {
        let hash = self.hash.iter().map(&value_of).collect::<Result<Vec<_>>>()?;
        let range = self.range.iter().map(&value_of).collect::<Result<Vec<_>>>()?;
        check_lengths(hash.iter(), range.iter())?;
        Ok(Key { hash, range })
    }
}

impl KeyElement {
    /// The value as a key's, if it has the right type.
    pub(crate) fn accept(&self, value: &Value) -> Option<KeyValue> {
        if value.kind() == self.kind.kind() { KeyValue::of(value) } else { None }
    }

    /// As items and key conditions give it, to the table or to the index of that name.
    pub(crate) fn check_not_empty(&self, key: &KeyValue, index: Option<&str>) -> Result<()> {
        check_not_empty(key).map_err(|what| {
            let (invalid, name) = ("One or more parameter values are not valid.", &self.name);
            Error::EmptyKey(match index {
                None => format!("{invalid} {what} Key: {name}"),
                Some(index) => format!(
                    "{invalid} A value specified for a secondary index key is not supported. {what} \
                     IndexName: {index}, IndexKey: {name}"
                ),
            })
        })
    }
}

impl Key {
    /// Where all items are that share the hash key.
    pub fn of_hash(hash: Vec<KeyValue>) -> Self {
        Self { hash, range: Vec::new() }
    }

    /// The key as attributes, as `Keys` and `LastEvaluatedKey` show it.
    pub fn to_item(&self, schema: &KeySchema) -> Item {
        let values = self.hash.iter().chain(&self.range);
        let named = schema.elements().zip(values);
        named.map(|(element, value)| (element.name.clone(), value.clone().into_value())).collect()
    }
}

fn no_match() -> Error {
    Error::Validation("The provided key element does not match the schema".to_owned())
}

fn check_not_empty(key: &KeyValue) -> Result<(), &'static str> {
    match key {
        KeyValue::S(text) if text.is_empty() => {
            Err("The AttributeValue for a key attribute cannot contain an empty string value.")
        }
        KeyValue::B(bytes) if bytes.is_empty() => {
            Err("The AttributeValue for a key attribute cannot contain an empty binary value.")
        }
        _ => Ok(()),
    }
}

fn check_lengths<'a>(
    hash: impl Iterator<Item = &'a KeyValue>,
    range: impl Iterator<Item = &'a KeyValue>,
) -> Result<()> {
    let length = |key: &KeyValue| match key {
        KeyValue::S(text) => text.len(),
        KeyValue::B(bytes) => bytes.len(),
        KeyValue::N(_) => 0,
    };
    if hash.map(length).sum::<usize>() > HASH_MAX {
        // No space before the number: so AWS writes it.
        return Err(Error::invalid_parameter(
            "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ));
    }
    if range.map(length).sum::<usize>() > RANGE_MAX {
        let text = "Aggregated size of all range keys has exceeded the size limit of 1024 bytes";
        return Err(Error::invalid_parameter(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Element;

    fn schema() -> KeySchema {
        let element = |name: &str, kind| KeyElement { name: name.to_owned(), kind };
        KeySchema { hash: vec![element("h", KeyType::S)], range: vec![element("r", KeyType::N)] }
    }

    fn item(attributes: &[(&str, Value)]) -> Item {
        attributes.iter().cloned().collect()
    }

    fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn the_key_of_an_item_is_taken_from_it() {
        let item = item(&[("h", "a".into()), ("r", 1.into()), ("x", Value::Null)]);
        let key = schema().key_of_item(&item).unwrap();
        assert_eq!(key, Key { hash: vec![KeyValue::S("a".to_owned())], range: vec![KeyValue::N(1.into())] });
        assert_eq!(schema().key(&key.to_item(&schema())), Ok(key));
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        let prefix = "One or more parameter values were invalid:";
        let of = |attributes: &[(&str, Value)]| message(schema().key_of_item(&item(attributes)));
        assert_eq!(of(&[("h", "a".into())]), format!("{prefix} Missing the key r in the item"));
        assert_eq!(
            of(&[("h", 1.into()), ("r", 1.into())]),
            format!("{prefix} Type mismatch for key h expected: S actual: N")
        );
        assert_eq!(
            of(&[("h", "".into()), ("r", 1.into())]),
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot \
             contain an empty string value. Key: h"
        );
        assert_eq!(
            of(&[("h", Value::S("x".repeat(2049))), ("r", 1.into())]),
            format!("{prefix} Size of hashkey has exceeded the maximum size limit of2048 bytes")
        );
        assert!(schema().key_of_item(&item(&[("h", Value::S("x".repeat(2048))), ("r", 1.into())])).is_ok());
    }

    #[test]
    fn a_long_range_key_is_refused() {
        let mut schema = schema();
        schema.range = vec![KeyElement { name: "r".to_owned(), kind: KeyType::B }];
        let of = |length| schema.key(&item(&[("h", "a".into()), ("r", Value::B(vec![0; length].into()))]));
        assert!(of(1024).is_ok());
        assert_eq!(
            message(of(1025)),
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the \
             size limit of 1024 bytes"
        );
        assert_eq!(
            message(of(0)),
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot \
             contain an empty binary value. Key: r"
        );
    }

    #[test]
    fn a_request_names_the_key_and_nothing_else() {
        let full = [("h", Value::from("a")), ("r", 1.into()), ("x", Value::Null)];
        for given in [&full[..], &full[..1], &full[1..], &[("h", 1.into()), ("r", 1.into())], &[]] {
            assert_eq!(
                message(schema().key(&item(given))),
                "The provided key element does not match the schema"
            );
        }
    }

    #[test]
    fn filters_and_paths_keep_away_from_keys() {
        let nested = Path { head: "h".into(), tail: vec![Element::Index(0)] };
        let elsewhere = Path { head: "x".into(), ..nested.clone() };
        assert_eq!(schema().check_scalars([&Path::attribute("h"), &elsewhere], KeyRole::Table), Ok(()));
        for (role, shown) in [(KeyRole::Table, "Key"), (KeyRole::Index, "IndexKey")] {
            assert_eq!(
                message(schema().check_scalars([&nested], role)),
                format!(
                    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not \
                     allowed: {shown}: h"
                )
            );
        }
        let filter = Condition::Not(Box::new(Condition::Exists(Path::attribute("r"))));
        assert_eq!(
            message(schema().check_filter(&filter, Spelling::Expression)),
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: r"
        );
        assert_eq!(
            message(schema().check_filter(&filter, Spelling::Legacy)),
            "QueryFilter can only contain non-primary key attributes: Primary key attribute: r"
        );
        assert_eq!(schema().check_filter(&Condition::And(vec![]), Spelling::Legacy), Ok(()));
    }

    #[test]
    fn an_index_holds_the_items_that_have_its_key() {
        let of = |attributes: &[(&str, Value)]| schema().index_key_of_item(&item(attributes), "i");
        assert_eq!(of(&[("h", "a".into())]), Ok(None));
        assert!(of(&[("h", "a".into()), ("r", 1.into())]).unwrap().is_some());
        assert_eq!(
            message(of(&[("r", "x".into())])),
            "One or more parameter values were invalid: Type mismatch for Index Key r Expected: N Actual: S \
             IndexName: i"
        );
        assert_eq!(
            message(of(&[("h", "".into())])),
            "One or more parameter values are not valid. A value specified for a secondary index key is not \
             supported. The AttributeValue for a key attribute cannot contain an empty string value. \
             IndexName: i, IndexKey: h"
        );
        assert_eq!(
            message(of(&[("h", Value::S("x".repeat(2049)))])),
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit \
             of2048 bytes"
        );
    }
}
