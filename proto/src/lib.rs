//! The public gRPC API: what `proto/millstream/v1/*.proto` says, as types, as descriptors, and next to `model`'s nouns.
//!
//! The files are the contract, and what is published of it stays: `tests/evolution.rs` fails when a field's number,
//! name or type changes or goes. Record data is `Bytes`, a slice of what arrived. Not here: what any call does, and
//! what its exceptions are.

pub mod convert;

/// What the files of version 1 declare.
#[allow(missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)] // generated
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/millstream.v1.rs"));
}

/// All files as a `google.protobuf.FileDescriptorSet`, with those that they import and with their comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// What every name of version 1 begins with.
pub const PACKAGE: &str = "millstream.v1";

/// The domain of `google.rpc.ErrorInfo` in the details of a status; its reason is the exception's name.
pub const ERROR_DOMAIN: &str = "millstream";

/// Metadata of a call: the account whose streams it means, 12 digits. The server has a default.
pub const ACCOUNT: &str = "millstream-account";

/// Metadata of a call: the region whose streams it means. The server has a default.
pub const REGION: &str = "millstream-region";
