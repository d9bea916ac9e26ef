//! What Linux's files say: pure. Whatever has another form than expected says nothing.

use std::time::Duration;

/// Time that went by and time that was used, in the same unit, since whenever counting began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CpuTimes {
    passed: f64,
    used: f64,
}

impl CpuTimes {
    /// The first line of `/proc/stat`: ticks of all processors, idle ones in the fourth and fifth place.
    pub(super) fn of_proc_stat(text: &str) -> Option<Self> {
        let ticks = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        // Guests' ticks, in the last two places, are counted as the host's already.
        let ticks: Vec<f64> =
            ticks.split_ascii_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        let idle = ticks.get(3)? + ticks.get(4)?;
        let passed: f64 = ticks.iter().sum();
        Some(Self { passed, used: passed - idle })
    }

    /// `cpu.max` and `cpu.stat` of a control group at monotonic time `now`. `None` where the group has no limit.
    pub(super) fn of_cgroup(limit: &str, usage: &str, now: Duration) -> Option<Self> {
        let (quota, period) = limit.trim().split_once(' ')?;
        let cores = quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?;
        let micros = usage.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
        let used = micros.trim().parse::<f64>().ok()? / 1e6;
        (cores > 0.0 && cores.is_finite()).then_some(Self { passed: now.as_secs_f64() * cores, used })
    }

    /// From 0 to 100, between two looks.
    pub(super) fn percent_since(&self, earlier: &Self) -> Option<f64> {
        let (passed, used) = (self.passed - earlier.passed, self.used - earlier.used);
        (passed > 0.0).then(|| (100.0 * used / passed).clamp(0.0, 100.0))
    }
}

/// Of `/proc/meminfo`: what is not available to anybody.
pub(super) fn memory_percent(text: &str) -> Option<f64> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_ascii_whitespace().next()?.parse::<f64>().ok()
    };
    let (total, available) = (field("MemTotal")?, field("MemAvailable")?);
    (total > 0.0).then(|| (100.0 * (total - available) / total).clamp(0.0, 100.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "(cpu |usage_usec |MemTotal|[0-9 :\n.-]){0,12}", other: String) {
            let percent = |times: Option<CpuTimes>| times.and_then(|times| times.percent_since(&CpuTimes { passed: 0.0, used: 0.0 }));
            for found in [
                percent(CpuTimes::of_proc_stat(&text)),
                percent(CpuTimes::of_cgroup(&text, &other, Duration::from_secs(1))),
                percent(CpuTimes::of_cgroup(&other, &text, Duration::from_secs(1))),
                memory_percent(&text),
            ] {
                prop_assert!(found.is_none_or(|percent| (0.0..=100.0).contains(&percent)), "{:?}", found);
            }
        }

        #[test]
        fn use_is_a_share_of_what_passed(used in 0_u32..1000, idle in 0_u32..1000) {
            prop_assume!(used + idle > 0);
            let before = CpuTimes::of_proc_stat("cpu 5 0 0 5 0 0 0 0 0 0").unwrap();
            let after = CpuTimes::of_proc_stat(&format!("cpu {} 0 0 {} 0 0 0 0 0 0", 5 + used, 5 + idle)).unwrap();
            let expected = 100.0 * f64::from(used) / f64::from(used + idle);
            prop_assert!((after.percent_since(&before).unwrap() - expected).abs() < 1e-6);
        }
    }
}
