//! gRPC's frames, in pieces.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_server::fuzzing::grpc_frames(bytes));
