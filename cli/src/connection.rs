//! Which service the commands talk to.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use millstream_client::aws::{AwsService, AwsSettings, CredentialsFrom, SdkConfig};
use millstream_client::{Error, OnRetry, RetryPolicy, Retrying, StreamApi};
use millstream_runtime::{SharedClock, SharedEntropy, SystemClock, SystemEntropy};

/// How long a person waits for an answer to a command that asks one thing.
pub(crate) const SHORT_PATIENCE: Duration = Duration::from_secs(5);
/// Where the tables are, and who is asking.
pub(crate) type TableConfig = SdkConfig;

const WARNING_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArguments {
    /// The service; AWS_ENDPOINT_URL_KINESIS and AWS_ENDPOINT_URL stand in for it, then AWS itself. One that begins with
    /// grpc:// or grpcs:// is a Millstream that is spoken to over gRPC.
    #[arg(long, global = true, value_name = "URL")]
    endpoint_url: Option<String>,

    /// AWS_REGION and the AWS profile stand in for it, then us-east-1 where an endpoint is given.
    #[arg(long, global = true)]
    region: Option<String>,

    /// PEM certificates to trust instead of the system's [env: AWS_CA_BUNDLE].
    #[arg(long, global = true, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,

    /// Accept any certificate, as of a server that signed its own.
    #[arg(long, global = true)]
    insecure: bool,
}

impl ConnectionArguments {
    /// The endpoint, for messages; `None` for AWS's own.
    pub(crate) fn endpoint(&self) -> Option<String> {
        self.settings().endpoint_url(AwsService::Kinesis)
    }

    /// The table service's endpoint, for messages; `None` for AWS's own. `explicit` goes before everything else.
    pub(crate) fn table_endpoint(&self, explicit: Option<&str>) -> Option<String> {
        self.table_settings(explicit).endpoint_url(AwsService::DynamoDb)
    }

    /// What a client of the table service needs; no request is sent to it.
    pub(crate) async fn table_config(&self, explicit: Option<&str>) -> Result<TableConfig, Error> {
        self.table_settings(explicit).sdk_config(AwsService::DynamoDb).await
    }

    /// What the command line says goes before what is configured elsewhere.
    pub(crate) fn override_in(&self, configured: AwsSettings) -> AwsSettings {
        let given = self.settings();
        AwsSettings {
            endpoint_url: given.endpoint_url.or(configured.endpoint_url),
            region: given.region.or(configured.region),
            ca_bundle: given.ca_bundle.or(configured.ca_bundle),
            insecure: given.insecure || configured.insecure,
            credentials: configured.credentials,
        }
    }

    /// A service whose calls are one attempt each.
    pub(crate) async fn connect_once(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Arc<dyn StreamApi>, Error> {
        millstream_client::connect(&self.settings(), surroundings.clock.clone()).await
    }

    fn table_settings(&self, explicit: Option<&str>) -> AwsSettings {
        let settings = self.settings();
        AwsSettings { endpoint_url: explicit.map(str::to_owned).or(settings.endpoint_url), ..settings }
    }

    fn settings(&self) -> AwsSettings {
        AwsSettings {
            endpoint_url: self.endpoint_url.clone(),
            region: self.region.clone(),
            ca_bundle: self.ca_bundle.clone(),
            insecure: self.insecure,
            credentials: CredentialsFrom::Anywhere,
        }
    }
}

/// Time and chance.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
}

impl Surroundings {
    /// A service whose calls are repeated until they succeed or `patience` ends. Somebody waits for it, so
    /// what goes wrong meanwhile is said on standard error.
    pub(crate) fn retrying(&self, once: Arc<dyn StreamApi>, patience: Duration) -> Arc<dyn StreamApi> {
        let policy = RetryPolicy {
            transient_patience: patience,
            throttled_patience: patience,
            ..RetryPolicy::default()
        };
        let retrying = Retrying::new(once, policy, self.clock.clone(), self.entropy.clone());
        Arc::new(retrying.on_retry(warn(self.clock.clone())))
    }
}

/// Warns of failures that are retried, but not of each one in a row.
fn warn(clock: SharedClock) -> OnRetry {
    let quiet_until = Mutex::new(Duration::ZERO);
    Box::new(move |error| {
        let now = clock.monotonic();
        let mut quiet_until = quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        if !error.is_throttle() && now >= *quiet_until {
            *quiet_until = now + WARNING_INTERVAL;
            // A warning that cannot be written is none.
            let _ = writeln!(io::stderr(), "warning: {error}; retrying");
        }
    })
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { clock: SystemClock::shared(), entropy: SystemEntropy::shared() }
    }
}
