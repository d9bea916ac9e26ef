//! Decides, before RocksDB opens, what a damaged end of its log means.
//!
//! A power cut may leave anything of what was not synced: half a batch, blocks of zeros, a later block without
//! the one before it. RocksDB would refuse to open with some of these, and read across others, which leaves a
//! hole. But the same damage to what was synced is a loss. What tells the two apart: the anchor, and that
//! every batch says how far the log was durable when it was written. Damage behind the anchor, with nothing
//! behind it that says it was durable, was never acknowledged, and is cut off. All else is an error that
//! names the file. Zeros up to the end of a file are no damage: the [`runway`](super::runway) puts them there.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
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
        Some(Self { first, last: first.checked_add(count.into())?.checked_sub(1)?, durable })
    }
}

/// What the manifest says about logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Manifest {
    /// Logs before this one hold nothing that is not in other files as well.
    first_log: u64,
    /// The last one in the tables: RocksDB takes it from the files that an edit adds, never from the log.
    last_sequence: u64,
}

/// Cuts off what a power cut left of writes that were never acknowledged. Fails when the end of the log is
/// damaged where it was durable, up to `anchored` at least, unless `accept_loss` says to go on. Then nothing
/// is touched.
pub(super) fn mend(directory: &Path, anchored: u64, accept_loss: bool) -> Result<()> {
    let failure = |error| io_failure(directory, &error);
    let Some((manifest, half_edit)) = read_manifest(directory).map_err(failure)? else { return Ok(()) };
    mend_logs(directory, manifest, anchored, accept_loss)?;
    half_edit.map_or(Ok(()), |half| half.cut()).map_err(failure)
}

fn mend_logs(directory: &Path, manifest: Manifest, anchored: u64, accept_loss: bool) -> Result<()> {
    let logs = logs(directory, manifest.first_log).map_err(|error| io_failure(directory, &error))?;
    let Walk { last, damage, unused } = walk(&logs, manifest, accept_loss)?;
    match damage {
        Some(damage) => mend_damage(&damage, manifest, anchored, accept_loss)?,
        None => {
            let end = last.unwrap_or(manifest.last_sequence);
            if end < anchored {
                accept(lost(directory, end, anchored), accept_loss)?;
            }
        }
    }
    unused.iter().try_for_each(|(file, end)| shorten(file, *end).map_err(|error| io_failure(file, &error)))
}

fn mend_damage(damage: &Damage, manifest: Manifest, anchored: u64, accept_loss: bool) -> Result<()> {
    let Damage { file, at, last, .. } = damage;
    let (file, later_files) = (file.display(), damage.later.len());
    if let Some(why) = damage.was_durable(anchored, manifest) {
        let what = format!("{file}: damaged from byte {at} on, {why}");
        accept(Error::Corrupt { what }, accept_loss)?;
        tracing::warn!(%file, at, last, later_files, "the log is cut off where it is damaged");
    } else {
        tracing::warn!(
            %file, at, last, later_files,
            "the log ends in something that was never durable, as a power cut leaves it; it is cut off"
        );
    }
    damage.cut().map_err(|error| io_failure(&damage.file, &error))
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

/// What there is in the logs.
#[derive(Debug, Default)]
struct Walk {
    /// The last sequence number before any damage.
    last: Option<u64>,
    /// The first damage.
    damage: Option<Damage>,
    /// Files that end in zeros, and where those begin.
    unused: Vec<(PathBuf, usize)>,
}

/// Follows the batches from log to log, to the first damage.
fn walk(logs: &[PathBuf], manifest: Manifest, accept_loss: bool) -> Result<Walk> {
    let mut walk = Walk::default();
    for (place, file) in logs.iter().enumerate() {
        let bytes = fs::read(file).map_err(|error| io_failure(file, &error))?;
        let whole = whole_records(&bytes);
        let rest = &bytes[whole.end..];
        let is_unused = rest.iter().all(|byte| *byte == 0);
        let mut damaged_at = (!is_unused).then_some(whole.end);
        for record in &whole.records {
            let Some(batch) = Batch::of(record) else { continue };
            let expected = walk.last.unwrap_or(manifest.last_sequence).saturating_add(1);
            if batch.first > expected && walk.last.is_none() {
                let (file, found) = (file.display(), batch.first);
                let what = format!(
                    "{file}: begins at sequence {found}, but the log before it ends below {expected}"
                );
                accept(Error::Lost { what }, accept_loss)?;
            }
            if walk.last.is_some() && batch.first != expected {
                damaged_at = Some(record.start);
                break;
            }
            walk.last = Some(batch.last);
        }
        if let Some(at) = damaged_at {
            walk.damage = Some(Damage::read(file, at, &bytes, &logs[place + 1..], walk.last)?);
            break;
        }
        if !rest.is_empty() {
            walk.unused.push((file.clone(), whole.end));
        }
    }
    Ok(walk)
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
        // Without a batch before the damage: what the tables hold is not lost. No batch says that it was
        // durable itself, so that a torn one whose beginning is whole proves nothing.
        let last = self.last.unwrap_or(manifest.last_sequence);
        if last < anchored {
            return Some(format!("after sequence {last}, but {anchored} was durable"));
        }
        let durable = self.behind.iter().filter_map(|batch| batch.durable).max()?;
        (durable > last).then(|| format!("before sequence {durable}, which was durable"))
    }

    fn cut(&self) -> io::Result<()> {
        let directory = self.file.parent().unwrap_or(Path::new("."));
        remove_older_cuts(directory, number_of(&self.file))?;
        keep(&self.file, self.at);
        // Later files first: a crash in between must not leave them behind a clean end.
        for file in self.later.iter().rev() {
            fs::rename(file, file.with_extension(CUT_OFF))?;
        }
        File::open(directory)?.sync_all()?;
        shorten(&self.file, self.at)
    }
}

