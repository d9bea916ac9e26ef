use bigdecimal::BigDecimal;
use proptest::prelude::*;

use super::*;
use crate::generators::number;

fn parse(text: &str) -> Number {
    text.parse().unwrap()
}

fn reference(number: Number) -> BigDecimal {
    number.to_string().parse().unwrap()
}

/// What a number should be, by arithmetic that has no bounds.
fn bounded(exact: &BigDecimal) -> Result<Number, NumberError> {
    let (digits, scale) = exact.normalized().into_bigint_and_exponent();
    let significant = digits.magnitude().to_string().len() as i64;
    if digits.magnitude().to_string() == "0" {
        return Ok(Number::ZERO);
    }
    match significant - scale - 1 {
        126.. => Err(NumberError::Overflow),
        ..=-131 => Err(NumberError::Underflow),
        _ if significant > 38 => Err(NumberError::TooManyDigits),
        _ => exact.to_plain_string().parse(),
    }
}

/// What arithmetic says of the same: too many digits are an overflow.
fn computed(exact: &BigDecimal) -> Result<Number, NumberError> {
    bounded(exact).map_err(|error| match error {
        NumberError::TooManyDigits => NumberError::Overflow,
        other => other,
    })
}

proptest! {
    #[test]
    fn sums_and_differences_are_those_of_unbounded_decimals(a in number(), b in number()) {
        prop_assert_eq!(a.checked_add(b), computed(&(reference(a) + reference(b))));
        prop_assert_eq!(a.checked_sub(b), computed(&(reference(a) - reference(b))));
    }

    #[test]
    fn neighbours_cancel_exactly(a in number(), step in 0_u64..1000) {
        let step = Number { exponent: a.exponent, ..Number::from(step) };
        let step = Number::normalised(false, step.coefficient, step.exponent).unwrap_or_default();
        prop_assert_eq!(a.checked_add(step), computed(&(reference(a) + reference(step))));
        prop_assert_eq!(a.checked_sub(a), Ok(Number::ZERO));
    }

    #[test]
    fn order_is_numeric_and_so_is_that_of_the_encoding(a in number(), b in number()) {
        prop_assert_eq!(a.cmp(&b), reference(a).cmp(&reference(b)));
        let (mut left, mut right) = (Vec::new(), Vec::new());
        a.encode(&mut left);
        b.encode(&mut right);
        prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        prop_assert!(a == b || !right.starts_with(&left));
    }

    #[test]
    fn the_encoding_comes_back(a in number(), rest: Vec<u8>) {
        let mut bytes = Vec::new();
        a.encode(&mut bytes);
        let length = bytes.len();
        prop_assert!(length <= 22);
        bytes.extend(rest);
        prop_assert_eq!(Number::decode(&bytes), Some((a, length)));
    }

    #[test]
    fn whatever_is_decoded_has_one_encoding(mut bytes: Vec<u8>, first in 0_usize..3, negate: bool) {
        if let Some(byte) = bytes.first_mut() {
            *byte = [0x40, 0x80, 0xC0][first];
        }
        for pair in bytes.iter_mut().skip(2) {
            *pair = (*pair % 102) ^ if negate { 0xFF } else { 0 };
        }
        if let Some((number, length)) = Number::decode(&bytes) {
            let mut again = Vec::new();
            number.encode(&mut again);
            prop_assert_eq!(&again[..], &bytes[..length]);
        }
    }

    #[test]
    fn the_text_comes_back(a in number()) {
        prop_assert_eq!(parse(&a.to_string()), a);
        prop_assert_eq!(parse(&format!("{a}e0")), a);
    }

    #[test]
    fn any_text_is_read_as_the_reference_reads_it(text in "[+-]?[0-9]{0,4}[.]?[0-9]{0,45}([eE][+-]?[0-9]{1,3})?") {
        let expected = match text.trim_start_matches(['+', '-']).strip_prefix(['e', 'E', '.']) {
            Some(rest) if !rest.starts_with(|first: char| first.is_ascii_digit()) => None,
            _ => text.parse::<BigDecimal>().ok(),
        };
        match (expected, text.parse::<Number>()) {
            (_, Err(NumberError::Empty)) => prop_assert!(text.is_empty()),
            (None, read) => prop_assert_eq!(read, Err(NumberError::Unreadable(text))),
            (Some(exact), read) => prop_assert_eq!(read, bounded(&exact)),
        }
    }

    #[test]
    fn any_text_at_all_is_answered(text: String) {
        let _ = text.parse::<Number>();
    }
}

#[test]
fn texts_are_normalised() {
    for (text, shown) in [
        ("1E2", "100"),
        ("-0", "0"),
        ("0e2147483647", "0"),
        ("+1.50", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0012", "12"),
        ("-1e-3", "-0.001"),
        ("12345.6789e-2", "123.456789"),
        ("1e+0000000000000000000002", "100"),
    ] {
        assert_eq!(parse(text).to_string(), shown, "{text}");
    }
}

#[test]
fn the_range_ends_where_it_should() {
    let nines = "9".repeat(38);
    assert_eq!(parse(&format!("{nines}E88")).to_string(), format!("{nines}{}", "0".repeat(88)));
    assert_eq!(parse("1e-130").size(), 2);
    for (text, error) in [
        ("1e126".to_owned(), NumberError::Overflow),
        ("-1e126".to_owned(), NumberError::Overflow),
        ("9e-131".to_owned(), NumberError::Underflow),
        (format!("{nines}9"), NumberError::TooManyDigits),
        (format!("{nines}9e126"), NumberError::Overflow),
        (String::new(), NumberError::Empty),
        ("b".to_owned(), NumberError::Unreadable("b".to_owned())),
        (" 1".to_owned(), NumberError::Unreadable(" 1".to_owned())),
        ("1e".to_owned(), NumberError::Unreadable("1e".to_owned())),
        ("1e2147483648".to_owned(), NumberError::Unreadable("1e2147483648".to_owned())),
        (".".to_owned(), NumberError::Unreadable(".".to_owned())),
        ("١".to_owned(), NumberError::Unreadable("١".to_owned())),
    ] {
        assert_eq!(text.parse::<Number>(), Err(error), "{text}");
    }
}

#[test]
fn arithmetic_that_needs_too_many_digits_overflows() {
    for (a, b) in [("1e38", "1"), ("1e100", "1e-100"), ("1e37", "0.1")] {
        assert_eq!(parse(a).checked_add(parse(b)), Err(NumberError::Overflow), "{a} + {b}");
        assert_eq!(parse(b).checked_sub(parse(a)), Err(NumberError::Overflow), "{b} - {a}");
    }
    assert!(parse("1e37").checked_add(parse("1")).is_ok());
}

#[test]
fn other_encodings_of_a_number_are_none() {
    for bytes in [&b"\xC0\x82\x00"[..], b"\xC0\x82\x0A\x00", b"\xC0\x82\x01\x0B\x00", b"\xC0\x82\x0B\x01\x00"]
    {
        assert_eq!(Number::decode(bytes), None, "{bytes:?}");
    }
    assert_eq!(Number::decode(b"\xC0\x82\x0B\x00"), Some((parse("1"), 4)));
}

#[test]
fn sizes_are_those_that_were_measured() {
    for (text, size) in [
        ("0", 1),
        ("1", 2),
        ("-1", 3),
        ("10", 2),
        ("12", 2),
        ("123", 3),
        ("1234", 3),
        ("1.2", 3),
        ("-1.2", 4),
    ] {
        assert_eq!(parse(text).size(), size, "{text}");
    }
    assert_eq!(parse(&format!("-{}", "12".repeat(19))).size(), 21);
}
