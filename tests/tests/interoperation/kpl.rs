//! The Kinesis Producer Library, which writes over TLS alone.

use std::collections::BTreeSet;
use std::fs;

use millstream_tests::session::Shown;
use millstream_tests::{Session, programs};
use serde_json::Value;

use crate::STREAM;
use crate::reader::Found;

/// What the library tells of a record that it has put; of its place in a container it tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Put {
    key: String,
    data: String,
    shard: String,
    sequence_number: String,
}

impl Put {
    pub(crate) fn of(found: &Found) -> Self {
        Self {
            key: found.key.clone(),
            data: found.data.clone(),
            shard: found.shard.clone(),
            sequence_number: found.sequence_number.clone(),
        }
    }

    fn told(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        Self {
            key: text("key"),
            data: text("data"),
            shard: text("shard"),
            sequence_number: text("sequence_number"),
        }
    }
}

/// Puts so many records, and some more before. `None` where the library is skipped.
pub(crate) fn put(session: &Session, records: usize) -> Option<BTreeSet<Put>> {
    let mut command = programs::jvm(session, "kpl", "Put")?;
    let directory = session.directory().join("kpl");
    fs::create_dir_all(&directory).unwrap();
    let output = command
        .env("STREAM", STREAM)
        .env("HOST", "localhost")
        .env("PORT", session.server.address().port().to_string())
        .env("DIRECTORY", &directory)
        .env("RECORDS", records.to_string())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", Shown(&output));
    let put: BTreeSet<_> = std::str::from_utf8(&output.stdout).unwrap().lines().map(Put::told).collect();
    assert!(put.len() > records, "{}", Shown(&output));
    Some(put)
}
