//! Standard output: formats, tables, and lines that wait for a slow reader without blocking the program.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;
use tokio::io::{AsyncWriteExt, Stdout};

use crate::exit::Failure;

/// Lines are gathered up to this size before they are written.
const BUFFER_BYTES: usize = 64 * 1024;
const BOLD: &str = "\u{1b}[1m";
const RESET: &str = "\u{1b}[0m";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Table,
    Json,
    Ndjson,
}

/// Standard output with a buffer. A reader that is gone shows as [`Failure::Output`].
#[derive(Debug)]
pub(crate) struct Output {
    buffer: Vec<u8>,
    stdout: Stdout,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { buffer: Vec::with_capacity(BUFFER_BYTES), stdout: tokio::io::stdout() }
    }

    /// Where the next bytes go; follow with [`Self::relieve`] or [`Self::flush`].
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes what has gathered if it is much.
    pub(crate) async fn relieve(&mut self) -> Result<(), Failure> {
        if self.buffer.len() >= BUFFER_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Writes what has gathered and waits until the reader has it.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.stdout.write_all(&self.buffer).await.map_err(Failure::Output)?;
        self.stdout.flush().await.map_err(Failure::Output)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Shows a list: a table, a JSON array, or one object a line.
pub(crate) async fn show_list<T: Serialize>(
    format: Format,
    rows: &[T],
    table: impl FnOnce() -> Table,
) -> Result<(), Failure> {
    let mut output = Output::new();
    match format {
        Format::Table => output.buffer().extend(table().to_string().into_bytes()),
        Format::Json => write_pretty(output.buffer(), &rows)?,
        Format::Ndjson => rows.iter().try_for_each(|row| write_line(output.buffer(), row))?,
    }
    output.flush().await
}

/// Shows one thing: in words, as indented JSON, or as one line of JSON.
pub(crate) async fn show_one<T: Serialize>(
    format: Format,
    value: &T,
    words: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let mut output = Output::new();
    match format {
        Format::Table => output.buffer().extend(words().into_bytes()),
        Format::Json => write_pretty(output.buffer(), value)?,
        Format::Ndjson => write_line(output.buffer(), value)?,
    }
    output.flush().await
}

/// One line of JSON.
pub(crate) fn write_line<T: Serialize>(buffer: &mut Vec<u8>, value: &T) -> Result<(), Failure> {
    serde_json::to_writer(&mut *buffer, value).map_err(|error| Failure::Output(error.into()))?;
    buffer.push(b'\n');
    Ok(())
}

/// Indented JSON.
pub(crate) fn write_pretty<T: Serialize>(buffer: &mut Vec<u8>, value: &T) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *buffer, value).map_err(|error| Failure::Output(error.into()))?;
    buffer.push(b'\n');
    Ok(())
}

/// Something that whoever runs the command should know beside its result. A warning that cannot be written is none.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "warning: {}", printable(text));
}

/// Whether people look at standard output and want it bold (<https://no-color.org>).
pub(crate) fn is_styled() -> bool {
    let refused = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !refused("NO_COLOR") && !dumb
}

/// Text of others' without control characters, which a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// Columns of text, each as wide as its widest cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    styled: bool,
}

impl Table {
    pub(crate) fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(ToString::to_string).collect()], styled: is_styled() }
    }

    /// A row with a cell for each title. What would move the cursor is shown as it is written in JSON.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            let line = line.trim_end();
            if index == 0 && self.styled {
                writeln!(f, "{BOLD}{line}{RESET}")?;
            } else {
                writeln!(f, "{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", "STATUS"]);
        table.styled = false;
        table.row(vec!["orders-of-2013".to_owned(), "ACTIVE".to_owned()]);
        table.row(vec!["x".to_owned(), String::new()]);
        table.row(vec!["\u{1b}[2J\n".to_owned(), "é".to_owned()]);
        let expected = "NAME            STATUS\norders-of-2013  ACTIVE\nx\n\\u{1b}[2J\\n     é\n";
        assert_eq!(table.to_string(), expected);
    }
}
