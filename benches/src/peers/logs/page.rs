//! The page for readers: who was compared, how each is loaded and kept, what came out, and where Millstream is behind.

use std::fmt::Write;

use super::catalogue::{BASELINE, Contender};
use super::figures::{Figure, Figures, Phase};
use super::goals::{goals, records_per_cpu_second};
use super::load::Load;
use crate::measure::{Machine, Spread};
use crate::peers::comparison::Comparison;
use crate::report::{Grid, figure};

/// What the measurements have in common.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) machine: Machine,
    pub(super) rounds: usize,
    pub(super) seconds: u64,
    /// Of each log, by its id.
    pub(super) versions: Vec<(&'static str, String)>,
}

/// Writing to a string cannot fail, so the results of `write!` are dropped throughout.
pub(super) fn markdown(figures: &Figures, wires: Option<&Comparison>, setting: &Setting) -> String {
    let mut page = String::from(
        "# Benchmarks of logs\n\n<!-- Written by `make bench-logs`; changes by hand are lost with the next run. -->\n\n\
         The same work for Millstream's gRPC wire and for the logs that one would pick in its place: records of 1 KiB,\n\
         in one order, each on disk before it is acknowledged. Every log has a fresh server on an empty directory of\n\
         the same disk, and is loaded by one program, written in Go, through the client that its users would take.\n\
         Server and load share the machine, so that a client that costs much leaves its server less. The servers take\n\
         turns, and the figures are medians over all rounds (least to greatest in parentheses).\n\n",
    );
    machine(&mut page, setting);
    servers(&mut page, figures, setting);
    for phase in Phase::ALL {
        section(&mut page, figures, phase);
    }
    memory(&mut page, figures);
    verdict(&mut page, figures);
    if let Some(wires) = wires {
        own_wires(&mut page, wires);
    }
    again(&mut page, figures);
    page
}

fn machine(page: &mut String, setting: &Setting) {
    let machine = &setting.machine;
    let _ = writeln!(
        page,
        "Machine: {}, {} cores, {} GB of memory, {}. {} rounds, {} s of each measurement after 2 s of warm-up.\n",
        machine.processor,
        machine.cores,
        figure(machine.memory_bytes as f64 / 1e9),
        machine.system,
        setting.rounds,
        setting.seconds,
    );
}

