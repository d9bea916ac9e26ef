//! The engine's rows and keys.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_engine::fuzzing::rows(bytes));
