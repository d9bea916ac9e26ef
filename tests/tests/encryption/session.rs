//! A client of one server, and the few calls that the tests make with it.

use aws_credential_types::Credentials;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Region};
use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::operation::get_records::{GetRecordsError, GetRecordsOutput};
use aws_sdk_kinesis::operation::put_record::{PutRecordError, PutRecordOutput};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{EncryptionType, Record, ShardIteratorType};
use millstream_tests::Server;

pub(crate) const KEY: &str = "alias/aws/kinesis";

pub(crate) fn client(server: &Server) -> Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.http())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

pub(crate) async fn create(client: &Client, stream: &str) {
    client.create_stream().stream_name(stream).shard_count(1).send().await.unwrap();
}

pub(crate) async fn start(client: &Client, stream: &str) {
    let call = client.start_stream_encryption().stream_name(stream);
    call.encryption_type(EncryptionType::Kms).key_id(KEY).send().await.unwrap();
}

pub(crate) async fn stop(client: &Client, stream: &str) {
    let call = client.stop_stream_encryption().stream_name(stream);
    call.encryption_type(EncryptionType::Kms).key_id(KEY).send().await.unwrap();
}

pub(crate) async fn try_put(
    client: &Client,
    stream: &str,
    key: &str,
    data: &str,
) -> Result<PutRecordOutput, SdkError<PutRecordError>> {
    client.put_record().stream_name(stream).partition_key(key).data(Blob::new(data)).send().await
}

/// Puts a record and gives the type of encryption that the answer names.
pub(crate) async fn put(client: &Client, stream: &str, key: &str, data: &str) -> Option<EncryptionType> {
    try_put(client, stream, key, data).await.unwrap().encryption_type
}

pub(crate) async fn try_read(
    client: &Client,
    stream: &str,
) -> Result<GetRecordsOutput, SdkError<GetRecordsError>> {
    let start = client.get_shard_iterator().stream_name(stream).shard_id("shardId-000000000000");
    let start = start.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
    client.get_records().set_shard_iterator(start.shard_iterator).send().await
}

/// All records of a stream's shard, which must fit into a few pages.
pub(crate) async fn read(client: &Client, stream: &str) -> Vec<Record> {
    let mut page = try_read(client, stream).await.unwrap();
    let mut records = Vec::new();
    loop {
        records.append(&mut page.records);
        if page.millis_behind_latest == Some(0) {
            return records;
        }
        page = client.get_records().set_shard_iterator(page.next_shard_iterator).send().await.unwrap();
    }
}

pub(crate) fn texts(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| std::str::from_utf8(record.data.as_ref()).unwrap()).collect()
}
