//! How busy the machine or the container is that this worker runs on, for balancing as KCL 3 does it.
//!
//! Linux's own files are read: a container's share of its limit where there is one, the whole machine otherwise.
//! Elsewhere, and where nothing says that the machine is the worker's own, nothing is reported, and shards are balanced
//! by their throughput. What the files mean is pure ([`files`]).

mod files;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use millstream_lease::coordinator::Coordinator;
use millstream_lease::worker::FAILED_SAMPLE;
use millstream_runtime::{OnFailure, SharedClock, TaskSet};

use self::files::{CpuTimes, memory_percent};
use crate::settings::{MeasureWhere, WorkerMetrics};

/// KCL's names in the rows of workers.
const CPU: &str = "C";
const MEMORY: &str = "M";
/// Between two samples (KCL's `inMemoryWorkerMetricsCaptureFrequencyMillis`).
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// Where the figures are read from.
#[derive(Clone, Debug)]
struct Machine {
    /// `/`, but for tests.
    root: PathBuf,
    last: Option<CpuTimes>,
}

impl Machine {
    fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), last: None }
    }

    fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(path)).ok()
    }

    /// The processor's use since the last sample, in percent; `None` at first, and where it cannot be read.
    fn cpu_percent(&mut self, now: Duration) -> Option<f64> {
        let times = self.container_times(now).or_else(|| CpuTimes::of_proc_stat(&self.read("proc/stat")?));
        let last = std::mem::replace(&mut self.last, times);
        times?.percent_since(&last?)
    }

    fn container_times(&self, now: Duration) -> Option<CpuTimes> {
        let limit = self.read("sys/fs/cgroup/cpu.max")?;
        CpuTimes::of_cgroup(&limit, &self.read("sys/fs/cgroup/cpu.stat")?, now)
    }

    fn memory_percent(&self) -> Option<f64> {
        let limit = self.read("sys/fs/cgroup/memory.max").and_then(|limit| limit.trim().parse::<f64>().ok());
        let used = self.read("sys/fs/cgroup/memory.current").and_then(|used| used.trim().parse::<f64>().ok());
        match limit.zip(used) {
            Some((limit, used)) if limit > 0.0 => Some(100.0 * used / limit),
            _ => memory_percent(&self.read("proc/meminfo")?),
        }
    }

    /// Whether this is EC2, ECS or Kubernetes, where a worker has a machine or a share of one to itself.
    fn is_known_to_be_own(&self, variable: impl Fn(&str) -> bool) -> bool {
        let is_ec2 = || {
            self.read("sys/class/dmi/id/sys_vendor").is_some_and(|vendor| vendor.trim() == "Amazon EC2")
                || self.read("sys/hypervisor/uuid").is_some_and(|uuid| uuid.starts_with("ec2"))
        };
        variable("ECS_CONTAINER_METADATA_URI_V4") || variable("KUBERNETES_SERVICE_HOST") || is_ec2()
    }
}

/// Samples once a second, if that is wanted here, until the tasks end.
pub(crate) fn watch(settings: WorkerMetrics, coordinator: Coordinator, clock: SharedClock, tasks: &TaskSet) {
    let mut machine = Machine::new(Path::new("/"));
    let is_wanted = match settings.measure {
        MeasureWhere::Nowhere => false,
        MeasureWhere::Everywhere => true,
        MeasureWhere::OnAws => machine.is_known_to_be_own(|name| std::env::var_os(name).is_some()),
    };
    // What could never be read is not reported as failing: such workers are given nothing.
    machine.cpu_percent(clock.monotonic());
    if !is_wanted || machine.last.is_none() {
        return;
    }
    let stopping = tasks.clone();
    tasks.spawn("consumer: machine", OnFailure::Log, async move {
        loop {
            tokio::select! {
                biased;
                () = stopping.stopping() => return Ok::<_, Infallible>(()),
                () = clock.sleep(SAMPLE_INTERVAL) => {}
            }
            let cpu = machine.cpu_percent(clock.monotonic()).unwrap_or(FAILED_SAMPLE);
            coordinator.measured(CPU, cpu, Some(settings.cpu_max_percent));
            if settings.memory {
                coordinator.measured(MEMORY, machine.memory_percent().unwrap_or(FAILED_SAMPLE), None);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_container_is_measured_by_its_limit() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "proc/stat", "cpu 0 0 0 100 0 0 0 0 0 0\n");
        write(root, "sys/fs/cgroup/cpu.max", "50000 100000\n");
        write(root, "sys/fs/cgroup/cpu.stat", "usage_usec 1000000\nuser_usec 1\n");
        let mut machine = Machine::new(root);
        assert_eq!(machine.cpu_percent(Duration::from_secs(1)), None);
        write(root, "sys/fs/cgroup/cpu.stat", "usage_usec 1250000\nuser_usec 1\n");
        assert_eq!(
            machine.cpu_percent(Duration::from_secs(2)),
            Some(50.0),
            "a quarter of a core of half a one"
        );
        write(root, "sys/fs/cgroup/memory.max", "1000\n");
        write(root, "sys/fs/cgroup/memory.current", "250\n");
        assert_eq!(machine.memory_percent(), Some(25.0));
    }

    #[test]
    fn a_container_without_limits_is_measured_by_its_machine() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "sys/fs/cgroup/cpu.max", "max 100000\n");
        write(root, "sys/fs/cgroup/memory.max", "max\n");
        write(root, "proc/stat", "cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 1 1\n");
        write(root, "proc/meminfo", "MemTotal:  1000 kB\nMemFree:  1 kB\nMemAvailable:  400 kB\n");
        let mut machine = Machine::new(root);
        assert_eq!(machine.cpu_percent(Duration::ZERO), None);
        write(root, "proc/stat", "cpu  40 0 10 120 30 0 0 0 0 0\n");
        assert_eq!(machine.cpu_percent(Duration::ZERO), Some(30.0));
        assert_eq!(machine.memory_percent(), Some(60.0));
    }

    #[test]
    fn a_machine_is_the_workers_own_where_aws_says_so() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine::new(root.path());
        assert!(!machine.is_known_to_be_own(|_| false));
        assert!(machine.is_known_to_be_own(|name| name == "KUBERNETES_SERVICE_HOST"));
        write(root.path(), "sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
        assert!(machine.is_known_to_be_own(|_| false));
    }
}
