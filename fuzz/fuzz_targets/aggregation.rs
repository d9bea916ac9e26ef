//! A record's data that may be a container of user records.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_client::fuzzing::container(bytes));
