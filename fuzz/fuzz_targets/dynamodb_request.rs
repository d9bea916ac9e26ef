//! Requests of DynamoDB, and what becomes of their values.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::dynamodb_request(bytes));
