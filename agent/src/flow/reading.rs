//! The next records of a file.
//!
//! What is read begins a little before the place, with bytes that must be as they were: a file that was truncated and has
//! grown beyond the place shows by that. Bytes behind the last record are not kept; they are read again with what follows
//! them, so that files cost no memory while they are followed.

use std::io;

use bytes::Bytes;

use super::content::Followed;
use super::{Flow, Origin, Outgoing, Payload};
use crate::checkpoint::{ANCHOR_BYTES, HEAD_BYTES, Place, Print};
use crate::files::OpenFile;
use crate::splitting::{End, Piece, Splitter, Within};

/// Read at once; more where a record has more.
const CHUNK_BYTES: usize = 128 * 1024;

/// What was read of a file, from its anchor on.
struct Window {
    bytes: Vec<u8>,
    /// Of the first byte.
    from: u64,
    /// Bytes before the place.
    known: usize,
    /// The file has no more.
    is_short: bool,
}

/// A piece in a window.
struct Cutting {
    piece: Piece,
    start: usize,
    end: usize,
}

impl Flow {
    /// Reads the next records of a file into the outbox.
    pub(super) async fn read(&mut self, index: usize, end: End) {
        let followed = &self.followed[index];
        let Some(file) = followed.file.clone() else { return };
        let (at, seen) = (followed.at, (followed.size, followed.modified));
        let splitter = self.splitter.clone();
        let read = self.io(move |_| cut(file.as_ref(), at, end, seen.0, &splitter)).await;
        match read.and_then(|read| read) {
            // It has grown since, so that nobody knows what was lost.
            Ok(None) => self.rewritten(index, 0),
            Ok(Some((window, cuttings))) => self.take(index, window, &cuttings, seen, end),
            Err(error) => {
                // It is opened again if it is still there.
                self.followed[index].file = None;
                self.followed[index].is_broken = true;
                let path = self.followed[index].path.display().to_string();
                self.complain(format!("{path}: {error}"));
            }
        }
    }

    fn take(
        &mut self,
        index: usize,
        window: Window,
        cuttings: &[Cutting],
        seen: (u64, std::time::Duration),
        end: End,
    ) {
        let bytes = Bytes::from(window.bytes);
        let followed = &mut self.followed[index];
        for cutting in cuttings {
            let start = window.from + cutting.start as u64;
            let (payload, within) = match cutting.piece {
                Piece::Record(_) => {
                    (Payload::Record(bytes.slice(cutting.start..cutting.end)), Within::default())
                }
                Piece::Beginning(_, then) => {
                    (Payload::Beginning(bytes.slice(cutting.start..cutting.end)), then)
                }
                Piece::LeftOut(_, then) => (Payload::LeftOut, then),
                Piece::Undecided => continue,
            };
            let anchor = Print::of(&bytes[cutting.end.saturating_sub(ANCHOR_BYTES)..cutting.end]);
            let place = Place { offset: window.from + cutting.end as u64, anchor, within };
            followed.at = place;
            if !matches!(payload, Payload::LeftOut) {
                self.with.figures.parsed.add(1);
            }
            self.with.figures.parsed_bytes.add((cutting.end - cutting.start) as u64);
            let origin = Origin { content: followed.content.id, start, end: place };
            self.outbox.push_back(Outgoing { origin, payload });
        }
        extend_head(followed, &bytes, window.from);
        let last = cuttings.last().map_or(window.known, |last| last.end);
        followed.is_unfinished = last < bytes.len();
        followed.is_quiet_in_vain = end == End::Quiet && cuttings.is_empty();
        followed.read_through = window.is_short.then_some(seen);
    }
}

/// Reads from a place on until there is a record or the file ends. `None` if the file is not what it was.
fn cut(
    file: &dyn OpenFile,
    at: Place,
    end: End,
    size_seen: u64,
    splitter: &Splitter,
) -> io::Result<Option<(Window, Vec<Cutting>)>> {
    let known = at.anchor.len();
    let from = at.offset - known as u64;
    let mut wanted = known + CHUNK_BYTES;
    let mut window = Window { bytes: file.read_at(from, wanted)?, from, known, is_short: false };
    if window.bytes.get(..known).map(Print::of) != Some(at.anchor) {
        return Ok(None);
    }
    loop {
        window.is_short = window.bytes.len() < wanted;
        // A file with more than was seen goes on, however long it was quiet.
        let is_as_seen = window.is_short && from + window.bytes.len() as u64 <= size_seen;
        let end = if is_as_seen { end } else { End::Open };
        let cuttings = pieces(&window, at.within, end, splitter);
        if !cuttings.is_empty() || window.is_short {
            return Ok(Some((window, cuttings)));
        }
        let more = window.bytes.len().min(splitter.window_bytes_max());
        wanted += more;
        let read = file.read_at(from + window.bytes.len() as u64, more)?;
        window.bytes.extend(read);
    }
}

fn pieces(window: &Window, mut within: Within, end: End, splitter: &Splitter) -> Vec<Cutting> {
    let mut pieces = Vec::new();
    let mut start = window.known;
    loop {
        let piece = splitter.next(&window.bytes[start..], within, end);
        let length = match piece {
            Piece::Undecided => return pieces,
            Piece::Record(length) => {
                within = Within::default();
                length
            }
            Piece::Beginning(length, then) | Piece::LeftOut(length, then) => {
                within = then;
                length
            }
        };
        pieces.push(Cutting { piece, start, end: start + length });
        start += length;
    }
}

/// Notes what the file begins with, as far as that was read.
fn extend_head(followed: &mut Followed, bytes: &[u8], from: u64) {
    let head = &mut followed.content.head;
    let until = followed.at.offset.min(HEAD_BYTES);
    if u64::from(head.bytes) < until && from <= u64::from(head.bytes) {
        let index = |offset: u64| usize::try_from(offset - from).unwrap_or(usize::MAX);
        if let Some(more) = bytes.get(index(u64::from(head.bytes))..index(until)) {
            *head = head.and(more);
        }
    }
}
