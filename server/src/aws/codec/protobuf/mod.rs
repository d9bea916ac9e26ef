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

pub(super) use self::reader::ProtobufReader;
pub(crate) use self::schema::Shapes;
pub(super) use self::sorting::sorted;
pub(super) use self::writer::ProtobufWriter;

/// What a message comes as where it is not inside of gRPC's own frames.
pub(crate) const CONTENT_TYPE: &str = "application/grpc+proto";
