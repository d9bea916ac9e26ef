//! Signals of which more is to be known than that they came.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// That the terminal is closed. Nothing is heard of it where whoever started this wants it to survive that (`nohup`).
#[derive(Debug)]
pub(crate) struct HangUp(Option<Signal>);

impl HangUp {
    pub(crate) fn listen() -> io::Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        // SIGHUP is the first of them.
        let is_ignored = ignored & 1 == 1;
        Ok(Self(if is_ignored { None } else { Some(signal(SignalKind::hangup())?) }))
    }

    /// Resolves at the next one.
    pub(crate) async fn recv(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}
