//! The constraints of the model: length, range, pattern, enum, each with AWS's words for it.

/// What the model demands of one scalar.
pub(crate) trait Constraint<T: ?Sized> {
    fn holds(&self, value: &T) -> bool;

    /// The rules that `value` breaks, in the order in which AWS lists them for a member.
    fn broken(&self, value: &T) -> Vec<String>;

    /// All rules, in the order in which AWS lists them for the items of a list or map.
    fn all(&self) -> Vec<String>;
}

/// Nothing is demanded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unconstrained;

impl<T: ?Sized> Constraint<T> for Unconstrained {
    fn holds(&self, _: &T) -> bool {
        true
    }

    fn broken(&self, _: &T) -> Vec<String> {
        Vec::new()
    }

    fn all(&self) -> Vec<String> {
        Vec::new()
    }
}

/// How many there may be: UTF-16 code units of a string, bytes of a blob, items of a list or map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    pub(crate) min: Option<u32>,
    pub(crate) max: Option<u32>,
}

impl Length {
    pub(crate) const ANY: Self = Self { min: None, max: None };

    pub(crate) const fn new(min: u32, max: u32) -> Self {
        Self { min: Some(min), max: Some(max) }
    }

    #[inline]
    pub(crate) fn allows(self, length: usize) -> bool {
        let within = |bound: u32| bound as usize;
        self.min.is_none_or(|min| length >= within(min)) && self.max.is_none_or(|max| length <= within(max))
    }

    /// The rule that `length` breaks; it cannot break both.
    pub(crate) fn broken(self, length: usize) -> Option<String> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if let Some(min) = self.min.filter(|min| length < *min) {
            return Some(at_least("length", min));
        }
        self.max.filter(|max| length > *max).map(|max| at_most("length", max))
    }

    pub(crate) fn all(self) -> Vec<String> {
        let max = self.max.map(|max| at_most("length", max));
        max.into_iter().chain(self.min.map(|min| at_least("length", min))).collect()
    }
}

/// A pattern that the whole of a string must match, as in Java's `String.matches`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    /// As AWS writes it.
    pub(crate) shown: &'static str,
    pub(crate) matches: fn(&str) -> bool,
}

impl Pattern {
    fn rule(&self) -> String {
        format!("Member must satisfy regular expression pattern: {}", self.shown)
    }
}

/// A pattern that repeats one class of characters: `[a-z]+`.
pub(crate) fn one_or_more(text: &str, class: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && any_number(text, class)
}

/// A pattern that repeats one class of characters, and may be empty: `[a-z]*`.
pub(crate) fn any_number(text: &str, class: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(class)
}

/// Whether `text` is 0, or up to `digits_max` digits without a leading zero.
pub(crate) fn is_decimal(text: &str, digits_max: usize) -> bool {
    match text.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < digits_max && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Constraints of a string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) length: Length,
    pub(crate) pattern: Option<Pattern>,
}

impl Constraint<str> for Text {
    fn holds(&self, text: &str) -> bool {
        self.length.allows(utf16_length(text)) && self.pattern.is_none_or(|pattern| (pattern.matches)(text))
    }

    fn broken(&self, text: &str) -> Vec<String> {
        let pattern = self.pattern.filter(|pattern| !(pattern.matches)(text));
        let pattern = pattern.map(|pattern| pattern.rule());
        pattern.into_iter().chain(self.length.broken(utf16_length(text))).collect()
    }

    fn all(&self) -> Vec<String> {
        let pattern = self.pattern.map(|pattern| pattern.rule());
        self.length.all().into_iter().chain(pattern).collect()
    }
}

/// Java counts a string in UTF-16 code units.
#[inline]
fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

impl Constraint<[u8]> for Length {
    fn holds(&self, blob: &[u8]) -> bool {
        self.allows(blob.len())
    }

    fn broken(&self, blob: &[u8]) -> Vec<String> {
        Self::broken(*self, blob.len()).into_iter().collect()
    }

