//! Many user records in one record of a stream: the container of the Kinesis Producer Library, written and read.
//!
//! A container is four magic bytes, a protobuf message, and the MD5 of that message. [`Container`] fills one and
//! knows beforehand how large it will be; [`Deaggregation`] takes one apart by the rules of the Kinesis Client
//! Library, and takes whatever is no container for one user record. Both are pure. Not here: when a container is full
//! enough to be sent, and what becomes of members that cannot be read.
//!
//! The message, in proto2:
//!
//! ```text
//! AggregatedRecord  1 partition_key_table: repeated string   2 explicit_hash_key_table: repeated string
//!                   3 records: repeated Record
//! Record            1 partition_key_index: required uint64   2 explicit_hash_key_index: optional uint64
//!                   3 data: required bytes                   4 tags: repeated Tag
//! Tag               1 key: required string                   2 value: optional string
//! ```

mod container;
mod deaggregation;
mod digest;
mod hash;
mod key_table;
mod message;
mod table;
mod tags;
mod user_record;
mod wire;

#[cfg(test)]
mod tests;

pub use self::container::{Container, Member, MemberRef, Room};
pub use self::deaggregation::{Deaggregation, MemberPolicy, Tally, UserRecords};
use self::digest::{DIGEST_BYTES, digest};
pub use self::tags::{Tag, Tags};
pub use self::user_record::{BrokenMember, MemberFault, UserRecord};

/// What a container begins with.
const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
/// Bytes of a container that are not its message: the magic, and at the end the MD5 of the message in between.
const FRAME_BYTES: usize = MAGIC.len() + DIGEST_BYTES;

/// A container of a message, whatever that is.
#[cfg(any(test, fuzzing))]
pub(crate) fn framed(message: &[u8]) -> bytes::Bytes {
    [&MAGIC[..], message, &digest(message)].concat().into()
}
