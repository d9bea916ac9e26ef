//! The page for readers: who was compared and how, what came out, and how to do it again.

use std::fmt::Write;

use super::super::ground::machine_line;
use super::ConsumersArgs;
use super::feed::TRICKLE_INTERVAL;
use super::figures::{Figures, ROWS};
use super::library::{Contender, FAILOVER_SECS, LIBRARIES, Library, RETRIEVALS, Retrieval};
use crate::measure::Spread;
use crate::report::{Grid, figure};

/// Writing to a string cannot fail, so the results of `write!` are dropped throughout.
pub(super) fn markdown(args: &ConsumersArgs, figures: &Figures) -> String {
    let mut page = String::from(
        "# Benchmarks of consumers\n\n\
         <!-- Written by `make bench-consumers`; changes by hand are lost with the next run. -->\n\n\
         Workers of three libraries that consume streams: all on one Millstream server, in the same run, on the same\n\
         streams, with lease tables that were empty when they came. Figures are medians over all rounds (least to\n\
         greatest in parentheses).\n\n",
    );
    let _ = writeln!(page, "{}", machine_line("server and workers"));
    libraries(&mut page, figures);
    for retrieval in RETRIEVALS {
        section(&mut page, figures, retrieval);
    }
    verdict(&mut page, figures);
    method(&mut page, args);
    page
}

fn libraries(page: &mut String, figures: &Figures) {
    let header = ["library", "a worker is", "quick settings"];
    let mut grid = Grid::with_header(&header).text_columns(header.len());
    for library in present(figures) {
        let cells = [library.name(), library.worker(), library.quick_settings()];
        grid.row(cells.map(str::to_owned).to_vec());
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
}

fn present(figures: &Figures) -> impl Iterator<Item = Library> {
    let of = |library| figures.contenders.iter().any(|contender| contender.library == library);
    LIBRARIES.into_iter().filter(move |library| of(*library))
}

fn section(page: &mut String, figures: &Figures, retrieval: Retrieval) {
    let _ = writeln!(page, "## {}\n", retrieval.name());
    let names = present(figures).map(Library::name);
    let header: Vec<_> = std::iter::once("").chain(names).collect();
    let mut grid = Grid::with_header(&header);
    for row in ROWS {
        let cell = |library| shown(figures.spread(row, Contender { library, retrieval }));
        grid.row(std::iter::once(row.words().to_owned()).chain(present(figures).map(cell)).collect());
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
}

fn shown(spread: Option<Spread>) -> String {
    let Some(spread) = spread else { return "-".to_owned() };
    let (median, min, max) = (figure(spread.median), figure(spread.min), figure(spread.max));
    if min == max { median } else { format!("{median} ({min} to {max})") }
}

fn verdict(page: &mut String, figures: &Figures) {
    let not_better = figures.not_better();
    if not_better.is_empty() {
        let _ = writeln!(page, "Millstream's consumer is better in every row that was measured.\n");
    }
    for (row, contender) in not_better {
        let _ = writeln!(page, "- Not better than {}: {}.", contender.name(), row.words());
    }
    for (_, failure) in &figures.failures {
        let _ = writeln!(page, "- Failed: {}", failure.replace('\n', " "));
    }
    page.push('\n');
}

fn method(page: &mut String, args: &ConsumersArgs) {
    let _ = writeln!(
        page,
        "## How it was measured\n\n\
         - **First record**: from the start of the process to its first record, on an application name that was never \
           used. With the library's defaults on the stream of the takeovers, and with quick settings on the backlog.\n\
         - **Takeover**: two workers of each library and way of reading, {kills} times, on a stream of {shards} shards \
           that gets {rate} records a second. One is killed, of all libraries at one moment: the younger one and, every \
           other time, the older one, which leads. It ends when the one that is left has processed a record of every \
           shard that was put after that. The failover time is {failover} \
           s, every library's default.\n\
         - **Memory**: the resident set of a worker before the takeover, and the highest in the backlog.\n\
         - **Backlog**: {records} records of {bytes} bytes in {shards} shards, from TRIM_HORIZON, in {rounds} rounds, \
           one worker at a time, with quick settings. Rate and processor time are those between the first batch and \
           the last; the processor time is the whole process's, which includes what a JVM compiles meanwhile. \
           Consumers for fan-out are registered beforehand.\n\
         - The processor is empty: it counts a batch. Checkpoints are made every 5 s by all.\n\n\
         Again: `make bench-consumers`.",
        kills = args.kills,
        shards = args.shards,
        rate = figure(f64::from(args.shards) / TRICKLE_INTERVAL.as_secs_f64()),
        failover = FAILOVER_SECS,
        records = figure(args.records as f64),
        bytes = args.record_size,
        rounds = args.rounds,
    );
}