    fn all(&self) -> Vec<String> {
        Self::all(*self)
    }
}

/// The values that a number may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
}

impl Range {
    fn below_min(self, value: i64) -> Option<String> {
        self.min.filter(|min| value < *min).map(|min| at_least("value", min))
    }

    fn above_max(self, value: i64) -> Option<String> {
        self.max.filter(|max| value > *max).map(|max| at_most("value", max))
    }
}

impl<T: Copy + Into<i64>> Constraint<T> for Range {
    fn holds(&self, value: &T) -> bool {
        let value = (*value).into();
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }

    fn broken(&self, value: &T) -> Vec<String> {
        let value = (*value).into();
        self.below_min(value).into_iter().chain(self.above_max(value)).collect()
    }

    fn all(&self) -> Vec<String> {
        let max = self.max.map(|max| at_most("value", max));
        max.into_iter().chain(self.min.map(|min| at_least("value", min))).collect()
    }
}

/// A closed set of strings.
pub(crate) trait Enumeration: Copy + Default {
    /// All values, in the order in which AWS shows them.
    const SHOWN: &'static str;

    fn from_name(name: &str) -> Option<Self>;

    fn name(self) -> &'static str;
}

/// AWS's words for a value that is none of the set.
pub(crate) fn not_in_set<E: Enumeration>() -> String {
    format!("Member must satisfy enum value set: [{}]", E::SHOWN)
}

fn at_least(what: &str, bound: impl std::fmt::Display) -> String {
    format!("Member must have {what} greater than or equal to {bound}")
}

fn at_most(what: &str, bound: impl std::fmt::Display) -> String {
    format!("Member must have {what} less than or equal to {bound}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Text = Text {
        length: Length::new(1, 4),
        pattern: Some(Pattern {
            shown: "[a-z]+",
            matches: |text| one_or_more(text, |byte| byte.is_ascii_lowercase()),
        }),
    };
    const PATTERN_RULE: &str = "Member must satisfy regular expression pattern: [a-z]+";
    const MIN_RULE: &str = "Member must have length greater than or equal to 1";
    const MAX_RULE: &str = "Member must have length less than or equal to 4";

    #[test]
    fn a_member_lists_its_pattern_before_its_length() {
        assert!(NAME.holds("abcd"));
        assert_eq!(NAME.broken("abcd"), Vec::<String>::new());
        assert_eq!(NAME.broken(""), [PATTERN_RULE, MIN_RULE]);
        assert_eq!(NAME.broken("ABCDE"), [PATTERN_RULE, MAX_RULE]);
        assert_eq!(NAME.broken("abcde"), [MAX_RULE]);
    }

    #[test]
    fn a_list_names_all_rules_of_its_items_the_maximum_first() {
        assert_eq!(Constraint::all(&NAME), [MAX_RULE, MIN_RULE, PATTERN_RULE]);
    }

    #[test]
    fn strings_are_measured_in_utf16_code_units() {
        let four = Text { length: Length::new(4, 4), pattern: None };
        for text in ["abcd", "éééé", "😀😀", "a😀b"] {
            assert!(four.holds(text), "{text}");
        }
        assert!(!four.holds("😀😀😀😀"));
    }

    #[test]
    fn ranges_include_their_ends() {
        let range = Range { min: Some(1), max: Some(10) };
        assert!([1, 10].iter().all(|value: &i32| range.holds(value)));
        assert_eq!(range.broken(&0), ["Member must have value greater than or equal to 1"]);
        assert_eq!(range.broken(&11_i64), ["Member must have value less than or equal to 10"]);
    }

    #[test]
    fn decimals_have_no_leading_zero() {
        assert!(["0", "1", "999"].iter().all(|text| is_decimal(text, 3)));
        assert!(["", "00", "01", "1234", "-1", "1a", "１"].iter().all(|text| !is_decimal(text, 3)));
    }
}
