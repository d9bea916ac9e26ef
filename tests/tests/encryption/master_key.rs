//! Where the master key comes from, and what happens without it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aws_sdk_kinesis::error::ProvideErrorMetadata;
use millstream_tests::{Server, ServerOptions};
use tempfile::tempdir;

use crate::session::{client, create, put, read, start, texts, try_put, try_read};

const SECRET: &str = "secret";
const OPEN: &str = "open";
const VARIABLE: &str = "MILLSTREAM_MASTER_KEY";

fn options(directory: &Path) -> ServerOptions {
    ServerOptions::new(directory).without_limits()
}

fn key_file(directory: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// One stream with a record in clear and one that is encrypted, and one that never was.
async fn make_streams(server: &Server) {
    let client = client(server);
    for stream in [SECRET, OPEN] {
        create(&client, stream).await;
        put(&client, stream, "k", "in clear").await;
    }
    start(&client, SECRET).await;
    put(&client, SECRET, "k", "encrypted").await;
}

async fn assert_readable(server: &Server) {
    assert_eq!(texts(&read(&client(server), SECRET).await), ["in clear", "encrypted"]);
}

/// The stream's records cannot be had, and everything else can.
async fn assert_locked(server: &Server, code: &str) {
    let client = client(server);
    let refused = try_put(&client, SECRET, "k", "lost").await.unwrap_err().into_service_error();
    assert_eq!(refused.code(), Some(code), "{refused:?}");
    let page = try_read(&client, SECRET).await.unwrap();
    assert_eq!(texts(&page.records), ["in clear"]);
    let next = client.get_records().set_shard_iterator(page.next_shard_iterator).send().await;
    let refused = next.unwrap_err().into_service_error();
    assert_eq!(refused.code(), Some(code), "{refused:?}");
    assert_eq!(put(&client, OPEN, "k", "in clear").await, None);
    assert!(read(&client, OPEN).await.len() > 1);
    let log = server.log();
    let line = log.lines().find(|line| line.contains("\"ERROR\"") && line.contains("stream/secret"));
    assert!(line.is_some_and(|line| line.contains("master key")), "{log}");
}

#[tokio::test]
async fn a_key_is_made_when_it_is_needed_and_kept() {
    let directory = tempdir().unwrap();
    let mut server = options(directory.path()).start();
    let kept = server.data_dir().join("master.key");
    create(&client(&server), "plain").await;
    assert!(!kept.exists());
    make_streams(&server).await;
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&kept).unwrap();
    assert!(!server.log().contains(text.trim()));
    server.restart();
    assert_readable(&server).await;

    // Lost, and found again.
    let aside = directory.path().join("aside");
    fs::rename(&kept, &aside).unwrap();
    server.restart();
    assert_locked(&server, "KMSInvalidStateException").await;
    assert!(!kept.exists());
    fs::rename(&aside, &kept).unwrap();
    server.restart();
    assert_readable(&server).await;

    fs::set_permissions(&kept, fs::Permissions::from_mode(0o644)).unwrap();
    let failure = server.try_restart().unwrap_err();
    assert!(failure.log.contains("master.key can be read by others; `chmod 600` it"), "{failure}");
}

#[tokio::test]
async fn a_wrong_key_closes_what_is_encrypted_and_the_right_one_opens_it() {
    let directory = tempdir().unwrap();
    let path = directory.path();
    let (right, wrong) = ("a1".repeat(32), "b2".repeat(32));
    let right_file = key_file(path, "right.key", &format!("{right}\n"), 0o600);
    let wrong_file = key_file(path, "wrong.key", &wrong, 0o600);
    let with_file = |file: &Path| options(path).argument("--master-key-file").argument(file);
    let mut server = with_file(&right_file).start();
    make_streams(&server).await;
    assert!(!server.data_dir().join("master.key").exists());
    server.kill();

    let mut server = with_file(&wrong_file).start();
    assert_locked(&server, "KMSAccessDeniedException").await;
    let refused = client(&server).start_stream_encryption().stream_name(OPEN);
    let refused = refused.encryption_type(aws_sdk_kinesis::types::EncryptionType::Kms).key_id("alias/a");
    assert!(refused.send().await.unwrap_err().into_service_error().is_kms_access_denied_exception());
    server.kill();

    // The same key in the variable, and then a change of the key.
    let mut server = options(path).environment(VARIABLE, &right).start();
    assert_readable(&server).await;
    server.kill();
    let changed = with_file(&wrong_file).argument("--previous-master-key-file").argument(&right_file);
    let mut server = changed.start();
    assert_readable(&server).await;
    assert!(server.log().contains("the master key was changed"));
    server.kill();
    let mut server = with_file(&wrong_file).start();
    assert_readable(&server).await;
    server.kill();
    let server = with_file(&right_file).start();
    assert_locked(&server, "KMSAccessDeniedException").await;
    for key in [&right, &wrong] {
        assert!(!fs::read_to_string(path.join("server.log")).unwrap().contains(key.as_str()));
    }
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_refuses_the_start() {
    let directory = tempdir().unwrap();
    let path = directory.path();
    let good = "c3".repeat(32);
    let exposed = key_file(path, "exposed.key", &good, 0o644);
    let malformed = key_file(path, "malformed.key", "not a key at all", 0o600);
    let fine = key_file(path, "fine.key", &good, 0o600);
    let with_file = |file: &Path| options(path).environment("MILLSTREAM_MASTER_KEY_FILE", file);
    for (options, reason) in [
        (with_file(&exposed), "exposed.key can be read by others; `chmod 600` it"),
        (
            with_file(&malformed),
            "malformed.key: a master key is 64 hexadecimal digits, or 32 bytes in base64",
        ),
        (with_file(&path.join("missing.key")), "missing.key: No such file"),
        (options(path).environment(VARIABLE, "c3c3"), "MILLSTREAM_MASTER_KEY: a master key is 64"),
        (options(path).environment(VARIABLE, ""), "MILLSTREAM_MASTER_KEY: a master key is 64"),
        (with_file(&fine).environment(VARIABLE, &good), "are two master keys"),
        (
            options(path).environment("MILLSTREAM_PREVIOUS_MASTER_KEY_FILE", &fine),
            "previous_master_key_file is for a change",
        ),
    ] {
        let failure = options.try_start().expect_err(reason);
        assert_eq!(failure.status.and_then(|status| status.code()), Some(1), "{failure}");
        assert!(failure.log.contains(reason), "{failure}");
        assert!(!failure.log.contains(&good) && !failure.log.contains("c3c3c3"), "{failure}");
        assert!(!path.join("data").join("store").exists(), "the store was touched");
    }
    assert!(with_file(&fine).try_start().is_ok());
}
