//! Names, ARNs, ids, hash keys and sequence numbers.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_model::fuzzing::texts(bytes));
