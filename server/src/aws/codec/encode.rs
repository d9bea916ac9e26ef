//! Typed outputs to bytes, in one pass into the buffer that is sent.
//!
//! Outputs are trusted: nothing is checked here, and what is absent is left out.

use std::collections::BTreeMap;

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::Timestamp;

/// What an output is written to.
pub trait Writer {
    fn open_map(&mut self);
    /// Begins a member; its value is written next. `name` comes from the model and needs no escaping.
    fn member(&mut self, name: &'static str);
    /// Begins an entry whose key is data.
    fn entry(&mut self, key: &str);
    fn close_map(&mut self);

    fn open_list(&mut self, length: usize);
    /// Begins an item; its value is written next.
    fn item(&mut self);
    fn close_list(&mut self);

    fn text(&mut self, text: &str);
    fn blob(&mut self, blob: &[u8]);
    fn boolean(&mut self, value: bool);
    fn integer(&mut self, value: i64);
    fn double(&mut self, value: f64);
    fn timestamp(&mut self, value: Timestamp);
    /// Where nothing must be said aloud; answers leave out what is absent.
    fn null(&mut self);
}

/// A value that an output may hold.
pub trait Encode {
    fn encode<W: Writer>(&self, writer: &mut W);
}

/// Writes the members of one structure.
#[derive(Debug)]
pub(crate) struct MemberWriter<'w, W: Writer>(&'w mut W);

impl<'w, W: Writer> MemberWriter<'w, W> {
    pub(crate) fn open(writer: &'w mut W) -> Self {
        writer.open_map();
        Self(writer)
    }

    pub(crate) fn required(&mut self, name: &'static str, value: &impl Encode) {
        self.0.member(name);
        value.encode(self.0);
    }

    pub(crate) fn optional(&mut self, name: &'static str, value: Option<&impl Encode>) {
        if let Some(value) = value {
            self.required(name, value);
        }
    }

    pub(crate) fn close(self) {
        self.0.close_map();
    }
}

impl Encode for ByteString {
    fn encode<W: Writer>(&self, writer: &mut W) {
        writer.text(self);
    }
}

impl Encode for Bytes {
    fn encode<W: Writer>(&self, writer: &mut W) {
        writer.blob(self);
    }
}

impl Encode for bool {
    fn encode<W: Writer>(&self, writer: &mut W) {
        writer.boolean(*self);
    }
}

impl Encode for i32 {
    fn encode<W: Writer>(&self, writer: &mut W) {
        writer.integer((*self).into());
    }
}

impl Encode for i64 {
    fn encode<W: Writer>(&self, writer: &mut W) {
        writer.integer(*self);
    }
}

impl Encode for f64 {
    fn encode<W: Writer>(&self, writer: &mut W) {
        writer.double(*self);
    }
}

impl Encode for Timestamp {
    fn encode<W: Writer>(&self, writer: &mut W) {
        writer.timestamp(*self);
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode<W: Writer>(&self, writer: &mut W) {
        writer.open_list(self.len());
        for item in self {
            writer.item();
            item.encode(writer);
        }
        writer.close_list();
    }
}

impl<T: Encode> Encode for BTreeMap<ByteString, T> {
    fn encode<W: Writer>(&self, writer: &mut W) {
        writer.open_map();
        for (key, value) in self {
            writer.entry(key);
            value.encode(writer);
        }
        writer.close_map();
    }
}

/// Nothing: the output of an operation that has none is an empty body.
impl Encode for () {
    fn encode<W: Writer>(&self, _: &mut W) {}
}

/// Adds up about how long the output will be, so that the buffer is grown once. Escapes are not counted.
#[derive(Debug, Default)]
pub(crate) struct Measure {
    pub(crate) bytes: usize,
}

impl Measure {
    /// Quotes and a comma, or the longest head of CBOR.
    const OVERHEAD: usize = 9;
    /// The longest number, `-9223372036854775808`.
    const NUMBER: usize = 20;
}

impl Writer for Measure {
    fn open_map(&mut self) {
        self.bytes += 1;
    }

    fn member(&mut self, name: &'static str) {
        self.bytes += name.len() + Self::OVERHEAD;
    }

    fn entry(&mut self, key: &str) {
        self.text(key);
    }

    fn close_map(&mut self) {
        self.bytes += 1;
    }

    fn open_list(&mut self, _: usize) {
        self.bytes += Self::OVERHEAD;
    }

    fn item(&mut self) {
        self.bytes += 1;
    }

    fn close_list(&mut self) {
        self.bytes += 1;
    }

    fn text(&mut self, text: &str) {
        self.bytes += text.len() + Self::OVERHEAD;
    }

    fn blob(&mut self, blob: &[u8]) {
        self.bytes += base64_simd::STANDARD.encoded_length(blob.len()) + Self::OVERHEAD;
    }

    fn boolean(&mut self, _: bool) {
        self.bytes += Self::NUMBER;
    }

    fn integer(&mut self, _: i64) {
        self.bytes += Self::NUMBER;
    }

    fn double(&mut self, _: f64) {
        self.bytes += Self::NUMBER;
    }

    fn timestamp(&mut self, _: Timestamp) {
        self.bytes += Self::NUMBER;
    }

    fn null(&mut self) {
        self.bytes += Self::NUMBER;
    }
}
