//! Takes attributes out of a row one by one, as what they should be. What is left at the end was not known.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::{BadRow, Row, Value};

#[derive(Debug)]
pub(crate) struct Reader {
    key: String,
    row: Row,
}

impl Reader {
    /// `key_attribute` stays in the row until it is taken.
    pub(crate) fn new(row: Row, key_attribute: &str) -> Self {
        let key = match row.get(key_attribute) {
            Some(Value::S(key)) => key.clone(),
            _ => "(without a key)".to_owned(),
        };
        Self { key, row }
    }

    /// Whatever was not taken.
    pub(crate) fn into_rest(self) -> Row {
        self.row
    }

    pub(crate) fn take(&mut self, attribute: &str) -> Option<Value> {
        self.row.remove(attribute)
    }

    pub(crate) fn bad(&self, attribute: &str, problem: impl Into<String>) -> BadRow {
        BadRow { key: self.key.clone(), attribute: attribute.to_owned(), problem: problem.into() }
    }

    fn wrong_type(&self, attribute: &str, expected: &str, value: &Value) -> BadRow {
        self.bad(attribute, format!("should be of type {expected} and is of type {}", value.type_name()))
    }

    pub(crate) fn text(&mut self, attribute: &str) -> Result<Option<String>, BadRow> {
        match self.take(attribute) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::S(text)) => Ok(Some(text)),
            Some(value) => Err(self.wrong_type(attribute, "S", &value)),
        }
    }

    /// Text of a form. Empty text counts as none.
    pub(crate) fn parsed<T: FromStr<Err: ToString>>(&mut self, attribute: &str) -> Result<Option<T>, BadRow> {
        match self.text(attribute)? {
            Some(text) if !text.is_empty() => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.bad(attribute, format!("is {text:?}: {}", error.to_string()))),
            },
            _ => Ok(None),
        }
    }

    /// A whole number, which may be written as Java writes doubles.
    pub(crate) fn whole(&mut self, attribute: &str) -> Result<Option<u64>, BadRow> {
        let Some(text) = self.number_text(attribute)? else { return Ok(None) };
        if let Ok(number) = text.parse::<u64>() {
            return Ok(Some(number));
        }
        match text.parse::<f64>() {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked to be exact
            Ok(number) if number.fract() == 0.0 && (0.0..9e15).contains(&number) => Ok(Some(number as u64)),
            _ => Err(self.bad(attribute, format!("is {text}, which is not a whole number from 0 on"))),
        }
    }

    pub(crate) fn fraction(&mut self, attribute: &str) -> Result<Option<f64>, BadRow> {
        let Some(text) = self.number_text(attribute)? else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.bad(attribute, format!("is {text}, which is not a number"))),
        }
    }

    fn number_text(&mut self, attribute: &str) -> Result<Option<String>, BadRow> {
        match self.take(attribute) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::N(text)) => Ok(Some(text)),
            Some(value) => Err(self.wrong_type(attribute, "N", &value)),
        }
    }

    pub(crate) fn texts<T>(&mut self, attribute: &str) -> Result<BTreeSet<T>, BadRow>
    where
        T: FromStr<Err: ToString> + Ord,
    {
        match self.take(attribute) {
            None | Some(Value::Null) => Ok(BTreeSet::new()),
            Some(Value::Ss(texts)) => texts
                .iter()
                .map(|text| text.parse().map_err(|error: T::Err| self.bad(attribute, error.to_string())))
                .collect(),
            Some(value) => Err(self.wrong_type(attribute, "SS", &value)),
        }
    }

    /// What must be there.
    pub(crate) fn required<T>(&self, attribute: &str, value: Option<T>) -> Result<T, BadRow> {
        value.ok_or_else(|| self.bad(attribute, "is missing"))
    }
}
