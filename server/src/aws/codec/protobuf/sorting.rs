//! Messages put into the order of their fields' numbers.
//!
//! Protobuf lets a message's fields stand in any order. No encoder makes use of it, so the reader does not care for
//! such messages; what it could not read is rearranged here, and read once more.

use super::schema::{Count, Field, Message};
use super::wire::{Tag, Wire, close, extent, put_tag, tag};

/// The same message in order, `None` if it was in order or cannot be taken apart.
pub(crate) fn sorted(body: &[u8], message: &'static Message, nesting_max: u8) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    sort(body, message, nesting_max, &mut out)?;
    (out != body).then_some(out)
}

/// A field's tag, and its value with the length in front if it has one.
type Found<'b> = (Tag, &'b [u8], usize);

fn sort(body: &[u8], message: &'static Message, nesting_left: u8, out: &mut Vec<u8>) -> Option<()> {
    let nesting_left = nesting_left.checked_sub(1)?;
    for (tag, value, before) in fields(body)? {
        put_tag(tag.number, tag.wire, out);
        let field = message.by_number(tag.number).filter(|_| tag.wire == Wire::Bytes);
        match field {
            Some(field) if field.count == Count::Map => {
                let start = out.len();
                sort_entry(&value[before..], field, nesting_left, out)?;
                close(start, out);
            }
            Some(Field { kind, .. }) if kind.message().is_some() => {
                let start = out.len();
                sort(&value[before..], kind.message()?, nesting_left, out)?;
                close(start, out);
            }
            _ => out.extend_from_slice(value),
        }
    }
    Some(())
}

/// Key before value, and of each the last one that is there.
fn sort_entry(entry: &[u8], map: &Field, nesting_left: u8, out: &mut Vec<u8>) -> Option<()> {
    let found = fields(entry)?;
    for number in [1, 2] {
        let Some((tag, value, before)) = found.iter().rfind(|(tag, ..)| tag.number == number) else {
            continue;
        };
        put_tag(number, tag.wire, out);
        match map.kind.message().filter(|_| number == 2 && tag.wire == Wire::Bytes) {
            Some(message) => {
                let start = out.len();
                sort(&value[*before..], message, nesting_left, out)?;
                close(start, out);
            }
            None => out.extend_from_slice(value),
        }
    }
    Some(())
}

/// The fields by their numbers; those of one number stay in their order.
fn fields(mut body: &[u8]) -> Option<Vec<Found<'_>>> {
    let mut fields = Vec::new();
    while !body.is_empty() {
        let (tag, length) = tag(body).ok()?;
        body = &body[length..];
        let (total, before) = extent(tag.wire, body).ok()?;
        fields.push((tag, &body[..total], before));
        body = &body[total..];
    }
    fields.sort_by_key(|(tag, ..)| tag.number);
    Some(fields)
}
