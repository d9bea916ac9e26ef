//! The nouns of Kinesis: names, ARNs, hash keys, sequence numbers, shards, records, and every limit as a
//! named constant.
//!
//! A value of these types is valid from construction on, so nothing above has to check it again. There is
//! no behaviour of the service here, no wire format, no clock and no storage.

pub mod arn;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod hash_key;
pub mod issued_number;
pub mod limits;
pub mod names;
pub mod record;
pub mod sequence_number;
pub mod shard;
pub mod span;
pub mod time;

pub use arn::{ConsumerArn, StreamArn};
pub use hash_key::{HashKey, HashKeyRange};
pub use issued_number::{InvalidIssuedNumber, IssuedNumber};
pub use names::{AccountId, ConsumerName, InvalidName, Region, StreamName};
pub use record::Record;
pub use sequence_number::{InvalidSequenceNumber, SequenceNumber};
pub use shard::{ShardId, ShardIndex};
pub use span::Span;
pub use time::Timestamp;
