use bytes::Bytes;

use super::*;
use crate::expression::{ExpressionKind, Substitutions};

fn map(members: &[(&str, Value)]) -> Value {
    Value::M(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn item() -> Item {
    let letters = Value::string_set(vec!["x".to_owned(), "y".to_owned()]).unwrap();
    Item::from_iter([
        ("txt", Value::from("hello")),
        ("five", 5.into()),
        ("bin", Value::B(Bytes::from_static(b"\x01\x02\x03"))),
        ("letters", letters),
        ("lst", Value::L(vec![1.into(), map(&[("deep", "x".into())])])),
        ("doc", map(&[("deep", 5.into())])),
        ("yes", Value::Bool(true)),
        ("nil", Value::Null),
    ])
}

fn holds(text: &str) -> bool {
    let values = [
        (":five", Value::N("5.0".parse().unwrap())),
        (":six", 6.into()),
        (":two", 2.into()),
        (":hello", "hello".into()),
        (":ell", "ell".into()),
        (":hell", "hell".into()),
        (":x", "x".into()),
        (":mid", Value::B(Bytes::from_static(b"\x02\x03"))),
        (":letters", Value::string_set(vec!["y".to_owned(), "x".to_owned()]).unwrap()),
        (":deep", map(&[("deep", "x".into())])),
        (":true", Value::Bool(true)),
        (":clef", "𝄞".into()),
        (":accent", "é".into()),
        (":N", "N".into()),
        (":SS", "SS".into()),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value)).into();
    let mut substitutions = Substitutions::new(None, Some(values)).unwrap();
    let condition = Condition::parse(ExpressionKind::Filter, text, &mut substitutions);
    condition.unwrap_or_else(|error| panic!("{text}: {error}")).holds(&item())
}

#[test]
fn what_is_so_holds() {
    for text in [
        "five = :five",
        ":five = doc.deep",
        "five <> :six",
        "five < :six AND five <= :five AND :six > five AND five >= :five",
        "five BETWEEN :two AND :five",
        "five IN (:x, :five)",
        "txt <> :five",
        "letters = :letters",
        "lst[1] = :deep",
        "yes = :true",
        "attribute_exists(nil)",
        "attribute_not_exists(nothing) AND attribute_not_exists(lst[2]) AND attribute_not_exists(txt.x)",
        "attribute_type(five, :N) and attribute_type(letters, :SS)",
        "attribute_type(:letters, :SS) AND attribute_type(size(txt), :N)",
        "begins_with(txt, :hell)",
        "contains(txt, :ell)",
        "contains(bin, :mid)",
        "contains(letters, :x)",
        "contains(lst, :deep)",
        "size(txt) = :five AND size(letters) = :two AND size(lst) = :two AND size(bin) < :five",
        "five > size(letters)",
        "size(:clef) = :two AND size(:accent) < :two",
        "NOT five = :six",
        "NOT (five = :six OR five = :two)",
        "five = :six OR five = :five AND yes = :true",
        "nothing <> :five",
        "nothing <> nowhere",
        "(lst[1]).deep = :x",
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn what_is_not_so_does_not_hold() {
    for text in [
        "five = :x",
        "five < :x",
        "txt < :six",
        "nothing = :five",
        "nothing = nothing2",
        "nothing < :five",
        "nothing BETWEEN :two AND :six",
        "nothing IN (:five)",
        "begins_with(nothing, :x)",
        "begins_with(five, :x)",
        "contains(nothing, :x)",
        "contains(five, :five)",
        "contains(txt, :five)",
        "size(nothing) < :six",
        "size(five) < :six",
        "size(nothing) <> :six",
        "size(five) <> :six",
        "size(nothing) <> size(nowhere)",
        "five BETWEEN :six AND nothing",
        "yes < yes2",
        "attribute_exists(doc.nothing)",
        "attribute_type(nothing, :N)",
        "attribute_type(:x, :N)",
        "(five = :six OR five = :five) AND yes = :five",
    ] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn a_part_of_a_binary_is_found_without_trying_every_place_in_full() {
    let contains = |bytes: &[u8], part: &[u8]| {
        let operand = |bytes: &[u8]| Operand::Value(Value::B(Bytes::copy_from_slice(bytes)).into());
        Condition::Contains { container: operand(bytes), member: operand(part) }.holds(&Item::new())
    };
    assert!(contains(b"abc", b"") && contains(b"", b"") && contains(b"aab", b"ab"));
    assert!(!contains(b"ab", b"abc"));
    // Comparing at every place would be 4 MB at each of 4 million places.
    let mut part = vec![0; 4_000_000];
    part.push(1);
    assert!(!contains(&vec![0; 8_000_000], &part));
}
