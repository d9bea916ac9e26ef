//! The constraints: one constant for each shape that an input holds.

use std::fmt::Write;

use crate::catalog::Catalog;
use crate::error::Error;
use crate::model::{Bounds, Shape};
use crate::names::screaming_case;
use crate::pattern;

pub(super) fn emit(catalog: &Catalog<'_>) -> Result<String, Error> {
    let mut body = String::new();
    let mut patterns = Vec::new();
    let mut needs_regex = false;
    for name in catalog.input_parts()? {
        let (constant, kind) = (screaming_case(name), shape_type(catalog, name)?);
        let value = shape_value(catalog, name)?;
        let _ = write!(body, "\npub(super) const {constant}: {kind} = {value};\n");
        if let Some(pattern) = shape_pattern(catalog, name)? {
            needs_regex |= pattern::needs_regex(pattern);
            patterns.push(constant);
        }
    }
    let patterns: String = patterns.iter().map(|constant| format!("({constant:?}, {constant}),")).collect();
    let expression = if needs_regex { "use crate::aws::validation::expression::Expression;\n" } else { "" };
    Ok(format!(
        "//! What the model says of each shape that an input holds.

        #[allow(unused_imports)] // which ones is the model's business
        use crate::aws::codec::collection::{{List, Map}};
        #[allow(unused_imports)] // which ones is the model's business
        use crate::aws::codec::shape::{{Blob, Boolean, Choice, Double, Integer, Long, Nested, Time}};
        #[allow(unused_imports)] // which ones is the model's business
        use crate::aws::validation::constraint::{{self, Length, Pattern, Range, Text, Unconstrained}};
        {expression}{body}
        /// Every shape that has a pattern.
        #[cfg(test)]
        #[allow(dead_code)] // a service may have nothing but names
        pub(crate) const PATTERNS: &[(&str, Text)] = &[{patterns}];
        "
    ))
}

fn shape_type(catalog: &Catalog<'_>, name: &str) -> Result<String, Error> {
    Ok(match catalog.shape(name)? {
        Shape::Structure(_) => format!("Nested<super::{name}>"),
        Shape::List { member, .. } => format!("List<{}>", shape_type(catalog, &member.shape)?),
        Shape::Map { value, .. } => format!("Map<{}>", shape_type(catalog, &value.shape)?),
        Shape::String { values, .. } if values.is_empty() => "Text".to_owned(),
        Shape::String { .. } => format!("Choice<super::{}>", catalog.rust_type(name)?),
        Shape::Blob(_) => "Blob".to_owned(),
        Shape::Integer(_) => "Integer".to_owned(),
        Shape::Long(_) => "Long".to_owned(),
        Shape::Double {} => "Double".to_owned(),
        Shape::Boolean {} => "Boolean".to_owned(),
        Shape::Timestamp {} => "Time".to_owned(),
    })
}

fn shape_value(catalog: &Catalog<'_>, name: &str) -> Result<String, Error> {
    Ok(match catalog.shape(name)? {
        Shape::Structure(_) => "Nested::new()".to_owned(),
        Shape::List { member, bounds } => {
            format!("List {{ length: {}, item: {} }}", length(*bounds), screaming_case(&member.shape))
        }
        Shape::Map { key, value, bounds } => format!(
            "Map {{ length: {}, key: {}, value: {} }}",
            length(*bounds),
            screaming_case(&key.shape),
            screaming_case(&value.shape)
        ),
        Shape::String { values, .. } if !values.is_empty() => "Choice::new()".to_owned(),
        Shape::String { bounds, pattern, .. } => {
            let pattern = match pattern {
                Some(pattern) => format!("Some({})", pattern_value(catalog, name, pattern)),
                None => "None".to_owned(),
            };
            format!("Text {{ length: {}, pattern: {pattern} }}", length(*bounds))
        }
        Shape::Blob(bounds) => format!("Blob({})", length(*bounds)),
        Shape::Integer(bounds) => format!("Integer({})", range(*bounds)),
        Shape::Long(bounds) => format!("Long({})", range(*bounds)),
        Shape::Double {} => "Double(Unconstrained)".to_owned(),
        Shape::Boolean {} => "Boolean(Unconstrained)".to_owned(),
        Shape::Timestamp {} => "Time(Unconstrained)".to_owned(),
    })
}

fn shape_pattern<'m>(catalog: &Catalog<'m>, name: &str) -> Result<Option<&'m str>, Error> {
    Ok(match catalog.shape(name)? {
        Shape::String { pattern, values, .. } if values.is_empty() => pattern.as_deref(),
        _ => None,
    })
}

fn pattern_value(catalog: &Catalog<'_>, name: &str, pattern: &str) -> String {
    let shown = catalog.service.shown_patterns.iter().find(|entry| entry.shape == name);
    let (shown, note) = match shown {
        Some(entry) => (entry.shown, format!("// Not the model's text: {}.\n", entry.reason)),
        None => (pattern, String::new()),
    };
    let matcher = pattern::matcher(pattern);
    format!("Pattern {{ {note}shown: {}, matches: |text| {{ {matcher} }} }}", pattern::raw_string(shown))
}

fn length(bounds: Bounds) -> String {
    match (bounds.min, bounds.max) {
        (None, None) => "Length::ANY".to_owned(),
        (Some(min), Some(max)) => format!("Length::new({}, {})", grouped(min), grouped(max)),
        (min, max) => format!("Length {{ min: {}, max: {} }}", option(min), option(max)),
    }
}

fn range(bounds: Bounds) -> String {
    format!("Range {{ min: {}, max: {} }}", option(bounds.min), option(bounds.max))
}

fn option(bound: Option<i64>) -> String {
    bound.map_or_else(|| "None".to_owned(), |bound| format!("Some({})", grouped(bound)))
}

/// Digits in groups of three, as Rust code is read.
fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", if digits.len() > 4 { groups.join("_") } else { digits.clone() })
}
