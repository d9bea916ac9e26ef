//! Members of a consumer group whose record processors are at the other end of a gRPC call.
//!
//! A [`join`] is one worker of the consumer SDK, which has all the rules about leases, reading and checkpoints; its
//! processors send records to a client and wait for what the client says. What is sent ahead of acknowledgements is
//! bounded for each shard, so that a slow shard holds up itself alone, and what waits for the client's transport is
//! bounded for all. Not here: frames, statuses, where streams and leases are; requests come decoded, and answers leave
//! as messages.

#![warn(missing_docs)]

mod assignment;
mod conversation;
mod delivery;
mod error;
mod member;
mod places;
mod processor;
mod request;
mod start;
mod window;

pub use self::error::{Error, Result};
pub use self::member::{Parts, RESPONSES_WAITING_MAX, Stop, join};
pub use self::places::{Places, Seat};
pub use self::start::Start;

/// What the bytes of a request are read into, for fuzzers: whatever they are, that ends in a request or an error.
pub fn read_request(request: millstream_proto::v1::JoinRequest) -> Result<()> {
    request::Request::read(request).map(drop)
}
