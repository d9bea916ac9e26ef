//! `lease show`.

use clap::Args;
use millstream_client::StreamApi;

use super::application::Application;
use super::row::WholeLease;
use super::sighting::Sighting;
use super::{LookArguments, lag};
use crate::exit::Failure;
use crate::output::{Format, show_one};

/// Show everything that a lease's row holds.
#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(super) look: LookArguments,

    /// Its key, or the shard's id.
    lease: String,
}

pub(super) async fn run(
    application: &Application,
    api: Option<&dyn StreamApi>,
    format: Format,
    arguments: &ShowArguments,
) -> Result<(), Failure> {
    let lease = application.find(&arguments.lease).await?;
    let LookArguments { lag, watch_for, failover, .. } = &arguments.look;
    let seen = Sighting::of_one(application, &lease.key, *watch_for, failover.failover).await?;
    // It may have gone while it was watched; then what was there is shown.
    let lease = seen.listing.leases.first().unwrap_or(&lease);
    let only = std::slice::from_ref(lease);
    let lags = lag::of_leases(api, application.clock.as_ref(), only, lag.stream.as_ref()).await;
    let whole = WholeLease::new(lease, seen.state(lease), lags.get(&lease.key));
    show_one(format, &whole, || whole.words()).await
}
