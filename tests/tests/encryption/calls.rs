//! What the two calls answer, and what other calls show of them.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{EncryptionType, PutRecordsRequestEntry, StreamStatus};
use millstream_tests::ServerOptions;
use tempfile::tempdir;

use crate::session::{KEY, client, create, put, read, start, stop, texts, try_put};

const STREAM: &str = "orders";
const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";

/// Type and key in both descriptions, which must agree.
async fn described(client: &Client, stream: &str) -> (EncryptionType, Option<String>, StreamStatus) {
    let long = client.describe_stream().stream_name(stream).send().await.unwrap();
    let long = long.stream_description.unwrap();
    let short = client.describe_stream_summary().stream_name(stream).send().await.unwrap();
    let short = short.stream_description_summary.unwrap();
    assert_eq!((&long.encryption_type, &long.key_id), (&short.encryption_type, &short.key_id));
    (long.encryption_type.unwrap(), long.key_id, short.stream_status)
}

#[tokio::test]
async fn records_and_descriptions_say_what_is_encrypted() {
    let directory = tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).without_limits().start();
    let client = client(&server);
    create(&client, STREAM).await;
    assert_eq!(described(&client, STREAM).await, (EncryptionType::None, None, StreamStatus::Active));
    assert_eq!(put(&client, STREAM, "k", "one").await, None);

    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let call = client.start_stream_encryption().stream_arn(ARN).encryption_type(EncryptionType::Kms);
    call.key_id(id).send().await.unwrap();
    let expected = (EncryptionType::Kms, Some(id.to_owned()), StreamStatus::Active);
    assert_eq!(described(&client, STREAM).await, expected);
    assert_eq!(put(&client, STREAM, "k", "two").await, Some(EncryptionType::Kms));
    let entries = ["three", "four"].map(|data| {
        PutRecordsRequestEntry::builder().data(Blob::new(data)).partition_key("k").build().unwrap()
    });
    let answer = client.put_records().stream_name(STREAM).set_records(Some(entries.into())).send().await;
    assert_eq!(answer.unwrap().encryption_type, Some(EncryptionType::Kms));

    // Another key, and the same one once more.
    start(&client, STREAM).await;
    start(&client, STREAM).await;
    assert_eq!(described(&client, STREAM).await.1.as_deref(), Some(KEY));
    assert_eq!(put(&client, STREAM, "k", "five").await, Some(EncryptionType::Kms));
    stop(&client, STREAM).await;
    assert_eq!(described(&client, STREAM).await, (EncryptionType::None, None, StreamStatus::Active));
    assert_eq!(put(&client, STREAM, "k", "six").await, None);

    let records = read(&client, STREAM).await;
    assert_eq!(texts(&records), ["one", "two", "three", "four", "five", "six"]);
    let types: Vec<_> = records.iter().map(|record| record.encryption_type.clone()).collect();
    let kms = || Some(EncryptionType::Kms);
    assert_eq!(types, [None, kms(), kms(), kms(), kms(), None]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_errors_of_aws() {
    let directory = tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).start();
    let client = client(&server);
    create(&client, STREAM).await;
    let start = |stream: &str, kind, key: &str| {
        client.start_stream_encryption().stream_name(stream).encryption_type(kind).key_id(key).send()
    };
    let stop = |stream: &str, kind, key: &str| {
        client.stop_stream_encryption().stream_name(stream).encryption_type(kind).key_id(key).send()
    };
    let (kms, none) = (EncryptionType::Kms, EncryptionType::None);
    let error = start(STREAM, none.clone(), KEY).await.unwrap_err().into_service_error();
    assert!(error.is_invalid_argument_exception(), "{error:?}");
    let error = start(STREAM, kms.clone(), "no-key").await.unwrap_err().into_service_error();
    assert!(error.is_kms_not_found_exception(), "{error:?}");
    let error = start("missing", kms.clone(), KEY).await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    let error = stop("missing", kms.clone(), KEY).await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    let error = stop(STREAM, kms.clone(), KEY).await.unwrap_err().into_service_error();
    assert!(error.is_invalid_argument_exception(), "{error:?}");
    start(STREAM, kms.clone(), KEY).await.unwrap();
    for (kind, key) in [(kms.clone(), "alias/other"), (none, KEY)] {
        let error = stop(STREAM, kind, key).await.unwrap_err().into_service_error();
        assert!(error.is_invalid_argument_exception(), "{error:?}");
    }
    for _ in 1..25 {
        start(STREAM, kms.clone(), KEY).await.unwrap();
    }
    let error = start(STREAM, kms.clone(), KEY).await.unwrap_err().into_service_error();
    assert!(error.is_limit_exceeded_exception(), "{error:?}");
    stop(STREAM, kms, KEY).await.unwrap();
}

#[tokio::test]
async fn a_stream_is_updated_for_as_long_as_is_configured() {
    let directory = tempdir().unwrap();
    let options = ServerOptions::new(directory.path()).without_limits();
    let server = options.argument("--update-delay-ms").argument("600000").start();
    let client = client(&server);
    create(&client, STREAM).await;
    start(&client, STREAM).await;
    let (kind, _, status) = described(&client, STREAM).await;
    assert_eq!((kind, status), (EncryptionType::Kms, StreamStatus::Updating));
    let call = client.stop_stream_encryption().stream_name(STREAM).encryption_type(EncryptionType::Kms);
    let error = call.key_id(KEY).send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_in_use_exception(), "{error:?}");
    // Writers and readers go on.
    assert!(try_put(&client, STREAM, "k", "meanwhile").await.is_ok());
    assert_eq!(texts(&read(&client, STREAM).await), ["meanwhile"]);
}
