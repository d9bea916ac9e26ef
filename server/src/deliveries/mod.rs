//! Carries the changes of tables to the Kinesis streams that are to get them.
//!
//! A change leaves its table only when the stream has it durably: so every one arrives, some twice after a crash,
//! and those of one item in their order. What a stream cannot take now is tried again until it can, or until the
//! table feeds that stream no more. Which changes are left is known to the tables, and nothing is kept here.

mod carrier;
mod record;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use millstream_engine::Engine;
use millstream_runtime::{OnFailure, SharedClock, SharedEntropy, TaskSet};
use millstream_table::Tables;

use carrier::Carrier;

/// How long the end waits for what is being noted as delivered.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// The carrying of one opening of the tables, which must end before they are closed.
#[derive(Clone, Debug)]
pub(crate) struct Deliveries {
    tasks: TaskSet,
    clock: SharedClock,
}

impl Deliveries {
    /// `engine` is the one that the tables are beside: were there another, a stream of the same name in it would get
    /// changes of tables that are gone. `clock` is the machine's, since what is tried again must not wait for a clock
    /// that a test has stopped.
    pub(crate) fn start(tables: Tables, engine: Engine, clock: SharedClock, entropy: SharedEntropy) -> Self {
        let deliveries = Self { tasks: TaskSet::default(), clock: clock.clone() };
        let carrier = Carrier { tables, engine, clock, entropy, tasks: deliveries.tasks.clone() };
        deliveries.tasks.spawn("deliveries to streams", OnFailure::Log, async move {
            carry_all(&carrier).await;
            Ok::<_, Infallible>(())
        });
        deliveries
    }

    pub(crate) async fn stop(&self) {
        self.tasks.shutdown();
        if !self.tasks.join(&*self.clock, STOP_LIMIT).await {
            tracing::warn!("changes of tables were still being delivered at the end");
        }
    }
}

/// One carrier for each table, and none that waits for another.
async fn carry_all(carrier: &Carrier) {
    let mut carried = BTreeSet::new();
    let mut under_way = FuturesUnordered::new();
    loop {
        for table in carrier.tables.tables_with_destination() {
            if carried.insert(table.clone()) {
                under_way.push(async move {
                    let ended = carrier.carry(&table).await;
                    (table, ended)
                });
            }
        }
        tokio::select! {
            is_open = carrier.tables.destination_enabled() => {
                if !is_open {
                    break;
                }
            }
            Some((table, ended)) = under_way.next() => {
                if ended.is_err() {
                    break;
                }
                // It may feed a stream again by now.
                carried.remove(&table);
            }
            () = carrier.tasks.stopping() => break,
        }
    }
    // Each sees by itself that it is to end, and first ends what must not be broken off.
    carrier.tasks.shutdown();
    while under_way.next().await.is_some() {}
}
