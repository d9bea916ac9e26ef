use super::*;
use crate::key::KeyType;

fn schema() -> KeySchema {
    let element = |name: &str, kind| KeyElement { name: name.to_owned(), kind };
    KeySchema { hash: vec![element("h", KeyType::S)], range: vec![element("r", KeyType::N)] }
}

fn substitutions() -> Substitutions {
    let values = [(":s", Value::from("x")), (":n", 1.into()), (":m", 2.into()), (":e", "".into())];
    let values = values.map(|(name, value)| (name.to_owned(), value)).into();
    Substitutions::new(Some([("#h".to_owned(), "h".to_owned())].into()), Some(values)).unwrap()
}

fn resolved(text: &str) -> Result<KeyCondition> {
    KeyConditions::parse(text, &mut substitutions())?.resolve(&schema(), None)
}

fn message(text: &str) -> String {
    resolved(text).unwrap_err().to_string()
}

#[test]
fn keys_are_found_whichever_way_it_is_written() {
    let hash = KeyValue::S("x".to_owned());
    let (one, two) = (KeyValue::N(1.into()), KeyValue::N(2.into()));
    for (text, range) in [
        ("#h = :s", None),
        ("(:s = h)", None),
        ("h = :s AND r = :n", Some(RangeCondition::Equal(one.clone()))),
        ("(r < :n) AND (h = :s)", Some(RangeCondition::Less(one.clone()))),
        (":n < r AND h = :s", Some(RangeCondition::Greater(one.clone()))),
        (":n >= r AND h = :s", Some(RangeCondition::LessOrEqual(one.clone()))),
        ("h = :s and r >= :n", Some(RangeCondition::GreaterOrEqual(one.clone()))),
        ("h = :s and r between :n and :m", Some(RangeCondition::Between(one, two))),
    ] {
        assert_eq!(
            resolved(text),
            Ok(KeyCondition { hash: vec![hash.clone()], range: range.into_iter().collect() }),
            "{text}"
        );
    }
}

#[test]
fn what_no_index_answers_is_refused() {
    for (text, operator) in [
        ("h = :s OR r = :n", "OR"),
        ("NOT h = :s", "NOT"),
        ("h IN (:s)", "IN"),
        ("h <> :s", "<>"),
        ("attribute_exists(h)", "attribute_exists"),
        ("attribute_not_exists(h)", "attribute_not_exists"),
        ("attribute_type(h, :k)", "attribute_type"),
        ("contains(h, :s)", "contains"),
    ] {
        let mut values: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in [(":s", "x"), (":n", "y"), (":k", "S")] {
            values.insert(name.to_owned(), value.into());
        }
        let mut substitutions = Substitutions::new(None, Some(values)).unwrap();
        let error = KeyConditions::parse(text, &mut substitutions).unwrap_err();
        assert_eq!(error.to_string(), format!("Invalid operator used in KeyConditionExpression: {operator}"));
    }
}

#[test]
fn what_is_no_key_condition_is_refused_with_awss_words() {
    let invalid = "Invalid condition in KeyConditionExpression:";
    for (text, expected) in [
        ("size(h) = :n", "KeyConditionExpressions cannot contain nested operations".to_owned()),
        ("h = size(r)", "KeyConditionExpressions cannot contain nested operations".to_owned()),
        ("h.x = :s", "KeyConditionExpressions cannot have conditions on nested attributes".to_owned()),
        ("h = :s AND h = :s", "KeyConditionExpressions must only contain one condition per key".to_owned()),
        ("h = r", format!("{invalid} Multiple attribute names used in one condition")),
        (":s = :s", format!("{invalid} No key attribute specified")),
        (
            ":n BETWEEN r AND :m",
            format!("{invalid} BETWEEN operator must have the key attribute as its first operand"),
        ),
        (
            "begins_with(:s, h)",
            format!("{invalid} begins_with operator must have the key attribute as its first operand"),
        ),
        ("r = :n", "Query condition missed key schema element: h".to_owned()),
        ("h = :s AND x = :n", "Query condition missed key schema element: r".to_owned()),
        ("h > :s", "Query key condition not supported".to_owned()),
        ("h > :s AND x = :n", "Query key condition not supported".to_owned()),
        ("h = :s AND r = :n AND x = :n", "Conditions can be of length 1 or 2 only".to_owned()),
        (
            "h > :n",
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
                .to_owned(),
        ),
        (
            "h = :n AND x = :n",
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
                .to_owned(),
        ),
        (
            "h = :n",
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
                .to_owned(),
        ),
        (
            "h = :e",
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot \
             contain an empty string value. Key: h"
                .to_owned(),
        ),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn two_conditions_need_a_range_key() {
    let schema = KeySchema { range: Vec::new(), ..schema() };
    for text in ["h = :s AND x = :n", "x = :s AND y = :n"] {
        let conditions = KeyConditions::parse(text, &mut substitutions()).unwrap();
        let error = conditions.resolve(&schema, None).unwrap_err();
        assert_eq!(error.to_string(), "Query key condition not supported", "{text}");
    }
}

#[test]
fn an_empty_value_for_the_key_of_an_index_is_refused_in_words_of_its_own() {
    let conditions = KeyConditions::parse("h = :e", &mut substitutions()).unwrap();
    assert_eq!(
        conditions.resolve(&schema(), Some("by_h")).unwrap_err().to_string(),
        "One or more parameter values are not valid. A value specified for a secondary index key is not \
         supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: \
         by_h, IndexKey: h"
    );
}
