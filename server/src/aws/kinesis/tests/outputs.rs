//! JSON and CBOR say the same of any output: of whatever an operation's output may be made of, however deep.
//!
//! The generated outputs only name their members; what is written of a value is the same for all of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::Timestamp;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::answers::both;
use crate::aws::codec::{Encode, Writer};

/// Names of members come from the model.
const NAMES: [&str; 6] =
    ["StreamName", "Records", "MillisBehindLatest", "Data", "ApproximateArrivalTimestamp", "Tags"];

/// Anything that an output is made of.
#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Blob(Vec<u8>),
    Boolean(bool),
    Integer(i64),
    Time(u64),
    List(Vec<Part>),
    Structure(BTreeMap<usize, Part>),
    Map(BTreeMap<String, Part>),
}

impl Encode for Part {
    fn encode<W: Writer>(&self, writer: &mut W) {
        match self {
            Self::Text(text) => ByteString::from(text.as_str()).encode(writer),
            Self::Blob(blob) => Bytes::copy_from_slice(blob).encode(writer),
            Self::Boolean(value) => value.encode(writer),
            Self::Integer(value) => value.encode(writer),
            Self::Time(millis) => Timestamp::from_millis(*millis).encode(writer),
            Self::List(items) => items.encode(writer),
            Self::Structure(members) => {
                writer.open_map();
                for (name, value) in members {
                    writer.member(NAMES[*name]);
                    value.encode(writer);
                }
                writer.close_map();
            }
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.as_str().into(), value.clone()));
                entries.collect::<BTreeMap<ByteString, _>>().encode(writer);
            }
        }
    }
}

impl Part {
    /// What clients should read.
    fn meaning(&self) -> Json {
        match self {
            Self::Text(text) => json!(text),
            Self::Blob(blob) => json!(base64_simd::STANDARD.encode_to_string(blob)),
            Self::Boolean(value) => json!(value),
            Self::Integer(value) => json!(value),
            Self::Time(millis) => {
                serde_json::from_str(&format!("{}.{:03}", millis / 1000, millis % 1000)).unwrap()
            }
            Self::List(items) => items.iter().map(Self::meaning).collect(),
            Self::Structure(members) => {
                members.iter().map(|(name, value)| (NAMES[*name].to_owned(), value.meaning())).collect()
            }
            Self::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.meaning())).collect(),
        }
    }
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Part::Text),
        "[\\x00-\\x7f]{0,9}".prop_map(Part::Text),
        any::<Vec<u8>>().prop_map(Part::Blob),
        any::<bool>().prop_map(Part::Boolean),
        any::<i64>().prop_map(Part::Integer),
        (-300_i64..300).prop_map(Part::Integer),
        (0_u64..1 << 45).prop_map(Part::Time),
    ];
    leaf.prop_recursive(5, 40, 6, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..6).prop_map(Part::List),
            prop::collection::btree_map(0..NAMES.len(), inside.clone(), 0..5).prop_map(Part::Structure),
            prop::collection::btree_map(any::<String>(), inside, 0..5).prop_map(Part::Map),
        ]
    })
}

proptest! {
    #[test]
    fn both_formats_say_the_same_of_any_output(part in part()) {
        let (json, cbor) = both(&part);
        let meaning = part.meaning();
        prop_assert_eq!(&json, &meaning);
        prop_assert_eq!(&cbor, &meaning);
    }
}
