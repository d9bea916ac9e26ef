//! Compiles the `.proto` files, without a protoc of the system, and keeps their descriptors for reflection.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 6] = [
    "millstream/v1/streams.proto",
    "millstream/v1/records.proto",
    "millstream/v1/consumers.proto",
    "millstream/v1/tables.proto",
    "millstream/v1/table_streams.proto",
    "millstream/v1/admin.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".")
        .build_server(false)
        .build_client(env::var_os("CARGO_FEATURE_CLIENT").is_some())
        .compile_fds(descriptors)?;
    Ok(())
}