/// A manifest whose last edit has no end.
#[derive(Debug)]
struct HalfEdit {
    manifest: PathBuf,
    at: usize,
}

impl HalfEdit {
    /// What the edit was to say is not lost: its files are not used, and the log is still there. That it is,
    /// the check of the logs has found out.
    fn cut(&self) -> io::Result<()> {
        let Self { manifest, at } = self;
        tracing::warn!(file = %manifest.display(), at, "the manifest ends in half an edit; it is cut off");
        keep(manifest, *at);
        shorten(manifest, *at)
    }
}

/// Those of later files may belong to this cut, if a crash interrupted it.
fn remove_older_cuts(directory: &Path, number: Option<u64>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == CUT_OFF) && number_of(&path) < number {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Copies what is about to be cut off, for whoever wants to look at it. A full disk has no room for that, and
/// is no reason to refuse the start.
fn keep(file: &Path, at: usize) {
    let kept = file.with_extension(CUT_OFF);
    let copied = File::open(file).and_then(|mut from| {
        from.seek(SeekFrom::Start(at as u64))?;
        io::copy(&mut from, &mut File::create(&kept)?)
    });
    if let Err(error) = copied {
        tracing::warn!(%error, file = %kept.display(), "what is cut off could not be kept");
        let _ = fs::remove_file(kept);
    }
}

fn shorten(file: &Path, at: usize) -> io::Result<()> {
    let file = File::options().write(true).open(file)?;
    file.set_len(at as u64)?;
    file.sync_all()
}

/// RocksDB's number of a log or a manifest.
fn number_of(file: &Path) -> Option<u64> {
    let stem = file.file_stem()?.to_str()?;
    stem.strip_prefix("MANIFEST-").unwrap_or(stem).parse().ok()
}

/// The logs from a number on, in order.
fn logs(directory: &Path, first: u64) -> io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if let Some(number) = number_of(&path).filter(|number| *number >= first)
            && path.extension().is_some_and(|end| end == "log")
        {
            logs.push((number, path));
        }
    }
    logs.sort();
    Ok(logs.into_iter().map(|(_, path)| path).collect())
}

/// The log that is written, unless RocksDB has just begun another.
pub(super) fn newest_log(directory: &Path) -> io::Result<Option<PathBuf>> {
    Ok(logs(directory, 0)?.pop())
}

/// `None` where there is none, or one that RocksDB has to judge.
fn read_manifest(directory: &Path) -> io::Result<Option<(Manifest, Option<HalfEdit>)>> {
    let Ok(name) = fs::read_to_string(directory.join("CURRENT")) else { return Ok(None) };
    let path = directory.join(name.trim_end());
    let Ok(bytes) = fs::read(&path) else { return Ok(None) };
    let whole = whole_records(&bytes);
    if whole.records.is_empty() {
        return Ok(None);
    }
    let mut manifest = Manifest::default();
    whole.records.iter().for_each(|record| manifest.apply(&record.head));
    if whole.end == bytes.len() {
        return Ok(Some((manifest, None)));
    }
    let behind = records_behind(&bytes, whole.end);
    if behind.iter().any(|record| Some(record.start) != whole.open) {
        return Ok(None);
    }
    Ok(Some((manifest, Some(HalfEdit { manifest: path, at: whole.end }))))
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
