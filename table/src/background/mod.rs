//! What goes on without anybody waiting for it: removing, filling, expiring, counting.

mod expiry;
mod filler;
mod janitor;
mod recount;
mod stream_keeper;
