//! Decides, before RocksDB opens, what a damaged end of its log means.
//!
//! A power cut may leave anything of what was not synced: half a batch, blocks of zeros, a later block without
//! the one before it. RocksDB would refuse to open with some of these, and read across others, which leaves a
//! hole. But the same damage to what was synced is a loss. What tells the two apart: the anchor, and that
//! every batch says how far the log was durable when it was written. Damage behind the anchor, with nothing
//! behind it that says it was durable, was never acknowledged, and is cut off. All else is an error that
//! names the file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::log_format::{Record, records_behind, whole_records};
use super::slot::io_failure;
use crate::error::{Error, Result};

/// RocksDB's sequence numbers and counts at the start of a batch.
const BATCH_HEADER: usize = 12;
/// The type byte of data that is only for the log.
const LOG_DATA: u8 = 3;
/// What was cut off is kept under this ending until the next cut.
const CUT_OFF: &str = "torn";

/// How far the log was durable when a batch was written, as the batch carries it.
pub(super) fn watermark(durable: u64) -> [u8; 8] {
    durable.to_be_bytes()
}

/// A file that ends in damage.
#[derive(Debug)]
struct Damage {
    file: PathBuf,
    at: usize,
    /// The files behind it, whose content comes later.
    later: Vec<PathBuf>,
    /// The last sequence number before the damage, if any is known.
    last: Option<u64>,
    /// Batches behind the damage.
    behind: Vec<Batch>,
}

#[derive(Clone, Copy, Debug)]
struct Batch {
    first: u64,
    last: u64,
    durable: Option<u64>,
}

impl Batch {
    fn of(record: &Record) -> Option<Self> {
        let (header, rest) = record.head.split_first_chunk::<BATCH_HEADER>()?;
        let (first, count) = header.split_first_chunk::<8>()?;
        let (first, count) = (u64::from_le_bytes(*first), u32::from_le_bytes(count.try_into().ok()?));
        let durable = match rest {
            [LOG_DATA, 8, rest @ ..] => rest.first_chunk().map(|durable| u64::from_be_bytes(*durable)),
            _ => None,
        };
        Some(Self { first, last: (first + u64::from(count)).checked_sub(1)?, durable })
    }
}

/// What the manifest says about logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Manifest {
    /// Logs before this one hold nothing that is not in other files as well.
    first_log: u64,
    /// Written at some time no later than the manifest.
    last_sequence: u64,
}

/// Cuts off what a power cut left of writes that were never acknowledged. Fails when the end of the log is
/// damaged where it was durable, up to `anchored` at least, unless `accept_loss` says to go on.
pub(super) fn mend(directory: &Path, anchored: u64, accept_loss: bool) -> Result<()> {
    let failure = |error| io_failure(directory, &error);
    let Some(manifest) = read_manifest(directory).map_err(failure)? else { return Ok(()) };
    let logs = logs(directory, manifest.first_log).map_err(failure)?;
    let (end, damage) = walk(&logs, manifest)?;
    let Some(damage) = damage else {
        let end = end.unwrap_or(manifest.last_sequence);
        return if end < anchored { accept(lost(directory, end, anchored), accept_loss) } else { Ok(()) };
    };
    if let Some(why) = damage.was_durable(anchored, manifest) {
        let Damage { file, at, .. } = &damage;
        let what = format!("{}: damaged from byte {at} on, {why}", file.display());
        accept(Error::Corrupt { what }, accept_loss)?;
    }
    let Damage { file, at, last, .. } = &damage;
    tracing::warn!(
        file = %file.display(), at, last, later_files = damage.later.len(),
        "the log ends in something that was never durable, as a power cut leaves it; it is cut off"
    );
    damage.cut().map_err(failure)
}

fn accept(error: Error, accept_loss: bool) -> Result<()> {
    if !accept_loss {
        return Err(error);
    }
    tracing::error!(%error, "going on in spite of lost writes, as the settings say");
    Ok(())
}

fn lost(directory: &Path, end: u64, anchored: u64) -> Error {
    let directory = directory.display();
    Error::Lost {
        what: format!("{directory}: the write-ahead log ends at sequence {end}, but {anchored} was durable"),
    }
}

/// Follows the batches from log to log. Gives the last sequence number, and the first damage.
fn walk(logs: &[PathBuf], manifest: Manifest) -> Result<(Option<u64>, Option<Damage>)> {
    let mut last = None;
    for (place, file) in logs.iter().enumerate() {
        let bytes = fs::read(file).map_err(|error| io_failure(file, &error))?;
        let whole = whole_records(&bytes);
        let mut damaged_at = (whole.end < bytes.len()).then_some(whole.end);
        for record in &whole.records {
            let Some(batch) = Batch::of(record) else { continue };
            let expected = last.map_or(manifest.last_sequence + 1, |last| last + 1);
            if batch.first > expected && last.is_none() {
                let (file, found) = (file.display(), batch.first);
                let what = format!(
                    "{file}: begins at sequence {found}, but the log before it ends below {expected}"
                );
                return Err(Error::Lost { what });
            }
            if last.is_some() && batch.first != expected {
                damaged_at = Some(record.start);
                break;
            }
            last = Some(batch.last);
        }
        if let Some(at) = damaged_at {
            return Ok((last, Some(Damage::read(file, at, &bytes, &logs[place + 1..], last)?)));
        }
    }
    Ok((last, None))
}

