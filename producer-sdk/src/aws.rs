//! A producer whose stream is where the same settings lead to.

use std::sync::Arc;

use millstream_client::StreamRef;
use millstream_client::aws::{AwsSettings, AwsStreamApi};
use millstream_runtime::SystemClock;

use crate::error::{Error, Result};
use crate::producer::{Producer, ProducerBuilder};

impl Producer {
    /// Begins to describe a producer for a stream of AWS, or of whatever `settings` and the environment lead to. No
    /// request is sent.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the settings lead nowhere: no region, or an endpoint that is no URL.
    pub async fn on_aws(settings: &AwsSettings, stream: StreamRef) -> Result<ProducerBuilder> {
        let api = AwsStreamApi::connect(settings, SystemClock::shared()).await;
        let api = api.map_err(|error| Error::Configuration(error.to_string()))?;
        Ok(Self::builder(Arc::new(api), stream))
    }
}
