//! Shard iterators and page tokens.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_engine::fuzzing::tokens(bytes));
