//! A request to a table made from choices: JSON and protobuf agree on it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::tables_agreement(bytes));
