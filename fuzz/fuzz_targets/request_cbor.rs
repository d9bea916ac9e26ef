//! A request in CBOR, of any operation.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::cbor_request(bytes));
