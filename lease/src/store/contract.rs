//! What every lease store must do, as a suite that each implementation runs.
//!
//! Each check has a store of its own keys, so that all may share a table; [`run`] runs all of them.

mod fleet;
mod writes;

use std::sync::Arc;

use super::{Cas, LeaseStore, Lost};
use crate::checkpoint::Checkpoint;
use crate::lease::Lease;
use crate::names::WorkerId;

/// Runs the suite on a store whose tables may hold rows from elsewhere. Panics at the first breach, in words.
pub async fn run(store: Arc<dyn LeaseStore>) {
    must(store.prepare().await);
    must(store.prepare().await);
    let store = store.as_ref();
    writes::creation_happens_once(store).await;
    writes::renewal_compares(store).await;
    writes::taking_compares_the_counter(store).await;
    writes::assignment_compares_what_it_says(store).await;
    writes::handoff_goes_from_one_to_the_other(store).await;
    writes::release_leaves_the_lease_to_anybody(store).await;
    writes::checkpoints_are_fenced_and_never_go_back(store).await;
    writes::checkpoints_in_two_phases(store).await;
    writes::metadata_leaves_the_counter(store).await;
    writes::removal_compares(store).await;
    fleet::listing_and_index_agree(store).await;
    fleet::reports_replace_each_other(store).await;
    fleet::one_holds_the_lock(store).await;
    fleet::state_is_compared_as_a_whole(store).await;
}

#[allow(clippy::panic)] // a suite of tests
fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the store failed: {error}"),
    }
}

#[allow(clippy::panic)] // a suite of tests
fn applied<T: std::fmt::Debug>(result: crate::Result<Cas<T>>) -> T {
    match must(result) {
        Cas::Applied(value) => value,
        Cas::Lost(lost) => panic!("a write was lost to {lost:?}"),
    }
}

/// What stood in the way.
#[allow(clippy::panic)] // a suite of tests
fn changed<T: std::fmt::Debug>(result: crate::Result<Cas<T>>) -> T {
    match must(result) {
        Cas::Lost(Lost::Changed(found)) => *found,
        other => panic!("a write should have been lost to a change and was {other:?}"),
    }
}

fn gone<T: std::fmt::Debug>(result: crate::Result<Cas<T>>) {
    let result = must(result);
    assert!(matches!(result, Cas::Lost(Lost::Gone)), "a write should find nothing and was {result:?}");
}

fn worker(name: &str) -> WorkerId {
    must(name.parse())
}

/// A lease that was just made.
async fn made(store: &dyn LeaseStore, key: &str) -> Lease {
    applied(store.create(&Lease::new(must(key.parse()), Checkpoint::TRIM_HORIZON)).await)
}

/// A lease that was just made and taken.
async fn held(store: &dyn LeaseStore, key: &str, by: &WorkerId) -> Lease {
    let lease = made(store, key).await;
    applied(store.take(&lease, by).await)
}
