//! Patterns of the model as Rust code: the simple ones as a loop over bytes, the rest as a regular
//! expression.
//!
//! The patterns are Java's, and the whole string must match. Names and numbers are checked on every request,
//! where starting a regular expression engine would cost more than decoding the member.

use std::fmt::Write;

/// The body of a function from `text: &str` to `bool`.
pub(crate) fn matcher(pattern: &str) -> String {
    if let Some(digits_max) = decimal(pattern) {
        return format!("constraint::is_decimal(text, {digits_max})");
    }
    if let Some((class, may_be_empty)) = repeated_class(pattern) {
        let repeats = if may_be_empty { "any_number" } else { "one_or_more" };
        return format!("constraint::{repeats}(text, |byte| {class})");
    }
    format!(
        "static EXPRESSION: Expression = Expression::new({});
        EXPRESSION.matches(text)",
        raw_string(&anchored(pattern))
    )
}

/// A string literal that shows a pattern as it is.
pub(crate) fn raw_string(text: &str) -> String {
    match (text.contains('\\'), text.contains('"')) {
        (false, false) => format!("\"{text}\""),
        (true, false) => format!("r\"{text}\""),
        (_, true) => format!("{text:?}"),
    }
}

/// Whether [`matcher`] falls back to a regular expression.
pub(crate) fn needs_regex(pattern: &str) -> bool {
    decimal(pattern).is_none() && repeated_class(pattern).is_none()
}

/// The most digits of a pattern for decimal numbers without leading zeros.
fn decimal(pattern: &str) -> Option<usize> {
    let pattern = pattern.strip_prefix("^(").and_then(|rest| rest.strip_suffix(")$")).unwrap_or(pattern);
    let rest = pattern.strip_prefix(r"0|([1-9]\d{0,")?.strip_suffix("})")?;
    rest.parse::<usize>().ok().map(|rest| rest + 1)
}

/// A pattern that repeats one class of ASCII characters, as a condition on `byte`; whether it may be empty.
fn repeated_class(pattern: &str) -> Option<(String, bool)> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let pattern = pattern.strip_suffix('$').unwrap_or(pattern);
    let (class, may_be_empty) = match pattern.strip_suffix('+') {
        Some(class) => (class, false),
        None => (pattern.strip_suffix('*')?, true),
    };
    let class = class.strip_prefix('[')?.strip_suffix(']')?;
    let (class, negated) = match class.strip_prefix('^') {
        Some(class) => (class, true),
        None => (class, false),
    };
    let condition = format!("matches!(byte, {})", alternatives(class)?);
    // The other bytes of a character that is not ASCII are not ASCII either, so a negated class takes all.
    Some((if negated { format!("!{condition}") } else { condition }, may_be_empty))
}

/// The characters and ranges of a class as a Rust pattern for bytes.
fn alternatives(class: &str) -> Option<String> {
    let mut alternatives: Vec<String> = Vec::new();
    let mut chars = class.chars().peekable();
    while let Some(first) = class_char(&mut chars)? {
        let mut after = chars.clone();
        let last = match (after.next(), after.peek().copied()) {
            (Some('-'), Some(_)) => {
                chars.next();
                class_char(&mut chars)?
            }
            _ => None,
        };
        alternatives.push(match last {
            Some(last) => format!("{}..={}", byte_literal(first), byte_literal(last)),
            None => byte_literal(first),
        });
    }
    alternatives.sort();
    alternatives.dedup();
    Some(alternatives.join(" | "))
}

type Chars<'p> = std::iter::Peekable<std::str::Chars<'p>>;

/// The next character of a class, or `None` where the class holds more than plain and escaped characters.
fn class_char(chars: &mut Chars<'_>) -> Option<Option<char>> {
    match chars.next() {
        None => Some(None),
        Some('\\') => chars.next().filter(char::is_ascii_punctuation).map(Some),
        Some('[' | ']' | '&') => None,
        Some(c) => c.is_ascii_graphic().then_some(Some(c)),
    }
}

fn byte_literal(c: char) -> String {
    if matches!(c, '\'' | '\\') { format!("b'\\{c}'") } else { format!("b'{c}'") }
}

/// The pattern for Rust's engine, matching the whole string: classes spelled out as Java means them, so that
/// neither line ends nor Unicode's digits come in, and no Unicode tables are needed.
fn anchored(pattern: &str) -> String {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let mut regex = String::from(r"\A(?:");
    let mut in_class = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, in_class) {
            ('\\', _) => match chars.next() {
                Some('d') => regex.push_str(if in_class { "0-9" } else { "[0-9]" }),
                Some('S') => regex.push_str(r"[^ \t\n\x0B\f\r]"),
                // Nothing to Rust's engine, or an error.
                Some('/') => regex.push('/'),
                Some(escaped) => {
                    let _ = write!(regex, "\\{escaped}");
                }
                None => {}
            },
            ('.', false) => regex.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]"),
            ('$', false) if chars.peek().is_none() => {}
            ('[' | ']', _) => {
                in_class = c == '[';
                regex.push(c);
            }
            _ => regex.push(c),
        }
    }
    regex + r")\z"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_loop_over_bytes() {
        assert_eq!(
            matcher("[a-zA-Z0-9_.-]+"),
            "constraint::one_or_more(text, |byte| matches!(byte, b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'_' | b'a'..=b'z'))"
        );
        assert_eq!(matcher(r"^[a-z]*$"), "constraint::any_number(text, |byte| matches!(byte, b'a'..=b'z'))");
        assert_eq!(matcher("[^:*]*"), "constraint::any_number(text, |byte| !matches!(byte, b'*' | b':'))");
        assert_eq!(
            matcher(r"[\.\-_/#]+"),
            "constraint::one_or_more(text, |byte| matches!(byte, b'#' | b'-' | b'.' | b'/' | b'_'))"
        );
    }

    #[test]
    fn numbers_are_counted_digits() {
        assert_eq!(matcher(r"^(0|([1-9]\d{0,38}))$"), "constraint::is_decimal(text, 39)");
        assert_eq!(matcher(r"0|([1-9]\d{0,128})"), "constraint::is_decimal(text, 129)");
    }

    #[test]
    fn the_rest_is_a_regular_expression_in_javas_meaning() {
        assert_eq!(
            anchored(r"^(arn):aws.*:\d{12}:stream\/\S+[.\d]$"),
            r"\A(?:(arn):aws[^\n\r\x{85}\x{2028}\x{2029}]*:[0-9]{12}:stream/[^ \t\n\x0B\f\r]+[.0-9])\z"
        );
        for pattern in [r"\d{12}", "[a-z]{3}", "(a|b)+", "[a-z]+[0-9]+", r"[\d]+", "[a-z&&[^b]]+"] {
            assert!(needs_regex(pattern), "{pattern}");
        }
    }
}
