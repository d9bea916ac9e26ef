//! A request in JSON, of any operation.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::json_request(bytes));
