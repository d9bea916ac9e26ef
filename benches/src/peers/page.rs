//! The page for readers: who was compared, on what, what came out, and how to do it again.

use std::fmt::Write;

use super::catalogue::{BASELINE, Peer};
use super::comparison::Comparison;
use super::workloads::{Figure, Workload};
use crate::report::{Grid, figure};

/// Writing to a string cannot fail, so the results of `write!` are dropped throughout.
pub(super) fn markdown(comparison: &Comparison, pictures: &[(&str, String)]) -> String {
    let mut page = String::from(
        "# Benchmarks\n\n<!-- Written by `make bench-peers`; changes by hand are lost with the next run. -->\n\n\
         The same load, from the same generator, against Millstream and other servers that speak Kinesis.\n\
         Server and generator share the machine. Every measurement has a fresh server with empty data; the\n\
         servers take turns, and the figures are medians over all rounds (least to greatest in parentheses).\n\
         Latency counts from when a request should have been sent.\n\n\
         What subscribers get of Millstream (SubscribeToShard) is on [a page of its own](benchmarks-push.md),\n\
         and what consumer libraries make of it on [another](benchmarks-consumers.md).\n\n",
    );
    machine(&mut page, comparison);
    servers(&mut page, comparison);
    page.push_str("## Throughput\n\n![Throughput by workload and server](benchmarks-throughput.svg)\n\n");
    for workload in &comparison.workloads {
        section(&mut page, comparison, workload);
    }
    page.push_str("## Latency and throughput over time\n\n");
    for (title, name) in pictures {
        let _ = writeln!(page, "- [{title}]({name})");
    }
    again(&mut page, comparison, "make bench-peers");
    page
}

pub(super) fn machine(page: &mut String, comparison: &Comparison) {
    let machine = &comparison.machine;
    let _ = writeln!(
        page,
        "Machine: {}, {} cores, {} GB of memory, {}. {} rounds of {} s after {} s of warm-up.\n",
        machine.processor,
        machine.cores,
        figure(machine.memory_bytes as f64 / 1e9),
        machine.system,
        comparison.rounds,
        comparison.duration.as_secs_f64(),
        comparison.warm_up.as_secs_f64(),
    );
}

fn servers(page: &mut String, comparison: &Comparison) {
    page.push_str("## Servers\n\n");
    let mut words =
        Grid::with_header(&["server", "version", "when a put is acknowledged, it is"]).text_columns(3);
    let mut costs = Grid::with_header(&["server", "start to first reply, ms", "idle, MB", "at most, MB"]);
    for peer in &comparison.peers {
        words.row(vec![peer.name.to_owned(), peer.version().to_owned(), peer.durability.to_owned()]);
        let footprint = comparison.footprint(peer);
        costs.row(vec![
            peer.name.to_owned(),
            figure(footprint.ready_ms.median),
            figure(footprint.idle_rss_mb.median),
            figure(footprint.peak_rss_mb),
        ]);
    }
    let _ = writeln!(page, "{}\n{}", words.to_markdown(), costs.to_markdown());
    page.push_str(
        "Memory is the resident set; the most was reached under the heaviest workload, and a server that keeps\n\
         records in memory needs the more the faster it takes them.\n\n",
    );
}

fn section(page: &mut String, comparison: &Comparison, workload: &Workload) {
    let _ = writeln!(page, "### {}\n\n`millstream bench {}`\n", workload.title, workload.flags);
    let unit = workload.figure.unit();
    let mut grid = Grid::with_header(&[
        "server",
        unit,
        "Millstream is",
        "user MB/s",
        "p50 ms",
        "p99 ms",
        "server cores",
        "generator cores",
    ]);
    for peer in comparison.peers.iter().filter(|peer| workload.includes(peer.id)) {
        grid.row(row(comparison, workload, peer));
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
    for absent in workload.absent {
        let _ = writeln!(page, "Not run: {}.\n", absent.reason);
    }
    unsent(page, comparison, workload);
    if workload.disk_beside {
        disk(page, comparison, workload);
    }
}

/// Servers that did not keep the rate.
pub(super) fn unsent(page: &mut String, comparison: &Comparison, workload: &Workload) {
    for peer in &comparison.peers {
        let unsent = comparison.standing(workload, peer).map_or(0, |standing| standing.summary.unsent);
        if unsent > 0 {
            let _ = writeln!(
                page,
                "{} could not keep this rate: {} requests were due and never sent. They count with the time they had waited at the end.\n",
                peer.name,
                figure(unsent as f64)
            );
        }
    }
}

fn row(comparison: &Comparison, workload: &Workload, peer: &Peer) -> Vec<String> {
    let Some(standing) = comparison.standing(workload, peer) else {
        let mut row = vec![peer.name.to_owned(), "failed".to_owned()];
        row.resize(8, "-".to_owned());
        return row;
    };
    let ratio = match comparison.ratio(workload, peer) {
        _ if peer.id == BASELINE => "-".to_owned(),
        None => "-".to_owned(),
        Some(ratio) => format!("{} x", figure(ratio)),
    };
    let spread = standing.figure;
    vec![
        peer.name.to_owned(),
        format!("{} ({} to {})", figure(spread.median), figure(spread.min), figure(spread.max)),
        ratio,
        figure(standing.summary.user_mb_per_second.median),
        figure(standing.summary.p50_ms.median),
        figure(standing.summary.p99_ms.median),
        figure(standing.target_cores.median),
        figure(standing.generator_cores.median),
    ]
}

/// The disk beside the servers that wait for it.
pub(super) fn disk(page: &mut String, comparison: &Comparison, workload: &Workload) {
    let p99 = comparison.fdatasync(|latency| latency.p99_ms);
    let _ = writeln!(
        page,
        "fdatasync after an append of 4 KiB on the same disk, measured between the servers: p50 {} ms, p99 {} ms \
         ({} to {}).",
        figure(comparison.fdatasync(|latency| latency.p50_ms).median),
        figure(p99.median),
        figure(p99.min),
        figure(p99.max)
    );
    let ours = comparison.peers.iter().find(|peer| peer.id == BASELINE);
    let ours = ours.and_then(|peer| comparison.standing(workload, peer));
    if let (Some(standing), Figure::P99) = (ours, workload.figure) {
        let ratio = standing.figure.median / p99.median.max(f64::MIN_POSITIVE);
        let _ = writeln!(page, "Millstream's p99 is {} times that.", figure(ratio));
    }
    page.push('\n');
}

pub(super) fn again(page: &mut String, comparison: &Comparison, command: &str) {
    let _ = writeln!(page, "\n## Doing it again\n\n```\n{command}\n```\n");
    page.push_str("It starts the servers with these arguments:\n\n");
    for peer in &comparison.peers {
        let _ = writeln!(page, "- {}: `{}`", peer.name, peer.arguments.join(" "));
    }
    let failures = comparison.failures();
    if !failures.is_empty() {
        page.push_str("\n## What failed\n\n");
        for failure in failures {
            let _ = writeln!(page, "- {failure}");
        }
    }
}
