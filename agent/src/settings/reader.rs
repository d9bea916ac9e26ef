//! Values of one object of a configuration, typed. What is wrong is noted, and reading goes on.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Remarks;

/// From here on two keys look alike.
const ALIKE: f64 = 0.85;

#[derive(Debug)]
pub(super) struct Reader<'a> {
    object: &'a Map<String, Value>,
    /// What is said before each remark: which object this is.
    place: String,
    known: BTreeSet<&'static str>,
    remarks: &'a mut Remarks,
}

impl<'a> Reader<'a> {
    pub(super) fn new(object: &'a Map<String, Value>, place: &str, remarks: &'a mut Remarks) -> Self {
        Self { object, place: place.to_owned(), known: BTreeSet::new(), remarks }
    }

    /// Warns of what nobody has asked for.
    pub(super) fn finish(self) {
        for key in self.object.keys().filter(|key| !self.known.contains(key.as_str())) {
            let wanted = key.to_ascii_lowercase();
            let likeness = |known: &str| strsim::jaro_winkler(&known.to_ascii_lowercase(), &wanted);
            let nearest = self.known.iter().map(|known| (likeness(known), known));
            let nearest = nearest.max_by(|(one, _), (other, _)| one.total_cmp(other));
            let hint = nearest.filter(|(alike, _)| *alike >= ALIKE);
            let hint = hint.map(|(_, known)| format!("; is {known} meant?")).unwrap_or_default();
            self.remarks.warnings.push(format!("{}{key} is not known, and ignored{hint}", self.place));
        }
    }

    pub(super) fn fault(&mut self, key: &str, what: impl Display) {
        self.remarks.faults.push(format!("{}{key}: {what}", self.place));
    }

    pub(super) fn remarks(&mut self) -> &mut Remarks {
        self.remarks
    }

    /// A key that is known and changes nothing.
    pub(super) fn noted(&mut self, key: &'static str, reason: &str) {
        if self.value(key).is_some() {
            self.remarks.notices.push(format!("{}{key} changes nothing: {reason}", self.place));
        }
    }

    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.insert(key);
        self.object.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<&'a str> {
        match self.value(key)? {
            Value::String(text) => Some(text),
            _ => {
                self.fault(key, "it is a text");
                None
            }
        }
    }

    pub(super) fn required(&mut self, key: &'static str) -> Option<&'a str> {
        let is_missing = self.value(key).is_none();
        if is_missing {
            self.fault(key, "it is missing");
        }
        self.text(key)
    }

    pub(super) fn parsed<T: FromStr>(&mut self, key: &'static str) -> Option<T>
    where
        T::Err: Display,
    {
        self.text(key)?.parse().map_err(|error: T::Err| self.fault(key, error)).ok()
    }

    /// Of a few words, the one that it is, in any case of letters.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.fault(key, format_args!("{text:?} is none of {}", words.join(", ")));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// A whole number, which may be written as a text.
    pub(super) fn number(&mut self, key: &'static str, min: u64, max: u64) -> Option<u64> {
        let number = match self.value(key)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if let Some(number) = number.filter(|number| (min..=max).contains(number)) {
            return Some(number);
        }
        match max {
            u64::MAX => self.fault(key, format_args!("it is a whole number from {min} on")),
            _ => self.fault(key, format_args!("it is a whole number from {min} to {max}")),
        }
        None
    }

    /// A number that counts things in memory.
    pub(super) fn count(&mut self, key: &'static str, min: u64, max: u64) -> Option<usize> {
        self.number(key, min, max).and_then(|number| usize::try_from(number).ok())
    }

    pub(super) fn millis(&mut self, key: &'static str, min: u64, max: u64) -> Option<Duration> {
        self.number(key, min, max).map(Duration::from_millis)
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        match self.value(key)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => {
                self.fault(key, "it is true or false");
                None
            }
        }
    }

    /// One text, or several.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<&'a str>> {
        let texts = match self.value(key)? {
            Value::String(text) => Some(vec![text.as_str()]),
            Value::Array(values) => values.iter().map(Value::as_str).collect(),
            _ => None,
        };
        if texts.is_none() {
            self.fault(key, "it is a list of texts");
        }
        texts
    }

    /// A list of objects; none is an empty one.
    pub(super) fn objects(&mut self, key: &'static str) -> Vec<&'a Map<String, Value>> {
        let objects = match self.value(key) {
            None => Some(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(Value::as_object).collect(),
            Some(_) => None,
        };
        objects.unwrap_or_else(|| {
            self.fault(key, "it is a list of objects");
            Vec::new()
        })
    }
}
