//! `lease show`.

use std::time::Duration;

use clap::Args;
use millstream_client::StreamApi;

use super::application::Application;
use super::row::WholeLease;
use super::sighting::Sighting;
use super::{ApplicationArguments, FailoverArguments, LagArguments, lag};
use crate::exit::Failure;
use crate::moment::parse_duration;
use crate::output::{Format, show_one};

/// Show everything that a lease's row holds.
#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(super) application: ApplicationArguments,

    /// Its key, or the shard's id.
    lease: String,

    #[command(flatten)]
    pub(super) lag: LagArguments,

    /// Look again for up to so long, to tell whether it is renewed.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    watch_for: Duration,

    #[command(flatten)]
    failover: FailoverArguments,
}

pub(super) async fn run(
    application: &Application,
    api: Option<&dyn StreamApi>,
    format: Format,
    arguments: &ShowArguments,
) -> Result<(), Failure> {
    let lease = application.find(&arguments.lease).await?;
    let seen =
        Sighting::of_one(application, &lease.key, arguments.watch_for, arguments.failover.failover).await?;
    // It may have gone while it was watched; then what was there is shown.
    let lease = seen.listing.leases.first().unwrap_or(&lease);
    let lags = match api {
        Some(api) => {
            let clock = application.clock.as_ref();
            lag::of_leases(api, clock, std::slice::from_ref(lease), arguments.lag.stream.as_ref()).await
        }
        None => Default::default(),
    };
    let whole = WholeLease::new(lease, seen.state(lease), lags.get(&lease.key));
    show_one(format, &whole, || whole.words()).await
}
