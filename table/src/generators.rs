//! Random numbers, values and items for property tests. Names and scalars come from a small world, so that
//! what is generated meets.

use bytes::Bytes;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use crate::item::Item;
use crate::number::Number;
use crate::value::Value;

/// Numbers of every magnitude and length, and often such as are close to one another.
pub(crate) fn number() -> impl Strategy<Value = Number> {
    let any = ("-?[1-9][0-9]{0,37}", -130_i32..=125).prop_map(|(digits, scientific)| {
        let significant = i32::try_from(digits.trim_start_matches('-').len()).unwrap();
        format!("{digits}E{}", scientific - significant + 1).parse().unwrap()
    });
    let near = "-?[0-9]{1,38}".prop_map(|text| text.parse().unwrap());
    prop_oneof![3 => any, 3 => near, 2 => small_number(), 1 => Just(Number::ZERO)]
}

fn small_number() -> impl Strategy<Value = Number> {
    (-3_i32..=3).prop_map(|value| value.to_string().parse().unwrap())
}

pub(crate) fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a1", "b1", "c1", "d1"]).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[ab]{0,3}", 1 => ".{0,8}"]
}

fn binary() -> impl Strategy<Value = Bytes> {
    vec(prop_oneof![3 => 0_u8..3, 1 => any::<u8>()], 0..4).prop_map(Bytes::from)
}

pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::S),
        small_number().prop_map(Value::N),
        number().prop_map(Value::N),
        binary().prop_map(Value::B),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let flat = prop_oneof![
        4 => scalar(),
        1 => btree_set(text(), 1..4).prop_map(Value::Ss),
        1 => btree_set(small_number(), 1..4).prop_map(Value::Ns),
        1 => btree_set(binary(), 1..4).prop_map(Value::Bs),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ];
    flat.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::L),
            btree_map(name(), inner, 0..3).prop_map(Value::M),
        ]
    })
}

pub(crate) fn item() -> impl Strategy<Value = Item> {
    btree_map(name(), value(), 0..5).prop_map(Item::from)
}