fn servers(page: &mut String, figures: &Figures, setting: &Setting) {
    page.push_str("## The logs\n\n");
    let header = ["log", "version", "how it is made durable", "client", "batches × unanswered, a connection"];
    let mut grid = Grid::with_header(&header).text_columns(header.len());
    for contender in &figures.contenders {
        let version = setting.versions.iter().find(|(id, _)| *id == contender.id);
        let Load { batch, unanswered, .. } = contender.one;
        grid.row(vec![
            contender.name.to_owned(),
            version.map_or_else(|| "-".to_owned(), |(_, version)| version.clone()),
            contender.durability.to_owned(),
            contender.client.to_owned(),
            format!("{batch} × {unanswered}"),
        ]);
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
    page.push_str(
        "The loads suit each by its design, and were not tuned beyond that. A record is acknowledged to the program that\n\
         put it; that time includes what a record waits behind those that are ahead of it.\n\n",
    );
    for missing in &figures.missing {
        let _ = writeln!(page, "Not measured: {}, which was not installed.\n", missing.name);
    }
}

fn section(page: &mut String, figures: &Figures, phase: Phase) {
    let _ = writeln!(page, "## {}\n", phase.title());
    let leading = phase.figures().first().copied().unwrap_or(Figure::RecordsPerSecond);
    let judged = if phase == Phase::Push { Figure::PushedP50 } else { leading };
    let mut header = vec!["log".to_owned()];
    header.extend(phase.figures().iter().map(|figure| figure.words().to_owned()));
    header.push(format!("Millstream's {}, times", judged.words()));
    header.push("Millstream's CPU, times".to_owned());
    let header: Vec<_> = header.iter().map(String::as_str).collect();
    let mut grid = Grid::with_header(&header);
    for contender in &figures.contenders {
        let mut row = vec![contender.name.to_owned()];
        row.extend(
            phase
                .figures()
                .iter()
                .map(|wanted| cell(figures.spread(phase, *wanted, contender), *wanted == judged)),
        );
        row.extend([judged, Figure::ServerCpu].map(|wanted| ratio(figures, phase, wanted, contender)));
        grid.row(row);
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
}

fn cell(spread: Option<Spread>, with_bounds: bool) -> String {
    match spread {
        None => "-".to_owned(),
        Some(spread) if with_bounds => {
            format!("{} ({} to {})", figure(spread.median), figure(spread.min), figure(spread.max))
        }
        Some(spread) => figure(spread.median),
    }
}

fn ratio(figures: &Figures, phase: Phase, wanted: Figure, contender: &Contender) -> String {
    let ratio = figures.ratio(phase, wanted, contender).filter(|_| contender.id != BASELINE);
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{} x", figure(ratio)))
}

fn memory(page: &mut String, figures: &Figures) {
    page.push_str("## Memory\n\n");
    let mut grid = Grid::with_header(&["log", "idle, MB", "at most, MB"]);
    let shown = |mb: Option<f64>| mb.map_or_else(|| "-".to_owned(), figure);
    for contender in &figures.contenders {
        let (idle, peak) = (figures.idle_mb(contender), figures.peak_mb(contender));
        grid.row(vec![contender.name.to_owned(), shown(idle), shown(peak)]);
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
    page.push_str("Resident sets. Redis keeps all that was put in memory.\n\n");
}

fn verdict(page: &mut String, figures: &Figures) {
    if figures.baseline().is_none() {
        return;
    }
    page.push_str("## Where Millstream is not ahead\n\n");
    let not_ahead = figures.not_ahead();
    for (phase, wanted, other) in &not_ahead {
        let ratio = ratio(figures, *phase, *wanted, other);
        let _ = writeln!(
            page,
            "- {}, {}: {} (Millstream's is {ratio} that)",
            phase.title(),
            wanted.words(),
            other.name
        );
    }
    let as_small = figures.as_small();
    for other in &as_small {
        let _ = writeln!(page, "- Memory at most: {}", other.name);
    }
    if not_ahead.is_empty() && as_small.is_empty() {
        page.push_str("Nowhere.\n");
    }
    page.push('\n');
}

fn own_wires(page: &mut String, wires: &Comparison) {
    page.push_str(
        "## Millstream's wires beside each other\n\nFrom the generator of `millstream bench`, which costs little, against \
         a fresh server each.\n\n",
    );
    let mut grid = Grid::with_header(&[
        "load",
        "records/s",
        "MB/s",
        "p50 ms",
        "p99 ms",
        "server cores",
        "records for a CPU second of the server",
        "generator cores",
    ]);
    for workload in &wires.workloads {
        let standing = wires.peers.first().and_then(|peer| wires.standing(workload, peer));
        let Some(standing) = standing else {
            grid.row(vec![workload.title.to_owned(), "failed".to_owned()]);
            continue;
        };
        let summary = &standing.summary;
        grid.row(vec![
            workload.title.to_owned(),
            cell(Some(summary.records_per_second), true),
            figure(summary.user_mb_per_second.median),
            figure(summary.p50_ms.median),
            figure(summary.p99_ms.median),
            figure(standing.target_cores.median),
            figure(records_per_cpu_second(&standing)),
            figure(standing.generator_cores.median),
        ]);
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
    for goal in goals(wires) {
        let verdict = if goal.met { "Met" } else { "Not met" };
        let _ = writeln!(page, "Goal: {}. {verdict}: {}.\n", goal.words, goal.reached);
    }
    page.push_str("The loads:\n\n");
    for workload in &wires.workloads {
        let _ = writeln!(page, "- {}: `millstream bench {}`", workload.title, workload.flags);
    }
    page.push('\n');
}

fn again(page: &mut String, figures: &Figures) {
    page.push_str(
        "## Doing it again\n\n```\nmake bench-logs\n```\n\nIt installs the logs first (`tools/clients logs redis kafka \
         s2lite`); s2-lite takes long to build.\n`LOGS='--rounds 1 --seconds 2 --only nats,millstream'` measures less.\n",
    );
    if !figures.failures.is_empty() {
        page.push_str("\n## What failed\n\n");
        for (contender, failure) in &figures.failures {
            let _ = writeln!(page, "- {}: {failure}", contender.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::{contender, observed};
    use super::*;

    fn setting() -> Setting {
        Setting {
            machine: Machine::this(),
            rounds: 1,
            seconds: 2,
            versions: vec![("kafka", "4.4.0".to_owned())],
        }
    }

    #[test]
    fn a_page_says_who_is_ahead_and_who_is_missing() {
        let (ours, kafka) = (contender(BASELINE), contender("kafka"));
        let mut figures = Figures::of(&[ours, kafka], vec![contender("redis")]);
        for phase in Phase::ALL {
            figures.add(phase, ours, &observed(4_000, 4.0, 1));
            figures.add(phase, kafka, &observed(1_000, 2.0, 4));
        }
        let page = markdown(&figures, None, &setting());
        assert!(page.contains("Not measured: Redis Streams"), "{page}");
        assert!(page.contains("| 4.00 x | 0.062 x |"), "{page}");
        assert!(
            page.contains(
                "- Put over one connection, acknowledged p99 ms: Kafka (Millstream's is 2.00 x that)"
            )
        );
        assert!(!page.contains("records/s: Kafka"), "{page}");
        assert!(page.contains("| 4.4.0 |"), "{page}");
    }

    #[test]
    fn what_was_not_measured_is_shown_as_such() {
        let (ours, kafka) = (contender(BASELINE), contender("kafka"));
        let mut figures = Figures::of(&[ours, kafka], Vec::new());
        figures.add(Phase::PutOne, ours, &observed(4_000, 4.0, 1));
        figures.failures.push((kafka, "it did not listen".to_owned()));
        let page = markdown(&figures, None, &setting());
        assert!(page.contains("Nowhere.\n"), "{page}");
        assert!(page.contains("- Kafka: it did not listen"), "{page}");
        assert!(figures.check().is_err());
    }
}
