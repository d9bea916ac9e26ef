//! What `#names` and `:values` of a request's expressions stand for, and whether each of them was used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Fault, SUBSTITUTION_MAX, SUBSTITUTIONS_SIZE_MAX};
use crate::error::{Error, Result};
use crate::item::{check_levels, check_name, check_names};
use crate::value::{DEPTH_MAX, Value};

/// Shared by all expressions of one request, of which each is parsed with it; then [`Substitutions::finish`].
///
/// An expression may use the same name or value more than a thousand times; none is copied for that.
#[derive(Clone, Debug, Default)]
pub struct Substitutions {
    names: BTreeMap<String, Arc<str>>,
    values: BTreeMap<String, Arc<Value>>,
    /// With the sign that they begin with.
    used: BTreeSet<String>,
}

impl Substitutions {
    /// `names` and `values` are what the request has under ExpressionAttributeNames and
    /// ExpressionAttributeValues.
    ///
    /// # Errors
    ///
    /// When one is there and empty, a key in it is no placeholder, a name or value is none, or all together are
    /// larger than 2 MB.
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
        names.values().try_for_each(|name| check_name(name))?;
        for (key, value) in &values {
            // One level more than an attribute may have.
            check_levels(value, DEPTH_MAX + 1).map_err(|error| invalid_value(&error.to_string(), key))?;
            check_names(value)?;
        }
        check_size(&names, &values)?;
        Ok(Self {
            names: names.into_iter().map(|(key, name)| (key, name.into())).collect(),
            values: values.into_iter().map(|(key, value)| (key, value.into())).collect(),
            used: BTreeSet::new(),
        })
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

    pub(super) fn name(&mut self, alias: &str) -> Result<Arc<str>, Fault> {
        let name = self.names.get(alias).ok_or_else(|| {
            format!(
                "An expression attribute name used in the document path is not defined; attribute name: \
                 {alias}"
            )
        })?;
        self.used.insert(alias.to_owned());
        Ok(name.clone())
    }

    pub(super) fn value(&mut self, placeholder: &str) -> Result<&Arc<Value>, Fault> {
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

/// The limit is AWS's, the words are not: what it says is not documented.
fn check_size(names: &BTreeMap<String, String>, values: &BTreeMap<String, Value>) -> Result<()> {
    let of_names = names.iter().map(|(key, name)| key.len() + name.len()).sum::<usize>();
    let of_values = values.iter().map(|(key, value)| key.len() + value.size()).sum::<usize>();
    if of_names + of_values <= SUBSTITUTIONS_SIZE_MAX {
        return Ok(());
    }
    Err(Error::Validation(format!(
        "ExpressionAttributeNames and ExpressionAttributeValues have exceeded the maximum allowed size of \
         {SUBSTITUTIONS_SIZE_MAX} bytes"
    )))
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

    fn values(values: &[(&str, Value)]) -> Result<Substitutions> {
        let values = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        Substitutions::new(None, Some(values.collect()))
    }

    #[test]
    fn all_together_are_bounded() {
        let of_size = |size: usize| values(&[(":v", Value::S("x".repeat(size))), (":w", "".into())]);
        assert!(of_size(SUBSTITUTIONS_SIZE_MAX - 4).is_ok());
        let error = of_size(SUBSTITUTIONS_SIZE_MAX - 3).unwrap_err().to_string();
        assert!(error.contains("have exceeded the maximum allowed size of 2097152 bytes"), "{error}");
        let name = "x".repeat(65_000);
        let names = |count| (0..count).map(|at| (format!("#{at:02}"), name.clone())).collect();
        assert!(Substitutions::new(Some(names(32)), None).is_ok());
        assert!(Substitutions::new(Some(names(33)), None).is_err());
    }

    #[test]
    fn a_value_may_have_one_level_more_than_an_attribute() {
        let nested = |count| (0..count).fold(Value::Null, |inner, _| Value::L(vec![inner]));
        assert!(values(&[(":v", nested(32))]).is_ok());
        let error = values(&[(":v", nested(33))]).unwrap_err().to_string();
        assert!(
            error.starts_with("ExpressionAttributeValues contains invalid value: Nesting Levels"),
            "{error}"
        );
    }

    #[test]
    fn names_in_there_are_names() {
        let named = |name: &str| {
            let value = Value::M([(name.to_owned(), Value::Null)].into());
            values(&[(":v", value)]).map(|_| ()).unwrap_err().to_string()
        };
        let too_large =
            "1 validation error detected: Attribute name is too large, must be less than 65536 bytes";
        assert_eq!(named(""), "Empty attribute name");
        assert_eq!(named(&"x".repeat(65_536)), too_large);
        let alias =
            |name: String| Substitutions::new(Some([("#a".to_owned(), name)].into()), None).map(|_| ());
        assert_eq!(alias("x".repeat(65_536)), Err(Error::Validation(too_large.to_owned())));
        assert_eq!(alias("x".repeat(65_535)), Ok(()));
    }
}
