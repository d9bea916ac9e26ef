//! Regular expressions that the program holds: of the model, and of what is checked beside it.
//!
//! Each is compiled when it is first needed. None needs Unicode's tables, with which this program is not built: a class
//! such as `\d` is spelled out, which is checked when the program is compiled, and which AWS means anyway.

use std::sync::OnceLock;

use regex::Regex;

/// What a text must be like.
#[derive(Debug)]
pub(crate) struct Expression {
    pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Expression {
    /// To be called for statics, so that it fails in the compiler, for a class that needs Unicode's tables.
    pub(crate) const fn new(pattern: &'static str) -> Self {
        let (bytes, mut at) = (pattern.as_bytes(), 0);
        while at + 1 < bytes.len() {
            let escaped = bytes[at + 1].to_ascii_lowercase();
            let is_class = matches!(escaped, b'd' | b's' | b'w' | b'b' | b'p');
            assert!(bytes[at] != b'\\' || !is_class, "the class is to be spelled out");
            assert!(
                bytes[at] != b'(' || bytes[at + 1] != b'?' || bytes[at + 2] == b':',
                "flags are not for here"
            );
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        Self { pattern, compiled: OnceLock::new() }
    }

    /// Whether `text` matches; the expression says by itself whether all of it must. Nothing matches one that does not
    /// compile, and there is none: tests ask every one of them.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| {
            let compiled = Regex::new(self.pattern);
            debug_assert!(compiled.is_ok(), "{compiled:?}");
            compiled.ok()
        });
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{cloudwatch, dynamodb, kinesis};

    #[test]
    fn those_of_every_model_compile() {
        let services = [
            kinesis::generated::PATTERNS,
            dynamodb::generated::PATTERNS,
            dynamodb::streams::generated::PATTERNS,
            cloudwatch::generated::PATTERNS,
        ];
        for (name, constraint) in services.into_iter().flatten() {
            // It panics if the expression does not compile.
            (constraint.pattern.unwrap().matches)(name);
        }
    }

    #[test]
    #[should_panic(expected = "unclosed group")]
    fn one_that_does_not_compile_is_noticed() {
        Expression::new("(a").matches("a");
    }

    #[test]
    fn one_that_needs_unicode_is_noticed() {
        for pattern in [r"\d", r"a\S+", r"[\w]", r"\\\b", r"\p{L}", "(?i)a", "(?i:a)"] {
            assert!(std::panic::catch_unwind(|| Expression::new(pattern)).is_err(), "{pattern}");
        }
        for pattern in [r"\\d", r"\.(?:[0-9])", r"\A\x{85}\z", "(a)", "\\", ""] {
            Expression::new(pattern);
        }
    }
}
