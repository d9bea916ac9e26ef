//! What an acknowledgement costs at least: the time of fdatasync after a small append.
//!
//! Appends of two sizes take turns in one file, so that both see the same disk. The clock runs for the
//! fdatasync alone, which is where a durable server waits. The file has a name: some file systems do not
//! trouble the disk for one that would be gone after a crash.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{Seek, Write};
use std::time::Duration;

use hdrhistogram::Histogram;
use millstream_runtime::{SharedClock, SharedEntropy, TaskSet, threads};
use tempfile::NamedTempFile;

use crate::args::DiskArgs;
use crate::error::Error;
use crate::load::Alarm;
use crate::measure::{DiskResult, FORMAT, Latency, Machine, latency_histogram};

const SMALL_APPEND_BYTES: usize = 4096;
/// The file starts anew at this size, so that a long probe does not fill the disk.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

pub(crate) async fn probe(
    args: &DiskArgs,
    clock: &SharedClock,
    entropy: &SharedEntropy,
) -> Result<DiskResult, Error> {
    if args.rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
        return Err(Error::Usage("--rate must be above 0".to_owned()));
    }
    let file = NamedTempFile::new_in(&args.dir).map_err(Error::file(&args.dir))?;
    let mut data = vec![0; args.size.max(SMALL_APPEND_BYTES)];
    entropy.fill(&mut data);
    let probe = Probe {
        clock: clock.clone(),
        file,
        data,
        sizes: [SMALL_APPEND_BYTES, args.size],
        interval: args.rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
        duration: args.duration,
    };
    let started_unix_secs = clock.now().as_secs();
    // fdatasync blocks, so the probe has a thread of its own.
    let thread = threads::spawn("disk probe", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(probe.run())
    })?;
    let joined = TaskSet::blocking(|| thread.join()).await;
    let Some(Ok(histograms)) = joined else { return Err(Error::Interrupted) };
    let histograms = histograms?;
    Ok(DiskResult {
        format: FORMAT,
        workload: "disk".to_owned(),
        directory: args.dir.display().to_string(),
        machine: Machine::this(),
        started_unix_secs,
        fdatasync: histograms.iter().map(|(size, nanos)| (*size, Latency::of(nanos))).collect(),
    })
}

struct Probe {
    clock: SharedClock,
    /// Deleted with the probe.
    file: NamedTempFile,
    data: Vec<u8>,
    sizes: [usize; 2],
    /// Between two appends; `None` for no pause.
    interval: Option<Duration>,
    duration: Duration,
}

type Histograms = BTreeMap<u64, Histogram<u64>>;

impl Probe {
    async fn run(mut self) -> Result<Histograms, Error> {
        let mut alarm = Alarm::precise(self.clock.clone())?;
        let start = alarm.now();
        let mut histograms = Histograms::new();
        let mut next = start;
        let mut written = 0;
        for size in self.sizes.iter().cycle() {
            alarm.until(next).await?;
            if alarm.now() >= start + self.duration {
                break;
            }
            next += self.interval.unwrap_or_default();
            if written > FILE_BYTES_MAX {
                self.file.as_file().set_len(0)?;
                self.file.rewind()?;
                written = 0;
            }
            self.file.write_all(&self.data[..*size])?;
            written += *size as u64;
            let before = self.clock.monotonic();
            self.file.as_file().sync_data()?;
            let nanos = (self.clock.monotonic() - before).as_nanos();
            let histogram = match histograms.entry(*size as u64) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(place) => place.insert(latency_histogram()?),
            };
            histogram.saturating_record(u64::try_from(nanos).unwrap_or(u64::MAX));
        }
        Ok(histograms)
    }
}

#[cfg(test)]
mod tests {
    use millstream_runtime::{SystemClock, SystemEntropy};

    use super::*;

    #[tokio::test]
    async fn measures_both_sizes_in_turn() {
        let directory = tempfile::tempdir().unwrap();
        let args = DiskArgs {
            dir: directory.path().to_owned(),
            size: 100,
            rate: Some(1_000.0),
            duration: Duration::from_millis(100),
            json: None,
        };
        let result = probe(&args, &SystemClock::shared(), &SystemEntropy::shared()).await.unwrap();
        let counts: Vec<_> = result.fdatasync.iter().map(|(size, latency)| (*size, latency.count)).collect();
        assert_eq!(counts.iter().map(|(size, _)| *size).collect::<Vec<_>>(), [100, 4096]);
        assert!(counts[1].1 - counts[0].1 <= 1, "{counts:?}");
        // A system call takes longer than this, even on a file system that keeps everything in memory.
        assert!(result.fdatasync.values().all(|latency| latency.max_ms >= 0.000_1));
        assert!(result.fdatasync.values().all(|latency| latency.mean_ms <= latency.max_ms));
        assert!(std::fs::read_dir(directory.path()).unwrap().next().is_none());
    }
}
