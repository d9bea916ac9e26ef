//! The workload on a table: leases that are renewed, in one of two rhythms.

use std::sync::Arc;

use super::{GRACE, merge, result};
use crate::args::{TableArgs, TableMode};
use crate::error::Error;
use crate::load::{Job, Leases, Pace, Schedule, TableLoad, Timing, drive};
use crate::measure::RunResult;
use crate::payload::{Lease, Renewal};
use crate::streams::Caller;

/// A benchmark on a table of its own.
#[derive(Debug)]
pub(crate) struct TableBench {
    caller: Caller,
    args: TableArgs,
    table: String,
    pace: Pace,
}

impl TableBench {
    pub(crate) fn new(caller: Caller, args: &TableArgs) -> Result<Self, Error> {
        if args.items < args.connections.max(1) {
            return Err(Error::Usage(
                "--items must not be below --connections: a lease is renewed by one at a time".to_owned(),
            ));
        }
        let pace = match args.mode {
            TableMode::Update => Pace::Closed,
            TableMode::Renew if args.period.is_zero() => {
                return Err(Error::Usage("--period must be above 0".to_owned()));
            }
            TableMode::Renew => Pace::Open {
                per_second: args.items as f64 / args.period.as_secs_f64(),
                at_once: args.items.div_ceil(args.workers.max(1)) as u64,
            },
        };
        let table = caller.table_name(&args.table_prefix);
        Ok(Self { caller, args: args.clone(), table, pace })
    }

    /// Makes and fills the table and measures as often as asked for.
    pub(crate) async fn runs(&self) -> Result<Vec<RunResult>, Error> {
        self.caller.create_lease_table(&self.table).await?;
        let leases: Vec<_> = (0..self.args.items).map(Lease::of_shard).collect();
        let entropy = self.caller.entropy.as_ref();
        let item = |(number, lease): (usize, &Lease)| lease.item(number, leases.len(), entropy);
        let items: Vec<_> = leases.iter().enumerate().map(item).collect();
        self.caller.put_items(&self.table, &items).await?;
        let queues = self.queues(leases);
        let mut runs = Vec::new();
        for _ in 0..self.args.measurement.repeat.max(1) {
            runs.push(self.measure(&queues).await?);
        }
        Ok(runs)
    }

    pub(crate) async fn delete_table(&self) -> Result<(), Error> {
        self.caller.delete_table(&self.table).await
    }

    /// One for each connection, or the same for all: whoever is free renews the lease that is due.
    fn queues(&self, leases: Vec<Lease>) -> Vec<Arc<Leases>> {
        let connections = self.args.connections.max(1);
        match self.args.mode {
            TableMode::Update => {
                let share = |first| leases.iter().skip(first).step_by(connections).cloned();
                (0..connections).map(|first| Arc::new(Leases::new(share(first)))).collect()
            }
            TableMode::Renew => {
                let all = Arc::new(Leases::new(leases));
                (0..connections).map(|_| Arc::clone(&all)).collect()
            }
        }
    }

    async fn measure(&self, queues: &[Arc<Leases>]) -> Result<RunResult, Error> {
        let load = Arc::new(TableLoad {
            caller: self.caller.clone(),
            renewal: Renewal::of(&self.table, self.args.spelling),
            schedule: Schedule::new(self.pace),
            operation: match self.args.mode {
                TableMode::Update => "update",
                TableMode::Renew => "renew",
            },
        });
        let jobs = queues.iter().map(|leases| {
            let (load, leases) = (Arc::clone(&load), Arc::clone(leases));
            Job::new(|seat| load.worker(seat, leases))
        });
        let measurement = &self.args.measurement;
        let timing = Timing {
            warm_up: measurement.warm_up,
            duration: measurement.duration,
            grace: GRACE,
            threads: measurement.threads,
        };
        let target_pid = measurement.target.target_pid;
        let driven = drive(&self.caller.clock, timing, target_pid, jobs.collect()).await?;
        let mut recorders = merge(&driven)?;
        for recorder in recorders.values_mut() {
            recorder.unsent(&load.schedule.unsent(driven.window));
        }
        Ok(result(&driven, &recorders))
    }
}
