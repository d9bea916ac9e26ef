//! What goes on without anybody waiting for it: removing, filling, expiring.

mod expiry;
mod filler;
mod janitor;
mod stream_keeper;
