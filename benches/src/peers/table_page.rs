//! The page about tables: who was compared, what came out, and whether it is what Millstream is to reach.

use std::fmt::Write;

use super::catalogue::{BASELINE, Peer, Software};
use super::comparison::{Comparison, Standing};
use super::page;
use super::workloads::{Figure, Workload};
use crate::report::{Grid, figure};

/// How many times as many updates a second as a server, in either of its modes.
const TIMES: &[(Software, &str, f64)] =
    &[(Software::Dynalite, "dynalite", 10.0), (Software::DynamoDbLocal, "DynamoDB Local", 5.0)];
const P99_MS_MAX: f64 = 5.0;
const RENEWAL_CORES_MAX: f64 = 0.2;

/// Something that Millstream is to reach, and what it reached.
#[derive(Clone, Debug, PartialEq)]
struct Goal {
    words: String,
    reached: String,
    met: bool,
}

/// Writing to a string cannot fail, so the results of `write!` are dropped throughout.
pub(super) fn markdown(comparison: &Comparison) -> String {
    let mut page = String::from(
        "# Benchmarks of tables\n\n\
         <!-- Written by `make bench-tables`; changes by hand are lost with the next run. -->\n\n\
         The same load, from the same generator, against Millstream and other servers that speak DynamoDB: leases as\n\
         the KCL keeps them, and updates that each expect the counter which the one before has written. Server and\n\
         generator share the machine. Every measurement has a fresh server with a new table; the servers take turns,\n\
         and the figures are medians over all rounds (least to greatest in parentheses). Latency counts from when a\n\
         request should have been sent; cores are processor time by time.\n\n",
    );
    page::machine(&mut page, comparison);
    servers(&mut page, comparison);
    for workload in &comparison.workloads {
        section(&mut page, comparison, workload);
    }
    page::again(&mut page, comparison, "make bench-tables");
    page
}

fn servers(page: &mut String, comparison: &Comparison) {
    page.push_str("## Servers\n\n");
    let header = ["server", "version", "when a write is acknowledged, it is"];
    let mut words = Grid::with_header(&header).text_columns(header.len());
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
}

fn section(page: &mut String, comparison: &Comparison, workload: &Workload) {
    let _ = writeln!(page, "## {}\n\n`millstream bench {}`\n", workload.title, workload.flags);
    let mut grid = Grid::with_header(&[
        "server",
        "updates/s",
        "Millstream is",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "server cores",
        "generator cores",
    ]);
    for peer in &comparison.peers {
        grid.row(row(comparison, workload, peer));
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
    page::unsent(page, comparison, workload);
    if workload.disk_beside {
        page::disk(page, comparison, workload);
    }
    for goal in goals(comparison, workload) {
        let verdict = if goal.met { "Met" } else { "Not met" };
        let _ = writeln!(page, "Goal: {}. {verdict}: {}.\n", goal.words, goal.reached);
    }
}

fn row(comparison: &Comparison, workload: &Workload, peer: &Peer) -> Vec<String> {
    let Some(standing) = comparison.standing(workload, peer) else {
        let mut row = vec![peer.name.to_owned(), "failed".to_owned()];
        row.resize(8, "-".to_owned());
        return row;
    };
    let rate = standing.summary.requests_per_second;
    let p99 = standing.summary.p99_ms;
    // At a given rate all are as fast; who needs less is seen in the cores.
    let ratio = comparison
        .ratio(workload, peer)
        .filter(|_| peer.id != BASELINE && workload.figure == Figure::RequestsPerSecond);
    vec![
        peer.name.to_owned(),
        format!("{} ({} to {})", figure(rate.median), figure(rate.min), figure(rate.max)),
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{} x", figure(ratio))),
        figure(standing.summary.p50_ms.median),
        format!("{} ({} to {})", figure(p99.median), figure(p99.min), figure(p99.max)),
        figure(standing.summary.p99_9_ms.median),
        figure(standing.target_cores.median),
        figure(standing.generator_cores.median),
    ]
}

/// None where Millstream was not measured.
fn goals(comparison: &Comparison, workload: &Workload) -> Vec<Goal> {
    let baseline = comparison.peers.iter().find(|peer| peer.id == BASELINE);
    let Some(ours) = baseline.and_then(|peer| comparison.standing(workload, peer)) else {
        return Vec::new();
    };
    if workload.figure != Figure::RequestsPerSecond {
        return vec![renewal_cost(&ours)];
    }
    let times = TIMES.iter().filter_map(|(software, name, times)| {
        let modes = comparison.peers.iter().filter(|peer| peer.software == *software);
        let least = modes.filter_map(|peer| comparison.ratio(workload, peer)).min_by(f64::total_cmp)?;
        Some(Goal {
            words: format!("{} x the updates of {name}, in either of its modes", figure(*times)),
            reached: format!("{} x at least", figure(least)),
            met: least >= *times,
        })
    });
    let p99_ms = ours.summary.p99_ms.median;
    let latency = Goal {
        words: format!("p99 of at most {} ms", figure(P99_MS_MAX)),
        reached: format!("{} ms", figure(p99_ms)),
        met: p99_ms <= P99_MS_MAX,
    };
    times.chain([latency]).collect()
}

fn renewal_cost(ours: &Standing) -> Goal {
    let cores = ours.target_cores.median;
    Goal {
        words: format!("at most {} % of a core", figure(RENEWAL_CORES_MAX * 100.0)),
        reached: format!("{} %", figure(cores * 100.0)),
        // Whoever leaves renewals out is cheap.
        met: cores <= RENEWAL_CORES_MAX && ours.summary.unsent == 0,
    }
}
