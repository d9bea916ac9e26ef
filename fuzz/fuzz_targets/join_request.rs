//! A request of a member of a consumer group.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::join_request(bytes));
