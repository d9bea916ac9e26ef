//! Trees as protobuf, and protobuf as JSON, by the schema but apart from the codec's reader and writer.

use prost::bytes::Buf;
use prost::encoding::{decode_key, decode_varint, encode_key, encode_varint};
use serde_json::{Map, Value as Json, json};

use super::body::Node;
use crate::aws::codec::protobuf::schema::{Count, Field, Kind, Message};

pub(crate) type Wire = prost::encoding::WireType;

/// The tree as a message, with its fields in the order of the tree's members. `None` for what protobuf has no form for:
/// values of a wrong type, members that are not published, lists and maps that are empty.
pub(crate) fn written(node: &Node, message: &Message) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if let Some(content) = message.content() {
        write_all(node, content, &mut out)?;
        return Some(out);
    }
    let Node::Map(members) = node else { return None };
    for (name, value) in members.iter().filter(|(name, _)| name != "Unknown") {
        let field = message.by_name(name)?;
        match (field.count, value) {
            (_, Node::Null) => {}
            (Count::One, value) => write(value, field.number, &field.kind, &mut out)?,
            (Count::List, Node::List(items)) if items.is_empty() => return None,
            (Count::Map, Node::Map(entries)) if entries.is_empty() => return None,
            (Count::List | Count::Map, value) => write_all(value, field, &mut out)?,
        }
    }
    Some(out)
}

/// The items or entries of a field.
fn write_all(value: &Node, field: &Field, out: &mut Vec<u8>) -> Option<()> {
    match (field.count, value) {
        (Count::List, Node::List(items)) => {
            items.iter().try_for_each(|item| write(item, field.number, &field.kind, out))
        }
        (Count::Map, Node::Map(entries)) => entries.iter().try_for_each(|(key, value)| {
            let mut entry = Vec::new();
            write(&Node::text(key), 1, &Kind::Text, &mut entry)?;
            write(value, 2, &field.kind, &mut entry)?;
            nest(field.number, &entry, out);
            Some(())
        }),
        _ => None,
    }
}

fn write(value: &Node, number: u32, kind: &Kind, out: &mut Vec<u8>) -> Option<()> {
    let mut varint = |value| {
        encode_key(number, Wire::Varint, out);
        encode_varint(value, out);
    };
    match (kind, value) {
        (Kind::Boolean, Node::Boolean(value)) => varint((*value).into()),
        (Kind::Integer, Node::Integer(value)) => varint(*value as u64),
        (Kind::Choice(values), Node::Text(name)) => {
            varint(values.iter().find(|(_, known)| known == name)?.0 as u64);
        }
        (Kind::Text, Node::Text(text)) => nest(number, text.as_bytes(), out),
        (Kind::Blob, Node::Blob(blob)) => nest(number, blob, out),
        (Kind::Time, Node::Millis(millis)) => {
            let mut time = Vec::new();
            write(&Node::Integer((millis / 1000) as i64), 1, &Kind::Integer, &mut time)?;
            write(&Node::Integer((millis % 1000 * 1_000_000) as i64), 2, &Kind::Integer, &mut time)?;
            nest(number, &time, out);
        }
        (Kind::Message(_), value) => nest(number, &written(value, kind.message()?)?, out),
        _ => return None,
    }
    Some(())
}

fn nest(number: u32, content: &[u8], out: &mut Vec<u8>) {
    encode_key(number, Wire::LengthDelimited, out);
    encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// A message as the JSON that says the same.
#[cfg(test)]
pub(crate) fn shown(bytes: &[u8], message: &Message) -> Json {
    let mut members = members(bytes, message);
    match message.content() {
        None => Json::Object(members),
        Some(content) => members.remove(&content.name).unwrap_or_else(|| match content.count {
            Count::Map => json!({}),
            Count::List | Count::One => json!([]),
        }),
    }
}

#[cfg(test)]
fn members(mut bytes: &[u8], message: &Message) -> Map<String, Json> {
    let mut members = Map::new();
    while bytes.has_remaining() {
        let (number, wire) = decode_key(&mut bytes).unwrap();
        let field: &Field = message.by_number(number).unwrap();
        let name = field.name.clone();
        match field.count {
            Count::One => drop(members.insert(name, show(&mut bytes, wire, &field.kind))),
            Count::List => {
                let list = members.entry(name).or_insert_with(|| json!([]));
                list.as_array_mut().unwrap().push(show(&mut bytes, wire, &field.kind));
            }
            Count::Map => {
                let mut entry = content(&mut bytes);
                decode_key(&mut entry).unwrap();
                let key = show(&mut entry, Wire::LengthDelimited, &Kind::Text);
                let (_, wire) = decode_key(&mut entry).unwrap();
                let map = members.entry(name).or_insert_with(|| json!({}));
                map[key.as_str().unwrap()] = show(&mut entry, wire, &field.kind);
            }
        }
    }
    members
}

#[cfg(test)]
fn content<'b>(bytes: &mut &'b [u8]) -> &'b [u8] {
    let length = usize::try_from(decode_varint(bytes).unwrap()).unwrap();
    let (content, rest) = bytes.split_at(length);
    *bytes = rest;
    content
}

#[cfg(test)]
fn show(bytes: &mut &[u8], wire: Wire, kind: &Kind) -> Json {
    match (kind, wire) {
        (Kind::Boolean, Wire::Varint) => json!(decode_varint(bytes).unwrap() != 0),
        (Kind::Integer, Wire::Varint) => json!(decode_varint(bytes).unwrap() as i64),
        (Kind::Choice(values), Wire::Varint) => {
            let number = decode_varint(bytes).unwrap() as i32;
            json!(values.iter().find(|(known, _)| *known == number).unwrap().1)
        }
        (Kind::Double, Wire::SixtyFourBit) => json!(bytes.get_f64_le()),
        (Kind::Text, Wire::LengthDelimited) => json!(std::str::from_utf8(content(bytes)).unwrap()),
        (Kind::Blob, Wire::LengthDelimited) => json!(base64_simd::STANDARD.encode_to_string(content(bytes))),
        (Kind::Time, Wire::LengthDelimited) => {
            let time = <prost_types::Timestamp as prost::Message>::decode(content(bytes)).unwrap();
            serde_json::from_str(&format!("{}.{:03}", time.seconds, time.nanos / 1_000_000)).unwrap()
        }
        (Kind::Message(_), Wire::LengthDelimited) => shown(content(bytes), kind.message().unwrap()),
        other => panic!("{other:?}"),
    }
}
