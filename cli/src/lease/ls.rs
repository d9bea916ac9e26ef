//! `lease ls`.

use millstream_client::{StreamApi, StreamRef};
use millstream_lease::Lease;

use super::LookArguments;
use super::application::Application;
use super::lag::{self, stream_of};
use super::row::LeaseRow;
use super::sighting::Sighting;
use crate::exit::Failure;
use crate::output::{Format, Table, show_list, warn};

pub(super) async fn run(
    application: &Application,
    api: Option<&dyn StreamApi>,
    format: Format,
    arguments: &LookArguments,
) -> Result<(), Failure> {
    let LookArguments { lag, watch_for, failover, .. } = arguments;
    let seen = Sighting::of(application, *watch_for, failover.failover).await?;
    let stream = lag.stream.as_ref();
    let leases: Vec<_> = seen.listing.leases.iter().filter(|lease| is_of(lease, stream)).cloned().collect();
    let lags = lag::of_leases(api, application.clock.as_ref(), &leases, stream).await;
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
