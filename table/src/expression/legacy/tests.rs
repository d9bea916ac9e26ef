use super::*;
use crate::item::Item;

fn message<T: fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string().replace("One or more parameter values were invalid: ", "… ")
}

fn of(entry: Expected) -> Result<Condition> {
    expected(&[("a".to_owned(), entry)].into(), ConditionalOperator::And)
}

fn operator(operator: ComparisonOperator, list: &[Value]) -> Expected {
    Expected { operator: Some(operator), list: Some(list.to_vec()), ..Expected::default() }
}

#[test]
fn what_kcl_expects_is_understood() {
    let equals_one = of(Expected { value: Some(1.into()), ..Expected::default() }).unwrap();
    let exists_one =
        of(Expected { value: Some(1.into()), exists: Some(true), ..Expected::default() }).unwrap();
    assert_eq!(equals_one, exists_one);
    let absent = of(Expected { exists: Some(false), ..Expected::default() }).unwrap();
    for (item, is_one, is_absent) in [
        (Item::new(), false, true),
        (Item::from_iter([("a", Value::from(1))]), true, false),
        (Item::from_iter([("a", Value::from(2))]), false, false),
    ] {
        assert_eq!(exists_one.holds(&item), is_one);
        assert_eq!(absent.holds(&item), is_absent);
    }
}

#[test]
fn conditions_are_joined_as_asked() {
    let entry = |value: u64| Expected { value: Some(value.into()), ..Expected::default() };
    let entries = BTreeMap::from([("a".to_owned(), entry(1)), ("b".to_owned(), entry(2))]);
    let item = Item::from_iter([("a", Value::from(1)), ("b", Value::from(3))]);
    assert!(!expected(&entries, ConditionalOperator::And).unwrap().holds(&item));
    assert!(expected(&entries, ConditionalOperator::Or).unwrap().holds(&item));
    assert!(expected(&BTreeMap::new(), ConditionalOperator::Or).unwrap().holds(&item));
}

#[test]
fn what_makes_no_sense_is_refused_with_awss_words() {
    use ComparisonOperator::{BeginsWith, Between, Contains, Eq, Gt, In, Null};
    let set = Value::string_set(vec!["x".to_owned()]).unwrap();
    let some = || Some(Value::from(1));
    for (entry, expected) in [
        (
            Expected { value: some(), list: Some(vec![]), ..Expected::default() },
            "… Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            Expected { exists: Some(true), ..operator(Eq, &[1.into()]) },
            "… Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            Expected { operator: Some(Eq), ..Expected::default() },
            "… Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a",
        ),
        (operator(Eq, &[]), "… Invalid number of argument(s) for the EQ ComparisonOperator"),
        (operator(In, &[]), "… Invalid number of argument(s) for the IN ComparisonOperator"),
        (operator(Null, &[1.into()]), "… Invalid number of argument(s) for the NULL ComparisonOperator"),
        (
            operator(Between, &[1.into()]),
            "… Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
        (
            operator(In, &[1.into(), "x".into()]),
            "… AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            Expected { list: Some(vec![]), ..Expected::default() },
            "… AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        (Expected::default(), "… Value must be provided when Exists is null for Attribute: a"),
        (
            Expected { exists: Some(true), ..Expected::default() },
            "… Value must be provided when Exists is true for Attribute: a",
        ),
        (
            Expected { exists: Some(false), value: some(), ..Expected::default() },
            "… Value cannot be used when Exists is false for Attribute: a",
        ),
        (
            operator(Gt, std::slice::from_ref(&set)),
            "… ComparisonOperator GT is not valid for SS AttributeValue type",
        ),
        (
            operator(Contains, &[Value::Null]),
            "… ComparisonOperator CONTAINS is not valid for NULL AttributeValue type",
        ),
        (
            operator(BeginsWith, &[1.into()]),
            "… ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
        ),
        (
            operator(Between, &[2.into(), 1.into()]),
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper \
             bound",
        ),
    ] {
        assert_eq!(message(of(entry)), expected);
    }
    assert!(of(operator(Eq, &[set])).is_ok());
}

#[test]
fn what_is_not_there_does_not_lack_a_member_either() {
    let not_contains = of(operator(ComparisonOperator::NotContains, &["x".into()])).unwrap();
    for (value, holds) in [(None, false), (Some("axb"), false), (Some("ab"), true)] {
        let item: Item = value.map(|value| ("a", Value::from(value))).into_iter().collect();
        assert_eq!(not_contains.holds(&item), holds, "{value:?}");
    }
}

#[test]
fn updates_are_refused_with_awss_words() {
    let update = |action, value| updates(&[("a".to_owned(), AttributeUpdate { value, action })].into());
    let without = "… Only DELETE action is allowed when no attribute value is specified";
    assert_eq!(message(update(UpdateAction::Put, None)), without);
    assert_eq!(message(update(UpdateAction::Add, None)), without);
    assert_eq!(
        message(update(UpdateAction::Add, Some("x".into()))),
        "… ADD action is not supported for the type S"
    );
    assert_eq!(
        message(update(UpdateAction::Delete, Some("x".into()))),
        "… DELETE action with value is not supported for the type S"
    );
}

#[test]
fn attributes_are_asked_for_once() {
    let names = ["a", "b", "a"].map(str::to_owned);
    assert_eq!(message(attributes_to_get(&names)), "… Duplicate value in attribute name: a");
    assert!(attributes_to_get(&names[..2]).is_ok());
}

#[test]
fn key_conditions_are_those_that_an_index_answers() {
    use crate::key::{KeyElement, KeySchema, KeyType};
    let element = |name: &str| KeyElement { name: name.to_owned(), kind: KeyType::S };
    let schema = KeySchema { hash: vec![element("h")], range: vec![element("r")] };
    let hash = ("h".to_owned(), Filter { operator: ComparisonOperator::Eq, list: vec!["x".into()] });
    let with = |operator, list: &[Value]| {
        let range = ("r".to_owned(), Filter { operator, list: list.to_vec() });
        key_conditions(&[hash.clone(), range].into()).and_then(|conditions| conditions.resolve(&schema, None))
    };
    assert!(with(ComparisonOperator::BeginsWith, &["y".into()]).is_ok());
    assert!(with(ComparisonOperator::Between, &["y".into(), "z".into()]).is_ok());
    for (operator, list) in [
        (ComparisonOperator::Ne, vec!["y".into()]),
        (ComparisonOperator::Null, vec![]),
        (ComparisonOperator::Contains, vec!["y".into()]),
    ] {
        assert_eq!(
            message(with(operator, &list)),
            "Attempted conditional constraint is not an indexable operation"
        );
    }
    assert_eq!(message(key_conditions(&BTreeMap::new())), "Conditions can be of length 1 or 2 only");
}

#[test]
fn operators_are_found_by_their_names() {
    for operator in ComparisonOperator::ALL {
        assert_eq!(ComparisonOperator::of_name(operator.name()), Some(operator));
    }
}
