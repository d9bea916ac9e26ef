//! The benchmark harness behind `millstream bench`: it loads any Kinesis or DynamoDB endpoint and says
//! what came of it.
//!
//! The way of a measurement: [`BenchArgs`] → `workload` makes streams or a table and plans workers → `load` drives them
//! by a schedule over `wire` connections, with bodies from `payload` and replies read by `scan` → `measure`
//! collects the samples → `report` writes them. Latency is always counted from when a request should have
//! been sent. `peers` runs the same workloads against other servers side by side.
//!
//! The generator shares its machine with what it measures, so everything on the way of a request is made
//! beforehand or not at all. Real clients, with their retries, are deliberately not used here.

mod args;
mod consumers;
mod disk;
mod error;
mod load;
mod measure;
mod payload;
mod peers;
mod report;
mod run;
mod scan;
mod streams;
mod tables;
mod wire;
mod workload;

pub use args::{
    BenchArgs, DiskArgs, FillArgs, FollowArgs, GetArgs, MeasurementArgs, MixedArgs, OutputArgs, PushArgs,
    PutArgs, RecordArgs, RunArgs, Spelling, TableArgs, TableMode, TailArgs, TargetArgs, Workload,
};
pub use error::Error;
pub use measure::{
    BenchResult, DiskResult, IdleResult, Latency, LatencyPoint, Machine, OperationResult, PushResult,
    RunResult, Spread, Summary, Target, Timeline,
};
pub use peers::{
    ConsumersArgs, ContestArgs, LogsArgs, PeersArgs, ProducersArgs, TablesArgs, run_consumers, run_logs,
    run_peers, run_producers, run_tables,
};
pub use run::run;
pub use wire::Protocol;
