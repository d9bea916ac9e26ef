//! What `#names` and `:values` of a request's expressions stand for, and whether each of them was used.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, SUBSTITUTION_MAX};
use crate::error::{Error, Result};
use crate::item::check_depth;
use crate::value::Value;

/// Shared by all expressions of one request, of which each is parsed with it; then [`Substitutions::finish`].
#[derive(Clone, Debug, Default)]
pub struct Substitutions {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
    /// With the sign that they begin with.
    used: BTreeSet<String>,
}

impl Substitutions {
    /// `names` and `values` are what the request has under ExpressionAttributeNames and
    /// ExpressionAttributeValues.
    ///
    /// # Errors
    ///
    /// When one is there and empty, or a key in it is no placeholder.
    pub fn new(
        names: Option<BTreeMap<String, String>>,
        values: Option<BTreeMap<String, Value>>,
    ) -> Result<Self> {
        check_keys("ExpressionAttributeNames", '#', names.as_ref())?;
        check_keys("ExpressionAttributeValues", ':', values.as_ref())?;
        let (names, values) = (names.unwrap_or_default(), values.unwrap_or_default());
        if let Some((key, _)) = names.iter().find(|(_, name)| name.is_empty()) {
            return Err(Error::Validation(format!(
                "ExpressionAttributeNames contains invalid value: Empty attribute name for key {key}"
            )));
        }
        for (key, value) in &values {
            check_depth(value).map_err(|error| invalid_value(&error.to_string(), key))?;
        }
        Ok(Self { names, values, used: BTreeSet::new() })
    }

    /// To be called when every expression of the request is parsed.
    ///
    /// # Errors
    ///
    /// When a name or a value was not used in any of them.
    pub fn finish(&self) -> Result<()> {
        self.check_used("ExpressionAttributeNames", self.names.keys())?;
        self.check_used("ExpressionAttributeValues", self.values.keys())
    }

    fn check_used<'a>(&self, parameter: &str, keys: impl Iterator<Item = &'a String>) -> Result<()> {
        let unused: Vec<_> = keys.filter(|key| !self.used.contains(*key)).map(String::as_str).collect();
        if unused.is_empty() {
            return Ok(());
        }
        let unused = unused.join(", ");
        Err(Error::Validation(format!(
            "Value provided in {parameter} unused in expressions: keys: {{{unused}}}"
        )))
    }

    pub(super) fn name(&mut self, alias: &str) -> Result<String, Fault> {
        let name = self.names.get(alias).ok_or_else(|| {
            format!(
                "An expression attribute name used in the document path is not defined; attribute name: \
                 {alias}"
            )
        })?;
        self.used.insert(alias.to_owned());
        Ok(name.clone())
    }

    pub(super) fn value(&mut self, placeholder: &str) -> Result<&Value, Fault> {
        let value = self.values.get(placeholder).ok_or_else(|| {
            format!(
                "An expression attribute value used in expression is not defined; attribute value: \
                 {placeholder}"
            )
        })?;
        self.used.insert(placeholder.to_owned());
        Ok(value)
    }
}

/// What is said of a value, under a key of ExpressionAttributeValues, that is none.
pub fn invalid_value(reason: &str, key: &str) -> Error {
    Error::Validation(format!("ExpressionAttributeValues contains invalid value: {reason} for key {key}"))
}

fn check_keys<T>(parameter: &str, sign: char, map: Option<&BTreeMap<String, T>>) -> Result<()> {
    let Some(map) = map else { return Ok(()) };
    if map.is_empty() {
        return Err(Error::Validation(format!("{parameter} must not be empty")));
    }
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    for key in map.keys() {
        if key.len() > SUBSTITUTION_MAX {
            return Err(Error::Validation(format!(
                "{parameter} contains invalid key: The expression attribute map contains a key that is too \
                 long;"
            )));
        }
        if !key.strip_prefix(sign).is_some_and(is_word) {
            return Err(Error::Validation(format!(
                "{parameter} contains invalid key: Syntax error; key: \"{key}\""
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(names: Option<&[&str]>, values: Option<&[&str]>) -> String {
        let names = names.map(|keys| keys.iter().map(|key| (key.to_string(), "a".to_owned())).collect());
        let values = values.map(|keys| keys.iter().map(|key| (key.to_string(), Value::Null)).collect());
        match Substitutions::new(names, values).and_then(|substitutions| substitutions.finish()) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn keys_are_placeholders_and_each_is_used() {
        assert_eq!(message(None, None), "");
        assert_eq!(message(Some(&[]), None), "ExpressionAttributeNames must not be empty");
        assert_eq!(message(None, Some(&[])), "ExpressionAttributeValues must not be empty");
        assert_eq!(
            message(Some(&["a"]), None),
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\""
        );
        assert_eq!(
            message(None, Some(&[":a-b"])),
            "ExpressionAttributeValues contains invalid key: Syntax error; key: \":a-b\""
        );
        assert_eq!(
            message(Some(&["#a", "#b"]), Some(&[":c"])),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}"
        );
        assert_eq!(
            message(None, Some(&[":c"])),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:c}"
        );
    }
}
