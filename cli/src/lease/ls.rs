//! `lease ls`.

use std::time::Duration;

use clap::Args;
use millstream_client::{StreamApi, StreamRef};
use millstream_lease::Lease;

use super::application::Application;
use super::lag::{self, stream_of};
use super::row::LeaseRow;
use super::sighting::Sighting;
use super::{ApplicationArguments, FailoverArguments, LagArguments};
use crate::exit::Failure;
use crate::moment::parse_duration;
use crate::output::{Format, Table, show_list, warn};

/// List the leases of an application.
#[derive(Args, Debug)]
pub(crate) struct LsArguments {
    #[command(flatten)]
    pub(super) application: ApplicationArguments,

    #[command(flatten)]
    pub(super) lag: LagArguments,

    /// Look again for up to so long, to tell who renews from who does not; at once it shows who owns what.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    watch_for: Duration,

    #[command(flatten)]
    failover: FailoverArguments,
}

pub(super) async fn run(
    application: &Application,
    api: Option<&dyn StreamApi>,
    format: Format,
    arguments: &LsArguments,
) -> Result<(), Failure> {
    let seen = Sighting::of(application, arguments.watch_for, arguments.failover.failover).await?;
    let stream = arguments.lag.stream.as_ref();
    let leases: Vec<_> = seen.listing.leases.iter().filter(|lease| is_of(lease, stream)).cloned().collect();
    let lags = match api {
        Some(api) => lag::of_leases(api, application.clock.as_ref(), &leases, stream).await,
        None => Default::default(),
    };
    for bad in &seen.listing.bad {
        warn(&bad.to_string());
    }
    let row = |lease: &Lease| LeaseRow::new(lease, seen.state(lease), lags.get(&lease.key));
    let rows: Vec<_> = leases.iter().map(row).collect();
    show_list(format, &rows, || table(&rows)).await
}

/// Whether a lease is of that stream, as far as it names one.
pub(super) fn is_of(lease: &Lease, stream: Option<&StreamRef>) -> bool {
    let Some(wanted) = stream else { return true };
    stream_of(lease, stream).is_some_and(|of| of.name() == wanted.name())
}

fn table(rows: &[LeaseRow]) -> Table {
    let mut table = Table::new(&LeaseRow::TITLES);
    rows.iter().for_each(|row| table.row(row.cells()));
    table
}
