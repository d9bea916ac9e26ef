//! Requests that mean the same in JSON and in CBOR.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::agreement(bytes));
