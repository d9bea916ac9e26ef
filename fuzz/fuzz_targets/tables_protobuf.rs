//! A request of DynamoDB or its streams in protobuf, of any operation.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::tables_protobuf_request(bytes));
