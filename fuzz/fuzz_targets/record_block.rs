//! A stored block of records.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_engine::fuzzing::block(bytes));
