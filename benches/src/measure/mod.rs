//! What was measured, from single samples to the result that is written.

mod machine;
mod process;
mod push;
mod recorder;
mod result;
mod window;

pub use machine::Machine;
pub(crate) use process::{Usage, descendants_of, own_cpu, usage_of};
pub use push::{IdleResult, PushResult};
pub(crate) use recorder::{Recorder, Sample, latency_histogram};
pub(crate) use result::FORMAT;
pub use result::{
    BenchResult, DiskResult, Latency, LatencyPoint, OperationResult, RunResult, Spread, Summary, Target,
    Timeline,
};
pub(crate) use window::Window;
