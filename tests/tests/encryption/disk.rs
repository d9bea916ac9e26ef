//! Nothing of encrypted records is found on the raw disk: neither data nor partition keys, in no file, whether the
//! server runs, was killed, or was stopped after everything had been flushed.

use std::fs;
use std::path::Path;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{EncryptionType, PutRecordsRequestEntry};
use millstream_tests::ServerOptions;
use millstream_tests::damage::files_of;
use millstream_tests::random::{Random, seed};
use tempfile::tempdir;

use crate::session::{client, create, put, read, start, stop, texts};

const STREAM: &str = "patients";
/// With records this large, so many of them fill the write buffer several times.
const RECORD_BYTES: usize = 16 * 1024;
const RECORDS: usize = 300;

/// Text that is nowhere by chance, and that no compression makes shorter.
fn marker(random: &mut Random) -> String {
    let mut bytes = [0; 24];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files below a directory, the server's log among them, that hold the text.
fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let holds = |bytes: Vec<u8>| {
        let first = text.as_bytes()[0];
        let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first).map(|(at, _)| at);
        starts.into_iter().any(|at| bytes[at..].starts_with(text.as_bytes()))
    };
    // A file that is gone since it was listed holds nothing.
    let files = files_of(directory).into_iter();
    let found = files.filter(|file| fs::read(file).is_ok_and(holds));
    found.map(|file| file.display().to_string()).collect()
}

/// Puts records that all hold the marker, one of them as its partition key, until the write buffer was flushed.
async fn fill(client: &Client, key: &str, data: &str) {
    let padding = "x".repeat(RECORD_BYTES);
    let entry = |data: String| PutRecordsRequestEntry::builder().data(Blob::new(data)).partition_key(key);
    for first in (0..RECORDS).step_by(50) {
        let entries =
            (first..first + 50).map(|n| entry(format!("{n} {data} {padding} {data}")).build().unwrap());
        let call = client.put_records().stream_name(STREAM).set_records(Some(entries.collect()));
        let answer = call.send().await.unwrap();
        assert_eq!(
            (answer.failed_record_count, answer.encryption_type),
            (Some(0), Some(EncryptionType::Kms))
        );
    }
}

#[tokio::test]
async fn encrypted_records_are_nowhere_on_the_disk() {
    let mut random = Random::new(seed());
    let directory = tempdir().unwrap();
    let path = directory.path();
    let options = ServerOptions::new(path).without_limits().config("[memory]\nwrite_buffer_mib = 1\n");
    let mut server = options.argument("--log").argument("trace,h2=info,hyper=info").start();
    let connected = client(&server);
    create(&connected, STREAM).await;

    // The search finds what is there.
    let (clear_key, clear) = (marker(&mut random), marker(&mut random));
    put(&connected, STREAM, &clear_key, &clear).await;
    assert!(!files_with(path, &clear).is_empty() && !files_with(path, &clear_key).is_empty());

    start(&connected, STREAM).await;
    let (key, data) = (marker(&mut random), marker(&mut random));
    assert_eq!(put(&connected, STREAM, &key, &data).await, Some(EncryptionType::Kms));
    fill(&connected, &key, &data).await;
    let assert_hidden = |when: &str| {
        assert_eq!(files_with(path, &data), Vec::<String>::new(), "data, {when}");
        assert_eq!(files_with(path, &key), Vec::<String>::new(), "partition key, {when}");
    };
    assert_hidden("while the server runs");
    server.kill();
    assert_hidden("after kill -9");

    server.restart();
    let connected = client(&server);
    let records = read(&connected, STREAM).await;
    assert_eq!(records.len(), 2 + RECORDS);
    assert_eq!((texts(&records)[0], records[0].encryption_type.clone()), (clear.as_str(), None));
    for record in &records[1..] {
        assert_eq!(record.partition_key.as_ref(), Some(&key));
        assert_eq!(record.encryption_type, Some(EncryptionType::Kms));
    }
    assert!(texts(&records)[1..].iter().all(|text| text.contains(&data)));
    fill(&connected, &key, &data).await;
    assert!(server.terminate().success());
    assert_hidden("after a clean stop");
    // In the files that were flushed to, the search finds what is there as well.
    let with_clear = files_with(path, &clear);
    let is_flushed = |file: &String| file.ends_with(".blob") || file.ends_with(".sst");
    assert!(with_clear.iter().any(is_flushed), "{with_clear:?}");
    let blobs = files_of(path).into_iter().filter(|file| file.extension().is_some_and(|end| end == "blob"));
    assert!(blobs.count() > 0, "nothing was flushed");

    server.restart();
    assert_hidden("after another start");
    let connected = client(&server);
    assert_eq!(read(&connected, STREAM).await.len(), 2 + 2 * RECORDS);
    stop(&connected, STREAM).await;
    let after = marker(&mut random);
    put(&connected, STREAM, "k", &after).await;
    assert!(!files_with(path, &after).is_empty());
    assert_hidden("after encryption was stopped");
}
