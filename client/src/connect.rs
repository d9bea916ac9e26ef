//! The transport that an endpoint's URL asks for.

use std::sync::Arc;

use millstream_runtime::SharedClock;

use crate::api::StreamApi;
use crate::aws::{AwsService, AwsSettings, AwsStreamApi};
use crate::error::Result;
use crate::grpc::{GrpcStreamApi, is_grpc};

/// A service over gRPC if its URL begins with `grpc://` or, encrypted, with `grpcs://`; over the AWS wire otherwise. No
/// request is sent yet. Calls are one attempt each.
///
/// # Errors
/// [`crate::Error::Configuration`] if the settings lead nowhere.
pub async fn connect(settings: &AwsSettings, clock: SharedClock) -> Result<Arc<dyn StreamApi>> {
    Ok(match settings.endpoint_url(AwsService::Kinesis) {
        Some(url) if is_grpc(&url) => Arc::new(GrpcStreamApi::connect(settings, clock).await?),
        _ => Arc::new(AwsStreamApi::connect(settings, clock).await?),
    })
}
