//! The page for readers: who was compared and how, what came out, and how to do it again.

use std::fmt::Write;

use super::super::ground::machine_line;
use super::ProducersArgs;
use super::figures::{Figures, PROMISES, ROWS};
use super::program::{Contender, LOADS, Load};
use crate::measure::Spread;
use crate::report::{Grid, figure};

/// Writing to a string cannot fail, so the results of `write!` are dropped throughout.
pub(super) fn markdown(args: &ProducersArgs, figures: &Figures) -> String {
    let mut page = String::from(
        "# Benchmarks of producers\n\n\
         <!-- Written by `make bench-producers`; changes by hand are lost with the next run. -->\n\n\
         Millstream's producer and the Kinesis Producer Library for Java, putting the same records into streams of one\n\
         Millstream server, in the same run. Both pack many records into one of the stream, for shards that they predict.\n\
         Figures are medians over all rounds (least to greatest in parentheses).\n\n",
    );
    let _ = writeln!(page, "{}", machine_line("server and producer"));
    producers(&mut page, &figures.contenders);
    for load in LOADS {
        section(&mut page, figures, load);
    }
    verdict(&mut page, figures);
    method(&mut page, args);
    page
}

fn producers(page: &mut String, contenders: &[Contender]) {
    let header = ["producer", "it is"];
    let mut grid = Grid::with_header(&header).text_columns(header.len());
    for contender in contenders {
        grid.row([contender.name(), contender.program()].map(str::to_owned).to_vec());
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
}

fn section(page: &mut String, figures: &Figures, load: Load) {
    let cells = |row| {
        let spreads = figures.contenders.iter().map(move |contender| figures.spread(load, row, *contender));
        spreads.collect::<Vec<_>>()
    };
    let rows: Vec<_> = ROWS.into_iter().map(|row| (row, cells(row))).collect();
    if rows.iter().all(|(_, cells)| cells.iter().all(Option::is_none)) {
        return;
    }
    let _ = writeln!(page, "## {}\n", capitalised(load.name()));
    let names = figures.contenders.iter().map(|contender| contender.name());
    let header: Vec<_> = std::iter::once("").chain(names).collect();
    let mut grid = Grid::with_header(&header);
    for (row, cells) in rows.into_iter().filter(|(_, cells)| cells.iter().any(Option::is_some)) {
        let cells = cells.into_iter().map(shown);
        grid.row(std::iter::once(row.words().to_owned()).chain(cells).collect());
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn shown(spread: Option<Spread>) -> String {
    let Some(spread) = spread else { return "-".to_owned() };
    let (median, min, max) = (figure(spread.median), figure(spread.min), figure(spread.max));
    if min == max { median } else { format!("{median} ({min} to {max})") }
}

fn verdict(page: &mut String, figures: &Figures) {
    let _ = writeln!(page, "## What was to be reached\n");
    let header = ["by Millstream's producer", "reached", ""];
    let mut grid = Grid::with_header(&header).text_columns(1);
    for promise in &PROMISES {
        let (reached, verdict) = match figures.reached(promise) {
            Some((reached, true)) => (figure(reached), "yes"),
            Some((reached, false)) => (figure(reached), "no"),
            None => ("-".to_owned(), "not measured"),
        };
        grid.row(vec![promise.words.to_owned(), reached, verdict.to_owned()]);
    }
    let _ = writeln!(page, "{}", grid.to_markdown());
    for (load, _, failure) in &figures.failures {
        let _ = writeln!(page, "- Failed, {}: {}", load.name(), failure.replace('\n', " "));
    }
}

fn method(page: &mut String, args: &ProducersArgs) {
    let _ = writeln!(
        page,
        "## How it was measured\n\n\
         - A producer runs for {warm_up} s, then for {duration} s that count; {rounds} rounds, in which producers take \
           turns. Each time the stream is new, with {shards} shards.\n\
         - Records have {keys} partition keys of 17 characters in no order. Up to 50,000 are on their way at a time: \
           Millstream's producer is waited for, the KPL is asked how many it has.\n\
         - Settings are the libraries' own, but for limits: the server has none, so neither has Millstream's producer, \
           and the KPL's is far above what it reaches. The KPL sends no metrics, and certificates are not checked.\n\
         - Processor time and memory are those of the program and of the processes that it starts, their highest \
           resident sets added up.\n\
         - From put to receipt: from the call to the moment at which the program sees the outcome, of every record.\n\n\
         Again: `make bench-producers`.",
        warm_up = args.warm_up.as_secs(),
        duration = args.duration.as_secs(),
        rounds = args.rounds,
        shards = args.shards,
        keys = figure(f64::from(args.keys)),
    );
}
