//! Attribute values from the wire to the table service and back.

use bytes::Bytes;
use bytestring::ByteString;
use millstream_table::{DEPTH_MAX, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::decode;
use crate::aws::codec::{Format, Refusal, encode};
use crate::aws::dynamodb::attribute_value::AttributeValue;
use crate::aws::dynamodb::generated::{Input, Operation};
use crate::aws::dynamodb::service::values::{item, value, wire};

/// The value of the one attribute of a request.
fn read(value: &Json) -> Result<AttributeValue, Refusal> {
    let body = json!({"TableName": "abc", "Item": {"a": value}});
    let Input::PutItem(mut input) = decode(Operation::PutItem, &body.to_string())? else { panic!() };
    Ok(input.item.remove("a").unwrap())
}

fn written(value: &AttributeValue) -> Json {
    let mut out = Vec::new();
    encode(Format::Json, value, &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn refused(wrong: &Json) -> String {
    value(read(wrong).unwrap()).unwrap_err().to_string()
}

fn any_wire() -> impl Strategy<Value = AttributeValue> {
    let text = || ".{0,6}".prop_map(ByteString::from);
    let digits = || "-?[1-9][0-9]{0,30}".prop_map(ByteString::from);
    let bytes = || prop::collection::vec(any::<u8>(), 0..9).prop_map(Bytes::from);
    let leaf = prop_oneof![
        text().prop_map(AttributeValue::S),
        digits().prop_map(AttributeValue::N),
        bytes().prop_map(AttributeValue::B),
        prop::collection::btree_set(".{0,3}", 1..4)
            .prop_map(|set| AttributeValue::Ss(set.into_iter().map(Into::into).collect())),
        prop::collection::btree_set(0_u32..100, 1..4)
            .prop_map(|set| AttributeValue::Ns(set.iter().map(|n| n.to_string().into()).collect())),
        prop::collection::btree_set(prop::collection::vec(any::<u8>(), 0..4), 1..4)
            .prop_map(|set| AttributeValue::Bs(set.into_iter().map(Bytes::from).collect())),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            prop::collection::btree_map(text(), inner, 0..4).prop_map(AttributeValue::M),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_comes_back_as_it_was_sent(sent in any_wire()) {
        let json = written(&sent);
        prop_assert_eq!(&read(&json).unwrap(), &sent);
        let kept = value(sent.clone()).unwrap();
        prop_assert_eq!(wire(kept), sent);
    }

    #[test]
    fn any_json_is_read_or_refused(text in r#"(\{|\}|\[|\]|"S"|"N"|"L"|"M"|"NULL"|"x"|:|,|1|true|null| ){0,30}"#) {
        let body = format!(r#"{{"TableName": "abc", "Item": {{"a": {text}}}}}"#);
        if let Ok(Input::PutItem(input)) = decode(Operation::PutItem, &body) {
            let _ = item(input.item);
        }
    }
}

#[test]
fn what_is_no_value_is_told() {
    let invalid = "One or more parameter values were invalid: ";
    for (wrong, text) in [
        (
            json!({}),
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes".to_owned(),
        ),
        (
            json!({"S": "a", "N": "1"}),
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
             datatypes"
                .to_owned(),
        ),
        (json!({"N": "x"}), "The parameter cannot be converted to a numeric value: x".to_owned()),
        (json!({"NULL": false}), format!("{invalid}Null attribute value types must have the value of true")),
        (json!({"SS": []}), format!("{invalid}An string set  may not be empty")),
        (json!({"NS": ["1", "1.0"]}), "Input collection contains duplicates".to_owned()),
        (json!({"L": [{"M": {"a": {}}}]}), refused(&json!({}))),
    ] {
        assert_eq!(refused(&wrong), text, "{wrong}");
    }
    assert_eq!(read(&json!({"S": null, "N": "1"})), Ok(AttributeValue::N("1".into())));
}

#[test]
fn depth_is_bounded_in_the_words_of_the_table_service_and_then_at_all() {
    let nested = |count: usize| (0..count).fold(json!({"S": "x"}), |inner, _| json!({"L": [inner]}));
    let mut kept = value(read(&nested(DEPTH_MAX - 1)).unwrap()).unwrap();
    for _ in 1..DEPTH_MAX {
        let Value::L(mut members) = kept else { panic!() };
        kept = members.remove(0);
    }
    assert_eq!(kept, Value::from("x"));
    assert!(refused(&nested(DEPTH_MAX)).starts_with("Nesting Levels have exceeded supported limits"));
    assert!(refused(&nested(DEPTH_MAX + 20)).starts_with("Nesting Levels have exceeded supported limits"));
    assert_eq!(read(&nested(70)), Err(Refusal::Malformed));
    let deep = format!(r#"{{"Item": {}"#, r#"{"M": {"a": "#.repeat(100_000));
    assert_eq!(decode(Operation::PutItem, &deep), Err(Refusal::Malformed));
}
