//! The two encodings of the AWS wire, that of gRPC, and the one way through all of them.
//!
//! [`decode`] makes bytes into a valid input or says in AWS's words why not; [`encode`] appends an output to
//! the bytes that are sent. Both know the model only through the generated code of a service. A body is
//! read in one pass, without recursion beyond the nesting limit, and within memory in proportion to it.

mod blob;
mod cbor_reader;
mod cbor_writer;
pub(crate) mod collection;
pub(crate) mod decoder;
pub(crate) mod encode;
mod error;
mod json_reader;
mod json_writer;
mod number;
pub(crate) mod protobuf;
mod recording;
pub(crate) mod shape;
mod text;
pub(crate) mod token;
mod words;

use bytes::Bytes;

use self::cbor_reader::CborReader;
use self::cbor_writer::CborWriter;
use self::decoder::{Decoder, Structure};
use self::encode::Measure;
pub use self::encode::{Encode, Writer};
pub use self::error::{ApiError, ErrorCode, ProtocolError, Refusal};
use self::json_reader::JsonReader;
use self::json_writer::JsonWriter;
use self::protobuf::{ProtobufReader, ProtobufWriter, Shapes, sorted};
use self::token::{Malformed, Reader, Token};
pub(crate) use self::words::Words;

/// How a request, and so its answer, is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    Json,
    Cbor,
    /// Which does not describe itself, so that it takes the messages to read it.
    Protobuf(Shapes),
}

/// How a service reads its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Lists and maps inside each other that a request may have. Beyond, it is malformed.
    pub(crate) nesting_max: u8,
    pub(crate) words: Words,
}

/// Makes a body into an input that keeps every constraint of the model. Strings and CBOR's blobs of the
/// input are slices of `body` and keep it alive; whoever stores one for long copies it.
pub(crate) fn decode<S: Structure>(format: Format, body: &Bytes, dialect: Dialect) -> Result<S, Refusal> {
    let Dialect { nesting_max, words } = dialect;
    let root = match format {
        Format::Json => Decoder::new(JsonReader::new(body, nesting_max), body, words).root::<S>(),
        Format::Cbor => Decoder::new(CborReader::new(body, nesting_max), body, words).root::<S>(),
        Format::Protobuf(shapes) => {
            let read = |body: &Bytes| {
                let reader = ProtobufReader::new(body, shapes.input(), nesting_max);
                Decoder::new(reader, body, words).root::<S>()
            };
            let in_order = || sorted(body, shapes.input(), nesting_max).ok_or(Malformed);
            read(body).or_else(|Malformed| read(&in_order()?.into()))
        }
    };
    match root {
        Err(Malformed) => Err(Refusal::Malformed),
        Ok((_, Some(wrong_type))) => Err(Refusal::WrongType(wrong_type)),
        Ok((checked, None)) if checked.faults.is_empty() => Ok(checked.value),
        Ok((checked, None)) => Err(Refusal::Invalid(checked.faults.to_string())),
    }
}

/// Whether a body is JSON with a structure at its root, whatever that holds.
pub(crate) fn is_well_formed(body: &[u8], nesting_max: u8) -> bool {
    let mut reader = JsonReader::new(body, nesting_max);
    let root = reader.token().and_then(|token| match token {
        token @ Token::Map(_) => reader.skip(token),
        _ => Err(Malformed),
    });
    root.and_then(|()| reader.end()).is_ok()
}

/// Appends an output to `out`. The output of an operation that has none appends nothing.
pub fn encode(format: Format, output: &impl Encode, out: &mut Vec<u8>) {
    let mut measure = Measure::default();
    output.encode(&mut measure);
    out.reserve(measure.bytes);
    match format {
        Format::Json => output.encode(&mut JsonWriter::new(out)),
        Format::Cbor => output.encode(&mut CborWriter::new(out)),
        Format::Protobuf(shapes) => output.encode(&mut ProtobufWriter::new(out, shapes.output())),
    }
}

impl ApiError {
    /// Appends the error's body to `out`.
    pub fn encode_to(&self, format: Format, out: &mut Vec<u8>) {
        encode(format, self, out);
    }
}
