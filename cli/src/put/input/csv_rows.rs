//! Rows of CSV (RFC 4180, with a header), each as a JSON object.
//!
//! All values become strings, as they stand: CSV has no types, and guessing them would turn `007` into a
//! number in one row and `7E5` in another.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use bytes::Bytes;
use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::{InputError, Intake};

/// What the CSV reader may have read beyond the row that it is at.
const READ_AHEAD_BYTES: usize = 64 * 1024;

pub(super) fn read(file: impl Read, intake: &mut Intake<'_>) -> Result<ControlFlow<()>, InputError> {
    let allowance = Rc::new(Cell::new(0));
    let row_bytes_max = intake.rules.record_bytes_max + 2 * READ_AHEAD_BYTES;
    allowance.set(row_bytes_max);
    let bounded = Bounded { file, allowance: allowance.clone() };
    let mut reader = ReaderBuilder::new().buffer_capacity(READ_AHEAD_BYTES).from_reader(bounded);
    let header = reader.headers().map_err(|error| of_csv(error, intake))?.clone();
    let members = members(&header, intake)?;
    let key_column = key_column(&header, intake)?;
    let mut row = StringRecord::new();
    loop {
        allowance.set(row_bytes_max);
        if !reader.read_record(&mut row).map_err(|error| of_csv(error, intake))? {
            return Ok(ControlFlow::Continue(()));
        }
        let line = row.position().map_or(0, csv::Position::line);
        let key = key_column.and_then(|column| row.get(column)).map(str::to_owned);
        if intake.accept(line, key, object(&members, &row)?)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

/// The column that holds the keys.
fn key_column(header: &StringRecord, intake: &Intake<'_>) -> Result<Option<usize>, InputError> {
    let Some(field) = intake.key_field() else { return Ok(None) };
    header.iter().position(|name| name == field).map(Some).ok_or_else(|| InputError::NoColumn {
        name: intake.source.name.clone(),
        column: field.to_owned(),
        columns: header.iter().collect::<Vec<_>>().join(", "),
    })
}

/// What stands before each value in the object: the name, quoted, and a colon.
fn members(header: &StringRecord, intake: &Intake<'_>) -> Result<Vec<Vec<u8>>, InputError> {
    let twice =
        header.iter().enumerate().find(|(at, name)| header.iter().take(*at).any(|seen| seen == *name));
    if let Some((_, column)) = twice {
        return Err(InputError::ColumnTwice { name: intake.source.name.clone(), column: column.to_owned() });
    }
    header
        .iter()
        .map(|name| {
            let mut member = Vec::new();
            push_quoted(&mut member, name)?;
            member.push(b':');
            Ok(member)
        })
        .collect()
}

fn object(members: &[Vec<u8>], row: &StringRecord) -> Result<Bytes, InputError> {
    let names: usize = members.iter().map(Vec::len).sum();
    let mut object = Vec::with_capacity(names + row.as_slice().len() + 3 * members.len() + 2);
    object.push(b'{');
    for (index, (member, value)) in members.iter().zip(row).enumerate() {
        if index > 0 {
            object.push(b',');
        }
        object.extend_from_slice(member);
        push_quoted(&mut object, value)?;
    }
    object.push(b'}');
    Ok(Bytes::from(object))
}

fn push_quoted(to: &mut Vec<u8>, text: &str) -> Result<(), InputError> {
    // Writing text to memory cannot fail.
    serde_json::to_writer(to, text)
        .map_err(|error| InputError::Unreadable { name: "memory".into(), error: error.into() })
}

fn of_csv(error: csv::Error, intake: &Intake<'_>) -> InputError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => intake.endless(line),
        ErrorKind::Io(error) => intake.unreadable(error),
        ErrorKind::Utf8 { err, .. } => intake.malformed(line, format!("not UTF-8: {err}")),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            intake.malformed(line, format!("{len} fields; the header has {expected_len}"))
        }
        other => intake.malformed(line, format!("not CSV: {other:?}")),
    }
}

/// Stops a row that does not end, such as one behind a quote that is never closed.
struct Bounded<R> {
    file: R,
    allowance: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        let Some(rest) = self.allowance.get().checked_sub(count) else {
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.allowance.set(rest);
        Ok(count)
    }
}
