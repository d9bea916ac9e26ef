//! `lease steal`.

use clap::Args;
use millstream_lease::store::Compare;
use millstream_lease::{Cas, Lease, WorkerId};

use super::ApplicationArguments;
use super::application::Application;
use super::failure::LeaseFailure;
use super::row::LeaseRow;
use super::sighting::State;
use crate::exit::Failure;
use crate::output::{Format, show_one};

/// Give a lease to another worker, whoever has it.
///
/// At once: whoever has it learns of that from its next renewal, and what it had in work is processed twice. With
/// --graceful it hands over when it is done, which workers of KCL 3.x and Millstream's understand.
#[derive(Args, Debug)]
pub(crate) struct StealArguments {
    #[command(flatten)]
    pub(super) application: ApplicationArguments,

    /// Its key, or the shard's id.
    lease: String,

    /// The worker that is to have it.
    #[arg(long, value_name = "WORKER", value_parser = worker)]
    to: WorkerId,

    /// Let whoever has it finish what it has in work.
    #[arg(long)]
    graceful: bool,

    /// Also to a worker that nothing is known of.
    #[arg(long)]
    force: bool,
}

fn worker(text: &str) -> Result<WorkerId, String> {
    text.parse().map_err(|error: millstream_lease::names::EmptyName| error.to_string())
}

pub(super) async fn run(
    application: &Application,
    format: Format,
    arguments: &StealArguments,
) -> Result<(), Failure> {
    let seen = application.find(&arguments.lease).await?;
    let to = &arguments.to;
    if seen.is_finished() {
        return Err(LeaseFailure::Finished(seen.key).into());
    }
    if !arguments.force && !is_known(application, to).await? {
        return Err(LeaseFailure::UnknownWorker(to.clone()).into());
    }
    let is_there = seen.owner.as_ref() == Some(to) && (arguments.graceful || !seen.is_in_handoff());
    let written = match is_there {
        true => seen.clone(),
        false => write(application, &seen, to, arguments.graceful).await?,
    };
    show(format, &seen, &written).await
}

async fn write(
    application: &Application,
    seen: &Lease,
    to: &WorkerId,
    graceful: bool,
) -> Result<Lease, LeaseFailure> {
    let store = application.store();
    let written = match (graceful, &seen.checkpoint_owner, &seen.owner) {
        // A renewal in between changes nothing about who loses it.
        (false, _, _) => store.assign(seen, to, Compare::Owner).await?,
        (true, Some(from), owner) => {
            let to = owner.as_ref().map_or_else(|| "anybody".to_owned(), ToString::to_string);
            return Err(LeaseFailure::InHandoff { key: seen.key.clone(), from: from.clone(), to });
        }
        (true, None, None) => return Err(LeaseFailure::NobodyHandsOver(seen.key.clone())),
        (true, None, Some(_)) => store.request_handoff(seen, to).await?,
    };
    match written {
        Cas::Applied(lease) => Ok(lease),
        Cas::Lost(lost) => Err(LeaseFailure::lost(&seen.key, lost)),
    }
}

/// Whether the worker reports, or holds any lease: a mistyped name would have the lease until it expires.
async fn is_known(application: &Application, worker: &WorkerId) -> Result<bool, LeaseFailure> {
    if application.reports().await?.iter().any(|report| report.worker == *worker) {
        return Ok(true);
    }
    let leases = application.list().await?.leases;
    let named = |lease: &Lease| {
        lease.owner.as_ref() == Some(worker) || lease.checkpoint_owner.as_ref() == Some(worker)
    };
    Ok(leases.iter().any(named))
}

/// What became of a lease by a write.
pub(super) async fn show(format: Format, before: &Lease, after: &Lease) -> Result<(), Failure> {
    let state = match (after.holder(), after.is_in_handoff()) {
        (None, _) => State::Unowned,
        (Some(_), true) => State::InHandoff,
        (Some(_), false) => State::Owned,
    };
    let row = LeaseRow::new(after, state, None);
    let words = || match before == after {
        true => format!("{after}: nothing to do\n"),
        false => format!("{after}; before: {before}\n"),
    };
    show_one(format, &row, words).await
}
