//! What subscribers saw, in words.

use std::fmt::Write;

use super::figure;
use crate::measure::{PushResult, RunResult};

/// Some lines for every run that had subscribers. Writing to a string cannot fail, so the results of `writeln!` are
/// dropped throughout.
pub(super) fn lines(text: &mut String, runs: &[RunResult]) {
    for (number, run) in runs.iter().enumerate() {
        if let Some(push) = &run.push {
            subscribers(text, number + 1, push);
        }
    }
}

fn subscribers(text: &mut String, number: usize, push: &PushResult) {
    if push.consumers > 0 {
        let rate = &push.consumer_mb_per_second;
        let _ = writeln!(
            text,
            "run {number}: {} consumers with {} subscriptions were brought {} MB/s each ({} to {})",
            push.consumers,
            push.subscriptions,
            figure(rate.median),
            figure(rate.min),
            figure(rate.max)
        );
    }
    let latency = &push.after_acknowledgement;
    if latency.count > 0 {
        let _ = writeln!(
            text,
            "run {number}: from acknowledgement to event p50 {} ms, p90 {}, p99 {}, p99.9 {}, at most {}; {} % came before it",
            figure(latency.p50_ms),
            figure(latency.p90_ms),
            figure(latency.p99_ms),
            figure(latency.p99_9_ms),
            figure(latency.max_ms),
            figure(push.ahead_of_acknowledgement as f64 / latency.count as f64 * 100.0)
        );
    }
    if push.renewals > 0 {
        let _ = writeln!(text, "run {number}: {} subscriptions ended and were made again", push.renewals);
    }
    let Some(idle) = &push.idle else { return };
    let each = match idle.target_bytes_each {
        Some(bytes) => format!("the target grew by {} KiB for each", figure(bytes / 1024.0)),
        None => "without --target-pid nobody knows what they took".to_owned(),
    };
    let _ = writeln!(text, "run {number}: {} idle subscriptions; {each}", idle.subscriptions);
}
