//! Concurrent clients on a few items, with power cuts and failing disks: one order of all operations, in which none
//! comes before one that had ended when it began, explains every answer. Who got none is free to be anywhere after
//! its beginning, or nowhere.
//!
//! The checker is stateright's. That it would find something is shown by clients that compare by themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod actors;
mod calls;
mod model;
mod stage;

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use millstream_runtime::{OnFailure, TaskSet};
use stateright::semantics::ConsistencyTester;

use actors::{Dice, break_things, client};
use stage::{Comparing, Stage};

const SEEDS: u64 = 2_000;
const CLIENTS: u64 = 4;

/// Whether one order explains all that was seen.
fn run(seed: u64, comparing: Comparing) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = Stage::set(seed, comparing).await;
        *stage.busy.lock() = CLIENTS + 1;
        let tasks = TaskSet::default();
        let start = |actor: Pin<Box<dyn Future<Output = ()> + Send>>| {
            tasks.spawn("actor", OnFailure::Shutdown, async move {
                actor.await;
                Ok::<_, Infallible>(())
            });
        };
        for number in 0..CLIENTS {
            start(Box::pin(client(stage.clone(), Dice::of(seed, 10 + number))));
        }
        start(Box::pin(break_things(stage.clone(), Dice::of(seed, 1))));
        let mut dice = Dice::of(seed, 0);
        while *stage.busy.lock() > 0 {
            tokio::task::yield_now().await;
            assert!(!tasks.is_stopping(), "an actor failed");
            if dice.below(3) == 0 {
                stage.backend.inner.sync();
            }
            if dice.below(4) == 0 {
                stage.clock.advance(Duration::from_millis(100));
            }
        }
        stage.history.lock().values().all(ConsistencyTester::is_consistent)
    })
}

#[test]
fn whatever_happens_one_order_explains_it() {
    for seed in 0..SEEDS {
        assert!(run(seed, Comparing::Table), "seed {seed}");
    }
}

#[test]
fn a_client_that_compares_by_itself_is_found_out() {
    assert!((0..SEEDS).any(|seed| !run(seed, Comparing::Client)));
}