impl Damage {
    fn read(file: &Path, at: usize, bytes: &[u8], later: &[PathBuf], last: Option<u64>) -> Result<Self> {
        let mut behind: Vec<_> = records_behind(bytes, at).iter().filter_map(Batch::of).collect();
        for file in later {
            let bytes = fs::read(file).map_err(|error| io_failure(file, &error))?;
            behind.extend(records_behind(&bytes, 0).iter().filter_map(Batch::of));
        }
        Ok(Self { file: file.into(), at, later: later.to_vec(), last, behind })
    }

    /// Why the damaged part must have been durable, if anything says so.
    fn was_durable(&self, anchored: u64, manifest: Manifest) -> Option<String> {
        // Without a batch before the damage: the log went on at the manifest's number or earlier.
        let last = self.last.unwrap_or(manifest.last_sequence);
        if last < anchored {
            return Some(format!("after sequence {last}, but {anchored} was durable"));
        }
        let durable = self.behind.iter().filter_map(|batch| batch.durable).max()?;
        // Here only the first batch behind the damage says where it is.
        let last = self.last.or_else(|| self.behind.first()?.first.checked_sub(2))?;
        (durable > last).then(|| format!("before sequence {durable}, which was durable"))
    }

    fn cut(&self) -> io::Result<()> {
        let directory = self.file.parent().unwrap_or(Path::new("."));
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == CUT_OFF) {
                fs::remove_file(path)?;
            }
        }
        let bytes = fs::read(&self.file)?;
        fs::write(self.file.with_extension(CUT_OFF), &bytes[self.at..])?;
        // Later files first: a crash in between must not leave them behind a clean end.
        for file in self.later.iter().rev() {
            fs::rename(file, file.with_extension(CUT_OFF))?;
        }
        File::open(directory)?.sync_all()?;
        let file = File::options().write(true).open(&self.file)?;
        file.set_len(self.at as u64)?;
        file.sync_all()
    }
}

/// The logs from a number on, in order.
fn logs(directory: &Path, first: u64) -> io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let Some(number) = number.filter(|number| *number >= first)
            && path.extension().is_some_and(|end| end == "log")
        {
            logs.push((number, path));
        }
    }
    logs.sort();
    Ok(logs.into_iter().map(|(_, path)| path).collect())
}

/// `None` where there is none, or one that RocksDB has to judge.
fn read_manifest(directory: &Path) -> io::Result<Option<Manifest>> {
    let Ok(name) = fs::read_to_string(directory.join("CURRENT")) else { return Ok(None) };
    let path = directory.join(name.trim_end());
    let Ok(bytes) = fs::read(&path) else { return Ok(None) };
    let whole = whole_records(&bytes);
    if whole.records.is_empty() {
        return Ok(None);
    }
    let mut manifest = Manifest::default();
    whole.records.iter().for_each(|record| manifest.apply(&record.head));
    if whole.end < bytes.len() {
        if !records_behind(&bytes, whole.end).is_empty() {
            return Ok(None);
        }
        // What the edit was to say is not lost: its files are not used, and the log is still there. If it is
        // not, the next check finds out.
        tracing::warn!(file = %path.display(), at = whole.end, "the manifest ends in half an edit; it is cut off");
        fs::write(path.with_extension(CUT_OFF), &bytes[whole.end..])?;
        let file = File::options().write(true).open(&path)?;
        file.set_len(whole.end as u64)?;
        file.sync_all()?;
    }
    Ok(Some(manifest))
}

impl Manifest {
    /// Takes over what an edit begins with; the files that it adds come behind that.
    fn apply(&mut self, edit: &[u8]) {
        let mut rest = edit;
        while let Some(tag) = varint(&mut rest) {
            let number = match tag {
                // Comparator and store id: text.
                1 | 8193 => {
                    let Some(length) = varint(&mut rest).and_then(|length| usize::try_from(length).ok())
                    else {
                        return;
                    };
                    let Some(behind) = rest.get(length..) else { return };
                    rest = behind;
                    continue;
                }
                2 | 3 | 4 | 9 | 10 | 203 => varint(&mut rest),
                _ => return,
            };
            match (tag, number) {
                (2 | 10, Some(log)) => self.first_log = self.first_log.max(log),
                (4, Some(sequence)) => self.last_sequence = self.last_sequence.max(sequence),
                _ => {}
            }
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
