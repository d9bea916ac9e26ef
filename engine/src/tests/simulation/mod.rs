//! Writers, readers, resharding, full disks and power cuts at once, on one thread and by one seed.
//!
//! Everything that happens follows from the seed: who runs next, what fails, when time passes. A seed that fails is
//! printed and can be run alone with `MILLSTREAM_SEED`; `MILLSTREAM_SEEDS` says how many are run.
//! What must hold is in [`history`]; who acts is in [`actors`] and [`chaos`].

mod actors;
mod chaos;
mod dice;
mod expiry;
mod history;
mod stage;

use std::convert::Infallible;

use millstream_runtime::OnFailure;

use dice::Dice;
use history::Report;
use stage::Stage;

const SEEDS: u64 = 500;
const WRITERS: u64 = 8;
const POLLERS: u64 = 2;
const SUBSCRIBERS: u64 = 2;

/// Runs one seed to its end.
fn run(seed: u64) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let stage = Stage::set(seed).await;
        let mut dice = Dice::of(seed, 0);
        let tasks = stage.tasks.clone();
        let start = |name, actor: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            tasks.spawn(name, OnFailure::Shutdown, async move {
                actor.await;
                Ok::<_, Infallible>(())
            });
        };
        for writer in 0..WRITERS {
            start("writer", Box::pin(actors::write(stage.clone(), writer, Dice::of(seed, 10 + writer))));
        }
        for poller in 0..POLLERS {
            start("poller", Box::pin(actors::poll(stage.clone(), poller, Dice::of(seed, 30 + poller))));
        }
        for subscriber in 0..SUBSCRIBERS {
            let dice = Dice::of(seed, 40 + subscriber);
            start("subscriber", Box::pin(actors::subscribe(stage.clone(), subscriber, dice)));
        }
        start("resharder", Box::pin(chaos::reshard(stage.clone(), Dice::of(seed, 50))));
        let passing = chaos::come_and_go(stage.clone(), Dice::of(seed, 52), Dice::of(seed, 53));
        start("passing stream", Box::pin(passing));
        start("faults", Box::pin(chaos::fail(stage.clone(), Dice::of(seed, 51))));
        chaos::drive(&stage, &mut dice).await;
        // Whatever happened, the store opens again.
        stage.cut_power(seed, 0).await;
        let report = stage.report();
        expiry::expire(&stage, &mut dice).await;
        report
    })
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn nothing_is_lost_repeated_or_out_of_order_whatever_happens() {
    let seeds = match variable("MILLSTREAM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("MILLSTREAM_SEEDS").unwrap_or(SEEDS),
    };
    let mut total = Report::default();
    for seed in seeds.clone() {
        let report = std::panic::catch_unwind(|| run(seed));
        match report {
            Ok(report) => total.add(&report),
            Err(_) => panic!("MILLSTREAM_SEED={seed} fails"),
        }
    }
    println!("{total:?}");
    if seeds.end - seeds.start >= 100 {
        // A simulation in which nothing happens proves nothing.
        total.assert_eventful();
    }
}

#[test]
fn a_seed_always_makes_the_same_history() {
    for seed in [1, 7, 77] {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
