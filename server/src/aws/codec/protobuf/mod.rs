//! Protobuf, the third encoding: what comes over gRPC is read into the same inputs and checked by the same rules as JSON
//! and CBOR, and answers are written by the same code. So all wires agree by construction.
//!
//! Protobuf does not describe itself: [`schema`] knows which field of a message is which member of the model, from the
//! descriptors of the published files. `kinesis/tests/protobuf.rs` checks that both have the same members.

mod reader;
pub(crate) mod schema;
mod sorting;
pub(crate) mod wire;
mod writer;

use self::schema::Message;
use super::encode::Encode;
use super::error::ApiError;

pub(super) use self::reader::ProtobufReader;
pub(crate) use self::schema::Shapes;
pub(super) use self::sorting::sorted;
pub(super) use self::writer::ProtobufWriter;

/// What the error says beside its text, as the published message of the exception's name, if it says anything.
pub(crate) fn details(error: &ApiError) -> Option<Vec<u8>> {
    let message = Message::named(error.code()).filter(|_| error.says_more())?;
    let mut out = Vec::new();
    error.encode(&mut ProtobufWriter::new(&mut out, message));
    Some(out)
}

/// What a message comes as where it is not inside of gRPC's own frames.
pub(crate) const CONTENT_TYPE: &str = "application/grpc+proto";
