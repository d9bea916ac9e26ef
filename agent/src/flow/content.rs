//! What is known of a file, and of what it holds.
//!
//! A content is what a file holds between two truncations. It outlives its file: records of it may be on their way when it
//! is gone, and a copy of it may turn up. Places in it only ever move forward, but for a content that is put again.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millstream_producer_sdk::Pending;

use super::Origin;
use crate::checkpoint::{Entry, HEAD_BYTES, Place, Print};
use crate::files::{FileState, Identity, OpenFile};

#[derive(Debug)]
pub(super) struct Content {
    /// Rises in the order in which contents were found.
    pub(super) id: u64,
    /// What it begins with, as far as that was read.
    pub(super) head: Print,
    /// Everything before it was acknowledged, or left out.
    pub(super) settled: Place,
    /// What is behind it, in order.
    pub(super) sent: VecDeque<Sent>,
}

/// A piece of a content that was handed over.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) start: u64,
    pub(super) end: Place,
    /// `None` of what is not put.
    pub(super) pending: Option<Pending>,
}

/// A file that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) content: Content,
    pub(super) identity: Identity,
    /// What it was called when it was found; it is rotated once it is called otherwise.
    pub(super) first_path: PathBuf,
    pub(super) path: PathBuf,
    /// The name that it shares with files which it was rotated from, or will be rotated to.
    pub(super) family: PathBuf,
    pub(super) file: Option<Arc<dyn OpenFile>>,
    /// Where it is read on.
    pub(super) at: Place,
    /// At the last look.
    pub(super) size: u64,
    pub(super) modified: Duration,
    pub(super) links: u64,
    /// No name of it is meant by the flow any more.
    pub(super) is_missing: bool,
    /// When it was last there; see [`Flow::seen_now`](super::Flow::seen_now).
    pub(super) seen: u64,
    /// What it was when it was last read to its end.
    pub(super) read_through: Option<(u64, Duration)>,
    /// It could not be opened or read when that was tried last.
    pub(super) is_broken: bool,
    /// Bytes at its end wait for others before they are a record.
    pub(super) is_unfinished: bool,
    /// Waiting alone does not make these bytes a record.
    pub(super) is_quiet_in_vain: bool,
    /// By the monotonic clock.
    pub(super) grown_at: Duration,
    /// The looks at which it was found, and at which it was last seen to be read to its end.
    pub(super) found_at_look: u64,
    pub(super) caught_up_at_look: u64,
}

/// What a file held that holds something else now, or is lost.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) content: Content,
    pub(super) identity: Identity,
    pub(super) path: PathBuf,
    pub(super) seen: u64,
}

impl Content {
    pub(super) fn new(id: u64, head: Print, settled: Place) -> Self {
        Self { id, head, settled, sent: VecDeque::new() }
    }

    /// A piece was handed over, or is left out.
    pub(super) fn push(&mut self, origin: Origin, pending: Option<Pending>) {
        if pending.is_none() && self.sent.is_empty() {
            self.settled = origin.end;
            return;
        }
        // What is left out in one go is one entry.
        if pending.is_none()
            && let Some(last) = self.sent.back_mut().filter(|last| last.pending.is_none())
        {
            last.end = origin.end;
            return;
        }
        self.sent.push_back(Sent { start: origin.start, end: origin.end, pending });
    }

    /// Whether so much of it was put, and is known, that a copy can be told from a file that only begins alike.
    pub(super) fn has_recognizable_copies(&self) -> bool {
        is_recognizable(self.head, self.settled)
    }
}

/// See [`Content::has_recognizable_copies`].
pub(super) fn is_recognizable(head: Print, place: Place) -> bool {
    u64::from(head.bytes) == HEAD_BYTES && place.offset >= HEAD_BYTES
}

impl Followed {
    /// A file that is read from `at` on, where everything before is settled.
    pub(super) fn new(path: &Path, family: PathBuf, state: FileState, content: Content, look: u64) -> Self {
        Self {
            at: content.settled,
            content,
            identity: state.identity,
            first_path: path.to_owned(),
            path: path.to_owned(),
            family,
            file: None,
            size: state.size,
            modified: state.modified,
            links: state.links,
            is_missing: false,
            seen: 0,
            read_through: None,
            is_broken: false,
            is_unfinished: false,
            is_quiet_in_vain: false,
            grown_at: Duration::ZERO,
            found_at_look: look,
            caught_up_at_look: 0,
        }
    }

    /// It was looked at.
    pub(super) fn saw(&mut self, state: FileState, now: Duration) {
        if state.size != self.size {
            self.grown_at = now;
            self.is_quiet_in_vain = false;
        }
        self.size = state.size;
        self.modified = state.modified;
        self.links = state.links;
    }

    /// Whether there was nothing more in it when it was last looked at.
    pub(super) fn is_read_through(&self) -> bool {
        self.read_through == Some((self.size, self.modified))
    }

    /// Whether there is, or will be, something to read in it as it is.
    pub(super) fn is_wanted(&self) -> bool {
        !self.is_read_through() || (self.is_unfinished && self.is_rotated())
    }

    pub(super) fn is_rotated(&self) -> bool {
        self.is_missing || self.links == 0 || self.path != self.first_path
    }

    /// Bytes that are not read.
    pub(super) fn behind(&self) -> u64 {
        self.size.saturating_sub(self.at.offset)
    }

    pub(super) fn entry(&self) -> Entry {
        Entry {
            path: self.first_path.to_string_lossy().into_owned(),
            identity: self.identity,
            head: self.content.head,
            place: self.content.settled,
            seen: self.seen,
            is_gone: false,
        }
    }
}

impl Gone {
    pub(super) fn entry(&self) -> Entry {
        Entry {
            path: self.path.to_string_lossy().into_owned(),
            identity: self.identity,
            head: self.content.head,
            place: self.content.settled,
            seen: self.seen,
            is_gone: true,
        }
    }
}
