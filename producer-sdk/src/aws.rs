//! A producer whose stream is where the same settings lead to.

use millstream_client::aws::AwsSettings;
use millstream_client::{StreamRef, connect};
use millstream_runtime::SystemClock;

use crate::error::{Error, Result};
use crate::producer::{Producer, ProducerBuilder};

impl Producer {
    /// Begins to describe a producer for a stream of AWS, or of whatever `settings` and the environment lead to, over
    /// gRPC where the endpoint begins with `grpc://` or `grpcs://`. No request is sent.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the settings lead nowhere: no region, or an endpoint that is no URL.
    pub async fn on_aws(settings: &AwsSettings, stream: StreamRef) -> Result<ProducerBuilder> {
        let api = connect(settings, SystemClock::shared()).await;
        let api = api.map_err(|error| Error::Configuration(error.to_string()))?;
        Ok(Self::builder(api, stream))
    }
}
