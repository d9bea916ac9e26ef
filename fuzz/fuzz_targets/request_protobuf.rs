//! A request in protobuf, of any operation.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::protobuf_request(bytes));
