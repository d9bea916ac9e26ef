//! What breaks the model's constraints, and how AWS says it.
//!
//! Faults are gathered in the order of the model's members while a request is decoded, at most ten of them.
//! Where a request has none, nothing here allocates. Which constraints there are is generated from the
//! model; what goes beyond the model is the handlers' to refuse.

pub(crate) mod constraint;
pub(crate) mod expression;

use std::borrow::Cow;
use std::fmt::{self, Display};

/// AWS reports no more than these.
const FAULTS_MAX: usize = 10;

/// The most that is shown of one value, so that an answer stays small however large the request was.
pub(crate) const SHOWN_BYTES_MAX: usize = 64 * 1024;

/// A value beside what is wrong with it. Only a value without faults reaches a handler.
#[derive(Debug)]
pub(crate) struct Checked<T> {
    pub(crate) value: T,
    pub(crate) faults: Faults,
}

/// One constraint that one value breaks.
#[derive(Debug)]
pub(crate) struct Fault {
    /// From the value that is being decoded down to the one at fault; empty for the value itself.
    path: String,
    /// As AWS shows it, quotes included.
    shown: String,
    rule: String,
    /// Said in the rule's words alone, and of nothing beside it.
    alone: bool,
}

impl Fault {
    pub(crate) fn new(shown: &str, rule: impl Into<String>) -> Self {
        Self { path: String::new(), shown: format!("'{}'", clipped(shown)), rule: rule.into(), alone: false }
    }

    pub(crate) fn missing() -> Self {
        let rule = "Member must not be null".to_owned();
        Self { path: String::new(), shown: "null".to_owned(), rule, alone: false }
    }

    /// A member that is not there, of which AWS says no more than this. `name` is the member's in the model.
    fn demanded(name: &str) -> Self {
        let rule = format!("The parameter '{name}' is required but was not present in the request");
        Self { rule, alone: true, ..Self::missing() }
    }

    /// The value without the quotes.
    pub(crate) fn shown(&self) -> &str {
        self.shown.strip_prefix('\'').and_then(|shown| shown.strip_suffix('\'')).unwrap_or(&self.shown)
    }

    fn inside(mut self, step: &str) -> Self {
        self.path = if self.path.is_empty() { step.to_owned() } else { format!("{step}.{}", self.path) };
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, shown, rule, .. } = self;
        write!(f, "Value {shown} at '{path}' failed to satisfy constraint: {rule}")
    }
}

/// The first faults of a value, in the order in which AWS lists them.
///
/// Boxed, because it stands beside every value that is decoded and is nearly always empty.
#[derive(Debug, Default)]
#[allow(clippy::box_collection)]
pub(crate) struct Faults(Option<Box<Vec<Fault>>>);

impl Faults {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn first(&self) -> Option<&Fault> {
        self.as_slice().first()
    }

    pub(crate) fn push(&mut self, fault: Fault) {
        let faults = self.0.get_or_insert_default();
        if faults.len() < FAULTS_MAX {
            faults.push(fault);
        }
    }

    /// Takes over the faults of a part of the value, which `step` names.
    pub(crate) fn absorb(&mut self, step: &str, part: Self) {
        for fault in part.0.into_iter().flat_map(|faults| *faults) {
            self.push(fault.inside(step));
        }
    }

    /// Takes out those of the value itself, and leaves those of what is inside it.
    pub(crate) fn take_own(&mut self) -> Self {
        let Some(all) = self.0.take() else { return Self::default() };
        let (own, inside): (Vec<_>, Vec<_>) = all.into_iter().partition(|fault| fault.path.is_empty());
        let faults = |faults: Vec<_>| Self((!faults.is_empty()).then(|| Box::new(faults)));
        *self = faults(inside);
        faults(own)
    }

    /// Takes over faults of the same value.
    pub(crate) fn append(&mut self, more: Self) {
        more.0.into_iter().flat_map(|faults| *faults).for_each(|fault| self.push(fault));
    }

    fn as_slice(&self) -> &[Fault] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(Some(Box::new(vec![fault])))
    }
}

/// The text of a ValidationException.
impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.as_slice();
        if let Some(alone) = faults.iter().find(|fault| fault.alone) {
            return f.write_str(&alone.rule);
        }
        let plural = if faults.len() == 1 { "" } else { "s" };
        write!(f, "{} validation error{plural} detected: ", faults.len())?;
        for (index, fault) in faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

/// Assembles a structure from its decoded members, which it is given in the model's order.
#[derive(Debug, Default)]
pub(crate) struct Members {
    faults: Faults,
}

impl Members {
    /// A member that may be absent. `name` is the member's name as AWS writes it in paths.
    #[inline]
    pub(crate) fn optional<T>(&mut self, name: &str, member: Option<Checked<T>>) -> Option<T> {
        let Checked { value, faults } = member?;
        if !faults.is_empty() {
            self.faults.absorb(name, faults);
        }
        Some(value)
    }

    /// A member that must be there. Where it is not, a default stands in, which nobody will see.
    #[inline]
    pub(crate) fn required<T: Default>(&mut self, name: &str, member: Option<Checked<T>>) -> T {
        if member.is_none() {
            self.faults.push(Fault::missing().inside(name));
        }
        self.optional(name, member).unwrap_or_default()
    }

    /// As [`Self::required`], for a member of whose absence AWS speaks in other words.
    pub(crate) fn demanded<T: Default>(&mut self, name: &str, step: &str, member: Option<Checked<T>>) -> T {
        if member.is_none() {
            self.faults.push(Fault::demanded(name));
        }
        self.optional(step, member).unwrap_or_default()
    }

    pub(crate) fn checked<T>(self, value: T) -> Checked<T> {
        Checked { value, faults: self.faults }
    }
}

/// As much of a client's text as goes into an answer.
pub(crate) fn clipped(text: &str) -> Cow<'_, str> {
    if text.len() <= SHOWN_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}...", &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &str) -> Fault {
        Fault::new("v", "rule").inside(path)
    }

    #[test]
    fn faults_read_as_aws_writes_them() {
        let mut faults = Faults::default();
        faults.push(fault("limit"));
        assert_eq!(
            faults.to_string(),
            "1 validation error detected: Value 'v' at 'limit' failed to satisfy constraint: rule"
        );
        let mut item = Faults::default();
        item.push(Fault::missing().inside("data"));
        let mut list = Faults::default();
        list.absorb("3.member", item);
        faults.absorb("records", list);
        assert_eq!(
            faults.to_string(),
            "2 validation errors detected: Value 'v' at 'limit' failed to satisfy constraint: rule; \
             Value null at 'records.3.member.data' failed to satisfy constraint: Member must not be null"
        );
    }

    #[test]
    fn no_more_than_ten_are_reported() {
        let mut faults = Faults::default();
        (0..20).for_each(|index| faults.push(fault(&index.to_string())));
        let mut more = Faults::default();
        more.push(fault("more"));
        faults.append(more);
        let text = faults.to_string();
        assert!(text.starts_with("10 validation errors detected: "));
        assert!(text.contains("'9'") && !text.contains("'10'") && !text.contains("more"));
    }

    #[test]
    fn long_values_are_clipped_between_characters() {
        let long = "é".repeat(SHOWN_BYTES_MAX);
        assert_eq!(clipped(&long).len(), SHOWN_BYTES_MAX + 3);
        let long = format!("a{long}");
        assert_eq!(clipped(&long).len(), SHOWN_BYTES_MAX - 1 + 3);
        assert_eq!(clipped("short"), "short");
    }
}
