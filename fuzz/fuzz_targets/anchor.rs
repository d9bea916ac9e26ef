//! The storage's anchor.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_storage::fuzzing::anchor(bytes));
