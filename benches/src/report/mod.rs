//! Results for people and programs: a table, JSON, pictures.

mod picture;
mod push;
mod svg;
mod table;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Error;
use crate::measure::{BenchResult, FORMAT};

pub(crate) use picture::{bars, latency_and_throughput};
pub(crate) use svg::{Bar, BarGroup};
pub(crate) use table::{Grid, disk_table, figure, table};

/// Writes a value as JSON, when a path is given.
pub(crate) fn write_json(path: Option<&Path>, value: &impl Serialize) -> Result<(), Error> {
    let Some(path) = path else { return Ok(()) };
    let mut json = serde_json::to_vec_pretty(value)?;
    json.push(b'\n');
    fs::write(path, json).map_err(Error::file(path))
}

pub(crate) fn write_svg(path: &Path, results: &[BenchResult]) -> Result<(), Error> {
    fs::write(path, latency_and_throughput(results, &[])).map_err(Error::file(path))
}

/// Results of earlier runs.
pub(crate) fn read_results(paths: &[PathBuf]) -> Result<Vec<BenchResult>, Error> {
    let read = |path: &PathBuf| {
        let result: BenchResult = serde_json::from_slice(&fs::read(path).map_err(Error::file(path))?)?;
        if result.format == FORMAT {
            return Ok(result);
        }
        Err(Error::Usage(format!("{}: format {} is not {FORMAT}", path.display(), result.format)))
    };
    paths.iter().map(read).collect()
}

pub(crate) fn print(text: &str) -> Result<(), Error> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
