//! Protobuf as a stream of tokens.
//!
//! Fields are expected in the order of their numbers, which is how every encoder writes them: then the items of a list
//! stand together, and one pass is enough. A message in another order is malformed here, and put into order by
//! [`super::sorted`] before it is given up. Unknown fields are read over, as everywhere in protobuf.

use std::borrow::Cow;

use millstream_proto::convert::is_moment;

use super::super::number::Number;
use super::super::text::Text;
use super::super::token::{Extent, Malformed, Read, Reader, Token};
use super::schema::{Count, Field, Kind, Message};
use super::wire::{Wire, extent, tag, varint};

const NANOS_PER_MILLI: i128 = 1_000_000;

#[derive(Debug)]
pub(crate) struct ProtobufReader<'b> {
    body: &'b [u8],
    position: usize,
    /// Lists, maps and messages that are open, the innermost last.
    open: Vec<Open>,
    /// Lists and maps that may still be opened inside the ones that are open.
    nesting_left: u8,
    next: Next,
}

#[derive(Clone, Copy, Debug)]
enum Open {
    /// `number` is the field that was read last.
    Message {
        message: &'static Message,
        end: usize,
        number: u32,
    },
    /// Of a transparent message, which has nothing else, unless it is a field of one that is open as well.
    List {
        field: &'static Field,
        end: usize,
        is_whole: bool,
    },
    /// Packed scalars.
    Packed {
        field: &'static Field,
        end: usize,
    },
    Map {
        field: &'static Field,
        end: usize,
        is_whole: bool,
    },
}

