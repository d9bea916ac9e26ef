//! The operations of the service model, and those of them that the server carries out, by its source.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// All of the model.
///
/// # Panics
/// When the source is not where it should be.
#[must_use]
pub fn all() -> BTreeSet<String> {
    let model = source("server/src/aws/kinesis/generated/operation.rs");
    let names = model.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// Those that the server carries out.
///
/// # Panics
/// When the source is not where it should be.
#[must_use]
pub fn built() -> BTreeSet<String> {
    let service = source("server/src/aws/kinesis/service/mod.rs");
    let functions = service.split("async fn ").skip(1).filter_map(|rest| rest.split('(').next());
    functions.map(named).collect()
}

/// `put_record` as `PutRecord`.
fn named(function: &str) -> String {
    function.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// A file of the workspace.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn source(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}
