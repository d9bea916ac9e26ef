//! A consumer whose stream and leases are where the same settings lead to.

use std::sync::Arc;

use millstream_client::aws::{AwsService, AwsSettings};
use millstream_client::{StreamRef, connect};
use millstream_lease::store::Layout;
use millstream_lease::store::dynamodb::DynamoDbStore;
use millstream_runtime::SystemClock;

use crate::consumer::{Consumer, ConsumerBuilder};
use crate::error::{Error, Result};

impl Consumer {
    /// Begins to describe a consumer of a stream of AWS, or of whatever `settings` and the environment lead to. Its
    /// leases are in DynamoDB there, in a table of the application's name, as KCL 3.5 has them. An endpoint of `grpc://` or
    /// `grpcs://` is a Millstream whose streams are read over gRPC; its tables are on the same port. No request is sent.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the settings lead nowhere: no region, or an endpoint that is no URL.
    pub async fn on_aws(
        settings: &AwsSettings,
        stream: StreamRef,
        application: &str,
    ) -> Result<ConsumerBuilder> {
        let wrong = |error: millstream_client::Error| Error::Configuration(error.to_string());
        let clock = SystemClock::shared();
        let api = connect(settings, clock.clone()).await.map_err(wrong)?;
        let tables = settings.sdk_config(AwsService::DynamoDb).await.map_err(wrong)?;
        let leases = DynamoDbStore::connect(&tables, Layout::single(application), clock);
        Ok(Self::builder(api, stream, application).lease_store(Arc::new(leases)))
    }
}