/// What the next token is.
#[derive(Clone, Copy, Debug)]
enum Next {
    Root(&'static Message),
    /// A value whose tag was read.
    Value {
        kind: &'static Kind,
        wire: Wire,
    },
    /// The value of an entry that has none.
    Default(&'static Kind),
    /// A list or map, whose first tag is at the position.
    Collection {
        field: &'static Field,
        end: usize,
        is_whole: bool,
    },
    Nothing,
}

impl<'b> ProtobufReader<'b> {
    pub(crate) fn new(body: &'b [u8], message: &'static Message, nesting_max: u8) -> Self {
        Self { body, position: 0, open: Vec::new(), nesting_left: nesting_max, next: Next::Root(message) }
    }

    fn push(&mut self, open: Open) -> Read<Extent> {
        self.nesting_left = self.nesting_left.checked_sub(1).ok_or(Malformed)?;
        self.open.push(open);
        Ok(Extent { remaining: None, fresh: true })
    }

    fn pop(&mut self) {
        self.open.pop();
        self.nesting_left += 1;
    }

    /// The content of a field with a length; it is read over.
    #[inline]
    fn content(&mut self, end: usize) -> Read<&'b [u8]> {
        let rest = self.body.get(self.position..end).ok_or(Malformed)?;
        let (total, before) = extent(Wire::Bytes, rest)?;
        self.position += total;
        Ok(&rest[before..total])
    }

    #[inline]
    fn varint(&mut self) -> Read<u64> {
        let (value, length) = varint(self.body.get(self.position..).ok_or(Malformed)?)?;
        self.position += length;
        Ok(value)
    }

    /// The end of a nested message, behind the length that stands at the position.
    fn nested_end(&mut self) -> Read<usize> {
        let rest = &self.body[self.position..];
        let (total, before) = extent(Wire::Bytes, rest)?;
        let end = self.position + total;
        self.position += before;
        Ok(end)
    }

    #[allow(clippy::cast_possible_wrap)] // negative numbers are written as large ones
    fn value(&mut self, kind: &'static Kind, wire: Wire) -> Read<Token<'b>> {
        let end = self.body.len();
        Ok(match (kind, wire) {
            (Kind::Text, Wire::Bytes) => Token::Text(Text::Plain(self.content(end)?)),
            (Kind::Blob, Wire::Bytes) => Token::Bytes(Cow::Borrowed(self.content(end)?)),
            (Kind::Boolean, Wire::Varint) => Token::Boolean(self.varint()? != 0),
            (Kind::Integer, Wire::Varint) => Token::Number(Number::Integer((self.varint()? as i64).into())),
            (Kind::Choice(values), Wire::Varint) => choice(values, self.varint()? as i64),
            (Kind::Double, Wire::Fixed64) => self.double()?,
            (Kind::Time, Wire::Bytes) => Token::Number(Number::Integer(millis(self.content(end)?)?)),
            (Kind::Message(_), Wire::Bytes) => {
                let end = self.nested_end()?;
                self.message(kind, end)?
            }
            _ => return Err(Malformed),
        })
    }

    fn message(&mut self, kind: &'static Kind, end: usize) -> Read<Token<'b>> {
        let message = kind.message().ok_or(Malformed)?;
        match message.content() {
            None => self.push(Open::Message { message, end, number: 0 }).map(Token::Map),
            Some(field) => self.collection(field, end, true),
        }
    }

    fn collection(&mut self, field: &'static Field, end: usize, is_whole: bool) -> Read<Token<'b>> {
        match field.count {
            Count::Map => self.push(Open::Map { field, end, is_whole }).map(Token::Map),
            Count::List | Count::One => self.push(Open::List { field, end, is_whole }).map(Token::List),
        }
    }

    fn double(&mut self) -> Read<Token<'b>> {
        let bytes = self.body.get(self.position..).and_then(|rest| rest.first_chunk()).ok_or(Malformed)?;
        self.position += bytes.len();
        let value = f64::from_le_bytes(*bytes);
        // AWS's types have no such values.
        if value.is_finite() { Ok(Token::Number(Number::Float(value))) } else { Err(Malformed) }
    }

    fn default_value(&mut self, kind: &'static Kind) -> Read<Token<'b>> {
        let nothing = &self.body[self.position..self.position];
        Ok(match kind {
            Kind::Text => Token::Text(Text::Plain(nothing)),
            Kind::Blob => Token::Bytes(Cow::Borrowed(nothing)),
            Kind::Boolean => Token::Boolean(false),
            Kind::Integer | Kind::Double | Kind::Time => Token::Number(Number::Integer(0)),
            Kind::Choice(_) => Token::Null,
            Kind::Message(_) => self.message(kind, self.position)?,
        })
    }

    /// Whether the field goes on at the position, which is inside `end`; its tag is read.
    fn goes_on(&mut self, field: &Field, end: usize, is_whole: bool) -> Read<Option<Wire>> {
        if self.position >= end {
            return if self.position == end { Ok(None) } else { Err(Malformed) };
        }
        let (tag, length) = tag(&self.body[self.position..end])?;
        if tag.number != field.number {
            // What follows is the business of the message around, if there is one.
            return if is_whole { Err(Malformed) } else { Ok(None) };
        }
        self.position += length;
        Ok(Some(tag.wire))
    }

    /// The next known field of a message.
    fn field(&mut self, message: &'static Message, end: usize, last: u32) -> Read<Option<&'static Field>> {
        loop {
            if self.position >= end {
                return if self.position == end { Ok(None) } else { Err(Malformed) };
            }
            let begin = self.position;
            let (tag, length) = tag(&self.body[begin..end])?;
            if tag.number < last {
                return Err(Malformed);
            }
            self.position += length;
            let Some(field) = message.by_number(tag.number) else {
                self.position += extent(tag.wire, &self.body[self.position..end])?.0;
                continue;
            };
            self.next = if field.count == Count::One {
                extent(tag.wire, &self.body[self.position..end])?;
                Next::Value { kind: &field.kind, wire: tag.wire }
            } else {
                self.position = begin;
                Next::Collection { field, end, is_whole: false }
            };
            return Ok(Some(field));
        }
    }

    /// An entry of a map: its key; its value is next. Encoders write both in this order.
    fn entry(&mut self, field: &'static Field, end: usize) -> Read<Text<'b>> {
        let entry_end = self.nested_end()?;
        if entry_end > end {
            return Err(Malformed);
        }
        let mut key = &self.body[self.position..self.position];
        self.next = Next::Default(&field.kind);
        while self.position < entry_end {
            let (tag, length) = tag(&self.body[self.position..entry_end])?;
            self.position += length;
            let (total, before) = extent(tag.wire, &self.body[self.position..entry_end])?;
            match tag.number {
                1 if tag.wire == Wire::Bytes => {
                    key = &self.body[self.position + before..self.position + total];
                }
                2 if self.position + total == entry_end => {
                    self.next = Next::Value { kind: &field.kind, wire: tag.wire };
                    break;
                }
                _ => return Err(Malformed),
            }
            self.position += total;
        }
        Ok(Text::Plain(key))
    }
}

impl<'b> Reader<'b> for ProtobufReader<'b> {
    #[inline]
    fn token(&mut self) -> Read<Token<'b>> {
        match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Root(message) => {
                self.push(Open::Message { message, end: self.body.len(), number: 0 }).map(Token::Map)
            }
            Next::Value { kind, wire } => self.value(kind, wire),
            Next::Default(kind) => self.default_value(kind),
            Next::Collection { field, end, is_whole } => self.collection(field, end, is_whole),
            Next::Nothing => Err(Malformed),
        }
    }

    fn item(&mut self, list: &mut Extent) -> Read<bool> {
        loop {
            match self.open.last().copied() {
                Some(Open::Packed { field, end }) if self.position < end => {
                    extent(Wire::Varint, &self.body[self.position..end])?;
                    self.next = Next::Value { kind: &field.kind, wire: Wire::Varint };
                    return Ok(true);
                }
                Some(Open::Packed { .. }) => drop(self.open.pop()),
                Some(Open::List { field, end, is_whole }) => {
                    let Some(wire) = self.goes_on(field, end, is_whole)? else {
                        self.pop();
                        return Ok(false);
                    };
                    let is_packable = matches!(field.kind, Kind::Boolean | Kind::Choice(_) | Kind::Integer);
                    if wire == Wire::Bytes && is_packable {
                        let packed_end = self.nested_end()?;
                        if packed_end > end {
                            return Err(Malformed);
                        }
                        self.open.push(Open::Packed { field, end: packed_end });
                        continue;
                    }
                    extent(wire, &self.body[self.position..end])?;
                    self.next = Next::Value { kind: &field.kind, wire };
                    list.fresh = false;
                    return Ok(true);
                }
                _ => return Err(Malformed),
            }
        }
    }

    #[inline]
    fn key(&mut self, _: &mut Extent) -> Read<Option<Text<'b>>> {
        match self.open.last().copied() {
            Some(Open::Message { message, end, number }) => {
                let Some(field) = self.field(message, end, number)? else {
                    self.pop();
                    return Ok(None);
                };
                if let Some(Open::Message { number, .. }) = self.open.last_mut() {
                    *number = field.number;
                }
                Ok(Some(Text::Known(&field.name)))
            }
            Some(Open::Map { field, end, is_whole }) => match self.goes_on(field, end, is_whole)? {
                Some(Wire::Bytes) => self.entry(field, end).map(Some),
                Some(_) => Err(Malformed),
                None => {
                    self.pop();
                    Ok(None)
                }
            },
            _ => Err(Malformed),
        }
    }

    fn end(&mut self) -> Read<()> {
        if self.position == self.body.len() && self.open.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// The name of an enum's value, which is no slice of the body. One that is not known is shown as its number, and zero is
/// no value.
fn choice<'b>(values: &'static [(i32, String)], number: i64) -> Token<'b> {
    if number == 0 {
        return Token::Null;
    }
    let known = values.iter().find(|(known, _)| i64::from(*known) == number);
    Token::Text(match known {
        Some((_, name)) => Text::Known(name),
        None => Text::Joined(number.to_string().into_bytes()),
    })
}

/// Milliseconds of a `google.protobuf.Timestamp`, floored. One that the type does not allow is none.
#[allow(clippy::cast_possible_wrap)] // negative numbers are written as large ones
fn millis(mut message: &[u8]) -> Read<i128> {
    let (mut seconds, mut nanos) = (0, 0);
    while !message.is_empty() {
        let (tag, length) = tag(message)?;
        message = &message[length..];
        let (total, _) = extent(tag.wire, message)?;
        match (tag.number, tag.wire) {
            (1, Wire::Varint) => seconds = varint(message)?.0 as i64,
            (2, Wire::Varint) => nanos = varint(message)?.0 as i64,
            (1 | 2, _) => return Err(Malformed),
            _ => {}
        }
        message = &message[total..];
    }
    if !is_moment(seconds, nanos) {
        return Err(Malformed);
    }
    Ok(i128::from(seconds) * 1000 + i128::from(nanos).div_euclid(NANOS_PER_MILLI))
}
