//! Load: workers on their own threads that start together and report when done. Each has a connection of its own;
//! those that hold subscriptions have more.
//!
//! Each thread runs its workers on a single-threaded runtime, so a request never moves between threads. A
//! worker prepares, says that it is ready and gets the window that all share. A worker that fails ends the
//! whole load: figures with a hole in them are none.

mod alarm;
mod drive;
mod get;
mod push;
mod put;
mod put_stream;
mod schedule;
mod stamped;
mod table;
mod tail;

pub(crate) use alarm::Alarm;
pub(crate) use drive::{Driven, Job, Seat, Tally, Timing, drive};
pub(crate) use get::{GetLoad, Shards};
pub(crate) use push::{AFTER_ACKNOWLEDGEMENT, Place, PushLoad, PushPuts, Role, Trace, Transport, Wire};
pub(crate) use put::{Fill, PutLoad};
pub(crate) use put_stream::{PutStreamLoad, request as put_stream_request};
pub(crate) use schedule::{Pace, Schedule};
pub(crate) use stamped::StampedPuts;
pub(crate) use table::{Leases, TableLoad};
pub(crate) use tail::{Progress, TailLoad};
