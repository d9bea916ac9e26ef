//! The AWS SDK for Rust, which has a type for everything: what it is told becomes its inputs, and its outputs what it
//! shows.

mod items;
mod many;
mod streams;
mod structures;
mod tables;
mod values;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Error as TablesError;
use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_sdk_dynamodb::config::Region;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodbstreams::Error as StreamsError;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use millstream_tests::Session;
use millstream_tests::operations::Service;
use millstream_tests::told::{Client, Refusal, Reply};
use serde_json::Value;
use tokio::runtime::Runtime;

use values::{Given, Shown, attribute_values, members};

attribute_values!(AttributeValue);

#[derive(Debug)]
pub(crate) struct RustSdk {
    tables: aws_sdk_dynamodb::Client,
    streams: aws_sdk_dynamodbstreams::Client,
    runtime: Runtime,
}

impl RustSdk {
    pub(crate) fn new(session: &Session) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let credentials = Credentials::new("test", "test", None, None, "test");
        let tables = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(session.url())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials.clone())
            .http_client(http.clone());
        let streams = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(session.url())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials)
            .http_client(http);
        Self {
            tables: aws_sdk_dynamodb::Client::from_conf(tables.build()),
            streams: aws_sdk_dynamodbstreams::Client::from_conf(streams.build()),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }
}

impl Client for RustSdk {
    fn carry_out(&mut self, service: Service, operation: &str, input: &Value) -> Reply {
        let (tables, streams) = (&self.tables, &self.streams);
        let reply = self.runtime.block_on(async {
            if service == Service::DynamoDbStreams {
                return streams::carry_out(streams, operation, input).await;
            }
            if let Some(reply) = items::carry_out(tables, operation, input).await {
                return Some(reply);
            }
            if let Some(reply) = many::carry_out(tables, operation, input).await {
                return Some(reply);
            }
            tables::carry_out(tables, operation, input).await
        });
        reply.unwrap_or(Reply::Unknown)
    }
}

/// What the SDK makes of an answer that is an error: a variant for each that the model knows.
pub(crate) trait Refused: ProvideErrorMetadata + std::error::Error {
    /// What it has beside its text.
    fn members(&self) -> Value;
}

impl Refused for TablesError {
    fn members(&self) -> Value {
        match self {
            Self::ConditionalCheckFailedException(error) => members([("Item", error.item.shown())]),
            Self::TransactionCanceledException(error) => {
                members([("CancellationReasons", error.cancellation_reasons.shown())])
            }
            _ => members([]),
        }
    }
}

impl Refused for StreamsError {
    fn members(&self) -> Value {
        members([])
    }
}

fn refused(error: &(impl Refused + 'static)) -> Reply {
    let message = error.message().map_or_else(|| DisplayErrorContext(error).to_string(), str::to_owned);
    let code = error.code().unwrap_or_default().to_owned();
    Reply::Refused(Refusal { code, message, members: Some(error.members()) })
}
