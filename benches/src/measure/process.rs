//! What a process has used, from `/proc`. Where there is no `/proc`, nothing is reported.

use std::fs;
use std::time::Duration;

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) rss_bytes: u64,
    /// The highest since it started.
    pub(crate) rss_peak_bytes: u64,
}

impl Usage {
    /// That of both together. The highest of each need not have been at one moment.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            rss_bytes: self.rss_bytes + other.rss_bytes,
            rss_peak_bytes: self.rss_peak_bytes + other.rss_peak_bytes,
        }
    }
}

/// The processes that a process has started, and those that these have. Empty where there is no way to ask.
pub(crate) fn descendants_of(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let children = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|pids| pids.split_ascii_whitespace().map(str::parse).collect::<Vec<_>>())
        .flatten()
        .collect();
    let further: Vec<_> = children.iter().flat_map(|&child| descendants_of(child)).collect();
    children.into_iter().chain(further).collect()
}

/// `None` when there is no such process, or no way to ask.
pub(crate) fn usage_of(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Usage {
        cpu: cpu_of(&stat)?,
        rss_bytes: kibibytes_of(&status, "VmRSS:")?,
        rss_peak_bytes: kibibytes_of(&status, "VmHWM:")?,
    })
}

/// Processor time of this process, the generator.
pub(crate) fn own_cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(spent).unwrap_or_default()
}

fn cpu_of(stat: &str) -> Option<Duration> {
    // The command's name stands in parentheses and may itself hold some; utime and stime are the 12th and
    // 13th fields after it.
    let fields = stat.get(stat.rfind(')')? + 1..)?;
    let mut ticks = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.next()?.ok()? + ticks.next()?.ok()?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_millis(ticks * 1000 / per_second))
}

fn kibibytes_of(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_fields_behind_an_awkward_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1000 200";
        let expected = Duration::from_millis(300 * 1000 / rustix::param::clock_ticks_per_second());
        assert_eq!(cpu_of(stat), Some(expected));
        assert_eq!(kibibytes_of("Name:\tx\nVmHWM:\t  2048 kB\n", "VmHWM:"), Some(2 * 1024 * 1024));
        assert_eq!(kibibytes_of("Name:\tx\n", "VmHWM:"), None);
    }

    #[test]
    fn asks_about_itself() {
        let usage = usage_of(std::process::id()).unwrap();
        assert!(usage.rss_bytes > 0 && usage.rss_peak_bytes >= usage.rss_bytes / 2);
    }

    #[test]
    fn finds_children_and_their_children() {
        let mut child = std::process::Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        let found = loop {
            let found = descendants_of(std::process::id());
            if found.len() >= 2 || child.try_wait().unwrap().is_some() {
                break found;
            }
        };
        assert!(found.contains(&child.id()));
        let grandchildren = descendants_of(child.id());
        assert_eq!(grandchildren.len(), 1);
        for pid in grandchildren.into_iter().chain([child.id()]) {
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        child.wait().unwrap();
    }
}
