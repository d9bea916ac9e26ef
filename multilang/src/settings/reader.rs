//! Values of properties, typed. What is wrong is kept, and reading goes on.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use super::keys::ZERO_IS_NONE;
use crate::properties::Properties;

#[derive(Debug)]
pub(super) struct Reader<'a> {
    properties: &'a Properties,
    faults: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(properties: &'a Properties) -> Self {
        Self { properties, faults: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn finish(self) -> (Vec<String>, Vec<String>) {
        (self.faults, self.warnings)
    }

    pub(super) fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    pub(super) fn warning(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// A key without a value is as good as none.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        let is_none = |value: &str| {
            let is_zero = value.parse::<f64>().is_ok_and(|number| number == 0.0);
            value.is_empty() || is_zero && ZERO_IS_NONE.contains(&key)
        };
        self.properties.get(key).filter(|value| !is_none(value))
    }

    pub(super) fn text_in_any_case(&self, key: &str) -> Option<&'a str> {
        let found = self.properties.entries().filter(|entry| entry.key.eq_ignore_ascii_case(key));
        found.last().map(|entry| entry.value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn required(&mut self, key: &str) -> &'a str {
        self.text(key).unwrap_or_else(|| {
            self.fault(format!("{key} is missing"));
            ""
        })
    }

    /// Of several spellings, the first that is there.
    pub(super) fn first(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.text(key)).map(str::to_owned)
    }

    /// A URL; where it has no scheme, it is HTTPS.
    pub(super) fn endpoint(&self, keys: &[&str]) -> Option<String> {
        let url = self.first(keys)?;
        Some(if url.contains("://") { url } else { format!("https://{url}") })
    }

    pub(super) fn parsed<T: FromStr>(&mut self, key: &str, what: &str) -> Option<T>
    where
        T::Err: Display,
    {
        let text = self.text(key)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(format!("{key}: {text:?} is not {what}: {error}"));
                None
            }
        }
    }

    /// A whole number, below 0 as well.
    pub(super) fn integer(&mut self, key: &str) -> Option<i64> {
        self.parsed(key, "a whole number")
    }

    pub(super) fn number(&mut self, key: &str, min: u64, max: u64) -> Option<u64> {
        let number: u64 = self.parsed(key, "a whole number")?;
        if (min..=max).contains(&number) {
            return Some(number);
        }
        self.fault(match max {
            u64::MAX => format!("{key}: it is at least {min}"),
            _ => format!("{key}: it lies between {min} and {max}"),
        });
        None
    }

    pub(super) fn millis(&mut self, key: &str) -> Option<Duration> {
        // A century is for ever, and sums of such do not overflow.
        const MAX: u64 = 100 * 366 * 24 * 3600 * 1000;
        self.number(key, 0, MAX).map(Duration::from_millis)
    }

    /// A finite number that is not below 0.
    pub(super) fn decimal(&mut self, key: &str) -> Option<f64> {
        let number: f64 = self.parsed(key, "a number")?;
        if number.is_finite() && number >= 0.0 {
            return Some(number);
        }
        self.fault(format!("{key}: it is not below 0"));
        None
    }

    /// In the words that KCL takes.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let text = self.text(key)?;
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "no" | "n" | "off" | "0" => Some(false),
            _ => {
                self.fault(format!("{key}: {text:?} is neither true nor false"));
                None
            }
        }
    }
}
