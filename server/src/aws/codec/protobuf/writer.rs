//! Outputs as protobuf: each member as the field of its name.
//!
//! A message's length stands before it and is known behind it, so it is put there when the message is closed.

use millstream_model::Timestamp;

use super::super::encode::Writer;
use super::schema::{Count, Field, Kind, Message};
use super::wire::{Wire, close, put_tag, put_varint};

/// Numbers of the fields of a map's entries.
const KEY: u32 = 1;
const VALUE: u32 = 2;

#[derive(Debug)]
pub(crate) struct ProtobufWriter<'o> {
    out: &'o mut Vec<u8>,
    /// What is open, the innermost last.
    open: Vec<Open>,
    next: Next,
}

#[derive(Debug)]
enum Open {
    Root(&'static Message),
    /// A message whose content begins there.
    Message(&'static Message, usize),
    List(&'static Field),
    Map(&'static Field),
    /// The message around a list or map, whose content begins there.
    Transparent(usize),
    /// An entry whose content begins there; it ends with its value.
    Entry(usize),
    /// Inside a member that no field stands for.
    Unknown,
}

/// What is written next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Root(&'static Message),
    /// A field, or an item of one.
    Value {
        number: u32,
        kind: &'static Kind,
    },
    Collection(&'static Field),
    Unknown,
}

impl<'o> ProtobufWriter<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>, message: &'static Message) -> Self {
        Self { out, open: Vec::new(), next: Next::Root(message) }
    }

    /// Begins a message; gives where its content begins.
    fn begin(&mut self, number: u32) -> usize {
        put_tag(number, Wire::Bytes, self.out);
        self.out.len()
    }

    fn open_message(&mut self) {
        let open = match self.next {
            Next::Root(message) => Open::Root(message),
            Next::Collection(field) => Open::Map(field),
            Next::Value { number, kind } => match kind.message() {
                Some(message) => {
                    let start = self.begin(number);
                    match message.content() {
                        None => Open::Message(message, start),
                        Some(field) => {
                            self.open.push(Open::Transparent(start));
                            Open::Map(field)
                        }
                    }
                }
                None => Open::Unknown,
            },
            Next::Unknown => Open::Unknown,
        };
        self.open.push(open);
        self.next = Next::Unknown;
    }

    /// Ends the innermost that is open, and what ends with it.
    fn close_one(&mut self) {
        match self.open.pop() {
            Some(Open::Message(_, start)) => close(start, self.out),
            Some(Open::List(_) | Open::Map(_)) => {
                if let Some(Open::Transparent(start)) = self.open.last() {
                    close(*start, self.out);
                    self.open.pop();
                }
            }
            _ => {}
        }
        self.ended();
    }

    /// A value ended, and with it the entry that it was in.
    fn ended(&mut self) {
        if let Some(Open::Entry(start)) = self.open.last() {
            close(*start, self.out);
            self.open.pop();
        }
        self.next = Next::Unknown;
    }

    fn scalar(
        &mut self,
        wire: Wire,
        fits: impl FnOnce(&'static Kind) -> bool,
        write: impl FnOnce(&mut Vec<u8>, &'static Kind),
    ) {
        if let Next::Value { number, kind } = self.next
            && fits(kind)
        {
            put_tag(number, wire, self.out);
            write(self.out, kind);
        }
        self.ended();
    }
}

impl Writer for ProtobufWriter<'_> {
    fn open_map(&mut self) {
        self.open_message();
    }

    fn member(&mut self, name: &'static str) {
        let field = match self.open.last() {
            Some(Open::Root(message) | Open::Message(message, _)) => message.by_name(name),
            _ => None,
        };
        self.next = match field {
            Some(field) if field.count == Count::One => {
                Next::Value { number: field.number, kind: &field.kind }
            }
            Some(field) => Next::Collection(field),
            None => Next::Unknown,
        };
    }

    fn entry(&mut self, key: &str) {
        let Some(Open::Map(field)) = self.open.last() else { return };
        let (number, kind) = (field.number, &field.kind);
        let start = self.begin(number);
        put_tag(KEY, Wire::Bytes, self.out);
        put_varint(key.len() as u64, self.out);
        self.out.extend_from_slice(key.as_bytes());
        self.open.push(Open::Entry(start));
        self.next = Next::Value { number: VALUE, kind };
    }

    fn close_map(&mut self) {
        self.close_one();
    }

    fn open_list(&mut self, _: usize) {
        let open = match self.next {
            Next::Collection(field) => Open::List(field),
            Next::Value { number, kind } => match kind.message().and_then(Message::content) {
                Some(field) => {
                    let start = self.begin(number);
                    self.open.push(Open::Transparent(start));
                    Open::List(field)
                }
                None => Open::Unknown,
            },
            Next::Root(_) | Next::Unknown => Open::Unknown,
        };
        self.open.push(open);
    }

    fn item(&mut self) {
        self.next = match self.open.last() {
            Some(Open::List(field)) => Next::Value { number: field.number, kind: &field.kind },
            _ => Next::Unknown,
        };
    }

    fn close_list(&mut self) {
        self.close_one();
    }

    fn text(&mut self, text: &str) {
        if let Next::Value { kind: Kind::Choice(values), .. } = self.next {
            let known = values.iter().find(|(_, name)| name == text);
            let number = known.map_or(0, |(number, _)| *number);
            #[allow(clippy::cast_sign_loss)] // there are no negative ones
            self.scalar(Wire::Varint, |_| true, |out, _| put_varint(number as u64, out));
            return;
        }
        self.scalar(Wire::Bytes, |kind| *kind == Kind::Text, |out, _| put_bytes(text.as_bytes(), out));
    }

    fn blob(&mut self, blob: &[u8]) {
        self.scalar(Wire::Bytes, |kind| *kind == Kind::Blob, |out, _| put_bytes(blob, out));
    }

    fn boolean(&mut self, value: bool) {
        self.scalar(Wire::Varint, |kind| *kind == Kind::Boolean, |out, _| out.push(value.into()));
    }

    fn integer(&mut self, value: i64) {
        // Negative numbers are written as large ones.
        #[allow(clippy::cast_sign_loss)]
        self.scalar(Wire::Varint, |kind| *kind == Kind::Integer, |out, _| put_varint(value as u64, out));
    }

    fn double(&mut self, value: f64) {
        let bytes = value.to_le_bytes();
        self.scalar(Wire::Fixed64, |kind| *kind == Kind::Double, |out, _| out.extend_from_slice(&bytes));
    }

    fn timestamp(&mut self, value: Timestamp) {
        let (seconds, nanos) = (value.as_millis() / 1000, value.as_millis() % 1000 * 1_000_000);
        self.scalar(
            Wire::Bytes,
            |kind| *kind == Kind::Time,
            |out, _| {
                let start = out.len();
                put_tag(1, Wire::Varint, out);
                put_varint(seconds, out);
                put_tag(2, Wire::Varint, out);
                put_varint(nanos, out);
                close(start, out);
            },
        );
    }

    /// What is said to be nothing is left out, as all that is nothing.
    fn null(&mut self) {
        self.ended();
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
