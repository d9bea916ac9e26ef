//! What a consumer opens: data that were sealed, or say so.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_client::fuzzing::envelope(bytes));
