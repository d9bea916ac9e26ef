//! The AWS SDK for Rust, which has a type for everything: what it is told becomes its inputs, and its outputs what it
//! shows.

mod capacity;
mod given;
mod resources;
mod shards;
mod shown;
mod streams;

use aws_sdk_kinesis::Client as Sdk;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use millstream_tests::Session;
use millstream_tests::operations::Service;
use millstream_tests::told::{Client, Refusal, Reply};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::rust_client;
use given::Given;

#[derive(Debug)]
pub(crate) struct RustSdk {
    sdk: Sdk,
    runtime: Runtime,
}

impl RustSdk {
    pub(crate) fn new(session: &Session) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { sdk: rust_client::client(session, RetryConfig::standard()), runtime }
    }
}

impl Client for RustSdk {
    fn carry_out(&mut self, _: Service, operation: &str, input: &Value) -> Reply {
        let (sdk, given) = (&self.sdk, Given(input));
        self.runtime.block_on(async {
            if let Some(reply) = streams::carry_out(sdk, operation, given).await {
                return reply;
            }
            if let Some(reply) = resources::carry_out(sdk, operation, given).await {
                return reply;
            }
            if let Some(reply) = shards::carry_out(sdk, operation, given).await {
                return reply;
            }
            capacity::carry_out(sdk, operation, given).await.unwrap_or(Reply::Unknown)
        })
    }
}

/// What the SDK made of an answer.
fn reply<O, E, R>(answer: Result<O, SdkError<E, R>>, shown: impl FnOnce(O) -> Value) -> Reply
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer {
        Ok(output) => Reply::Output(shown(output)),
        Err(error) => {
            let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
            let code = code.unwrap_or_default().to_owned();
            let message = DisplayErrorContext(error).to_string();
            Reply::Refused(Refusal { code, message, members: None })
        }
    }
}
