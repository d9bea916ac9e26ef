//! The first bytes of a connection.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::first_bytes(bytes));
