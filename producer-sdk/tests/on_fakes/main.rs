//! Producers on a stream in memory and a clock that stands still until it is moved: what each part promises, and then
//! all of it at once, under faults by seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod behaviour;
mod fake;
mod figures;
mod order;
mod reshard;
mod service;
mod simulation;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use millstream_producer_sdk::{Producer, ProducerBuilder, StreamApi};
use millstream_runtime::{Clock, ManualClock, SeededEntropy};

use self::fake::FakeStream;

/// Yields after which nothing goes on without the clock. Each call is a handful of polls, and few are under way.
const SETTLE: u32 = 40;

async fn settle() {
    for _ in 0..SETTLE {
        tokio::task::yield_now().await;
    }
}

fn clock() -> ManualClock {
    ManualClock::starting_at(Duration::from_secs(1_700_000_000))
}

/// A producer of a stream, with the stream's clock.
fn producer_of(stream: &FakeStream, clock: &ManualClock, seed: u64) -> ProducerBuilder {
    let api: Arc<dyn StreamApi> = Arc::new(stream.clone());
    Producer::builder(api, "orders".parse().unwrap())
        .surroundings(clock.shared(), SeededEntropy::shared(seed))
}

/// Moves the clock on in small steps until a future has its output, or panics after a minute.
async fn run<F: Future>(clock: &ManualClock, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let end = clock.monotonic() + Duration::from_secs(60);
    while clock.monotonic() < end {
        for _ in 0..SETTLE {
            tokio::select! {
                biased;
                output = &mut future => return output,
                () = tokio::task::yield_now() => {}
            }
        }
        clock.advance(Duration::from_millis(1));
    }
    panic!("nothing came of it within a minute");
}

/// Lets so much time pass.
async fn pass(clock: &ManualClock, time: Duration) {
    let end = clock.monotonic() + time;
    settle().await;
    while clock.monotonic() < end {
        clock.advance(Duration::from_millis(1));
        settle().await;
    }
}
