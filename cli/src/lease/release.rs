//! `lease release`.

use clap::Args;
use millstream_lease::{Cas, Lease};

use super::ApplicationArguments;
use super::application::Application;
use super::failure::LeaseFailure;
use super::steal::show;
use crate::exit::Failure;
use crate::output::Format;

/// How often a renewal may come in between.
const ATTEMPTS_MAX: usize = 5;

/// Take a lease away from whoever has it, so that anybody can have it.
///
/// Whoever has it learns of that from its next renewal. In a handoff, whoever still processes the shard is taken away,
/// and the new owner begins.
#[derive(Args, Debug)]
pub(crate) struct ReleaseArguments {
    #[command(flatten)]
    pub(super) application: ApplicationArguments,

    /// Its key, or the shard's id.
    lease: String,
}

pub(super) async fn run(
    application: &Application,
    format: Format,
    arguments: &ReleaseArguments,
) -> Result<(), Failure> {
    let seen = application.find(&arguments.lease).await?;
    if seen.holder().is_none() {
        return Err(LeaseFailure::Unowned(seen.key).into());
    }
    let written = release(application, seen.clone()).await?;
    show(format, &seen, &written).await
}

/// A renewal by the same workers in between is tried again on; any other change is told.
async fn release(application: &Application, mut seen: Lease) -> Result<Lease, LeaseFailure> {
    let workers = |lease: &Lease| (lease.owner.clone(), lease.checkpoint_owner.clone());
    let mut attempts = 0;
    loop {
        attempts += 1;
        match application.store().release(&seen).await? {
            Cas::Applied(lease) => return Ok(lease),
            Cas::Lost(lost) => match LeaseFailure::lost(&seen.key, lost) {
                LeaseFailure::Changed(found)
                    if workers(&found) == workers(&seen) && attempts < ATTEMPTS_MAX =>
                {
                    seen = *found;
                }
                failure => return Err(failure),
            },
        }
    }
}
