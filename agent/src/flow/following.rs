//! Which files there are, which are open, and what became of them.
//!
//! A file stays open as long as there is room, so that it can be read to its end whatever it is called by then. Files of one
//! family are begun in the order of their age: a new one once the older ones were read to their ends since it came.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Flow;
use super::content::{Content, Followed, Gone};
use super::known::{Beginning, family};
use crate::checkpoint::{ANCHOR_BYTES, HEAD_BYTES, Place, Print};
use crate::files::{Files, Found, Identity, Listing};
use crate::settings::InitialPosition;
use crate::splitting::End;

/// For a line end that is looked for backwards.
const LAST_LINE_BYTES: u64 = 1024 * 1024;

impl Flow {
    /// Looks for files.
    pub(super) async fn scan(&mut self) {
        let patterns = self.settings.files.clone();
        let Ok(listing) = self.io(move |files| files.matching(&patterns)).await else { return };
        let Listing { found, problems } = listing;
        for problem in problems {
            self.complain(problem);
        }
        self.recognize(&found);
        self.discover(&found).await;
        self.open_files().await;
        self.forget();
        self.is_changed = true;
        if self.is_first_run {
            // What is appended from here on is new, also for a start that comes after a crash before the first record.
            self.is_first_run = false;
            self.publish();
            if let Err(error) = self.with.ledger.save().await {
                tracing::error!(flow = self.settings.name, %error, "the checkpoint cannot be written");
            }
        }
        let behind = self.followed.iter().map(Followed::behind).sum();
        self.with.figures.behind_bytes.set(behind);
        self.with.figures.files.set(self.followed.len() as u64);
    }

    /// Notes where the files are now that are followed already.
    fn recognize(&mut self, found: &[Found]) {
        let (now, seen) = (self.with.clock.monotonic(), self.seen_now());
        let by_identity: HashMap<Identity, &Found> =
            found.iter().map(|found| (found.state.identity, found)).collect();
        let mut truncated = Vec::new();
        for (index, followed) in self.followed.iter_mut().enumerate() {
            let found = by_identity.get(&followed.identity);
            followed.is_missing = found.is_none();
            let Some(found) = found else { continue };
            followed.seen = seen;
            followed.path.clone_from(&found.path);
            // What is open is looked at more closely.
            if followed.file.is_none() {
                let behind = followed.behind();
                followed.saw(found.state, now);
                if followed.size < followed.at.offset {
                    truncated.push((index, behind));
                }
            }
        }
        for (index, behind) in truncated {
            self.rewritten(index, behind);
        }
        // One that was not open when it went cannot be read any more, and may come back.
        let lost: Vec<usize> = (0..self.followed.len())
            .filter(|index| {
                let followed = &self.followed[*index];
                let is_settled = followed.at.offset == followed.content.settled.offset;
                followed.is_missing && followed.file.is_none() && is_settled
            })
            .collect();
        for index in lost.into_iter().rev() {
            let followed = self.followed.remove(index);
            if followed.links > 0 {
                self.resting.push(followed.entry());
            }
        }
    }

    /// Begins to follow what is new, older files first.
    async fn discover(&mut self, found: &[Found]) {
        let is_followed =
            |found: &&Found| self.followed.iter().any(|followed| followed.identity == found.state.identity);
        let mut new: Vec<(PathBuf, Found)> = found
            .iter()
            .filter(|found| !is_followed(found))
            .map(|new| {
                let listed = found.iter().map(|found| found.path.as_path());
                let known = self.followed.iter().map(|followed| followed.first_path.as_path());
                (family(&new.path, listed.chain(known)), new.clone())
            })
            .collect();
        new.sort_by_key(|(family, found)| (found.state.modified, found.path == *family, found.path.clone()));
        let present: Vec<Identity> = found.iter().map(|found| found.state.identity).collect();
        self.copies.retain(|identity, _| present.contains(identity));
        for (family, found) in new {
            let (head, place, first_path) = match self.beginning(&found, &present).await {
                Beginning::Unclear => continue,
                Beginning::At { head, place, first_path } => (head, place, first_path),
                Beginning::New => {
                    let (head, place) = self.initial(&found).await;
                    (head, place, found.path.clone())
                }
            };
            let content = Content::new(self.take_id(), head, place);
            let mut followed = Followed::new(&found.path, family, found.state, content, self.looks);
            followed.grown_at = self.with.clock.monotonic();
            followed.seen = self.seen_now();
            followed.first_path = first_path;
            tracing::info!(flow = self.settings.name, path = %found.path.display(), offset = place.offset, "following");
            self.followed.push(followed);
        }
    }

    /// Where a file begins that nothing is known of.
    async fn initial(&self, found: &Found) -> (Print, Place) {
        let start = Place::start(self.settings.skip_header_lines);
        if !self.is_first_run || self.settings.initial_position == InitialPosition::Start {
            return (Print::default(), start);
        }
        let (path, size) = (found.path.clone(), found.state.size);
        let end = self.io(move |files| end_of_lines(files, &path, size)).await;
        end.and_then(|end| end).unwrap_or((Print::default(), start))
    }

    /// Opens what is not open, as far as there is room.
    async fn open_files(&mut self) {
        let mut open = self.followed.iter().filter(|followed| followed.file.is_some()).count();
        let mut wanted: Vec<usize> = (0..self.followed.len())
            .filter(|index| self.followed[*index].file.is_none() && !self.followed[*index].is_missing)
            .collect();
        // Those with something to read go first.
        wanted.sort_by_key(|index| (!self.followed[*index].is_wanted(), self.followed[*index].content.id));
        for index in wanted {
            if open >= self.settings.open_files_max {
                let is_needed = self.followed[index].is_wanted();
                if !is_needed || !self.close_one(self.followed[index].content.id) {
                    break;
                }
                open -= 1;
            }
            let path = self.followed[index].path.clone();
            let identity = self.followed[index].identity;
            let opened = self.io(move |files| {
                let file = files.open(&path)?;
                Ok((file.state()?.identity == identity).then_some(file))
            });
            match opened.await.and_then(|opened| opened) {
                Ok(Some(file)) => {
                    self.followed[index].file = Some(file);
                    self.followed[index].is_broken = false;
                    open += 1;
                }
                // Rotated between the two calls: the next look tells.
                Ok(None) => {}
                Err(error) => {
                    self.followed[index].is_broken = true;
                    self.complain(format!("{}: {error}", self.followed[index].path.display()));
                }
            }
        }
    }

    /// Closes a file that can be found again, so that one with this content can be opened: the one that has not grown for
    /// longest, of those that are read to their ends; else one that is newer, and may even wait for the other.
    fn close_one(&mut self, for_content: u64) -> bool {
        let is_idle = |followed: &&mut Followed| {
            followed.file.is_some() && !followed.is_missing && !followed.is_wanted()
        };
        let idle = self.followed.iter_mut().filter(is_idle).min_by_key(|followed| followed.grown_at);
        if let Some(idle) = idle {
            idle.file = None;
            return true;
        }
        let is_newer = |followed: &&mut Followed| {
            followed.file.is_some() && followed.content.id > for_content && !followed.is_missing
        };
        let newest = self.followed.iter_mut().filter(is_newer).max_by_key(|followed| followed.content.id);
        newest.map(|followed| followed.file = None).is_some()
    }

    /// Looks at the files that are open.
    pub(super) async fn poll(&mut self) {
        self.looks += 1;
        let (indexes, files): (Vec<_>, Vec<_>) = self
            .followed
            .iter()
            .enumerate()
            .filter_map(|(index, followed)| Some((index, followed.file.clone()?)))
            .unzip();
        let states = self.io(move |_| files.iter().map(|file| file.state()).collect::<Vec<_>>()).await;
        let Ok(states) = states else { return };
        let now = self.with.clock.monotonic();
        for (index, state) in indexes.into_iter().zip(states) {
            let followed = &mut self.followed[index];
            match state {
                Ok(state) => {
                    let behind = followed.behind();
                    followed.saw(state, now);
                    if followed.is_read_through() {
                        followed.caught_up_at_look = self.looks;
                    }
                    if followed.size < followed.at.offset {
                        self.rewritten(index, behind);
                    }
                }
                Err(error) => {
                    followed.file = None;
                    followed.is_broken = true;
                    let path = followed.path.display().to_string();
                    self.complain(format!("{path}: {error}"));
                }
            }
        }
        self.release(now);
    }

    /// Lets go of files that were rotated away or removed, and were read to their ends a while ago.
    fn release(&mut self, now: Duration) {
        let wait = self.settings.rotated_wait;
        for followed in &mut self.followed {
            let is_away = followed.is_missing || followed.links == 0;
            // Until all of it is acknowledged it may have to be read again.
            let is_settled = followed.at.offset == followed.content.settled.offset;
            let is_over = followed.is_read_through() && !followed.is_unfinished && is_settled;
            if followed.file.is_some() && is_away && is_over && now.saturating_sub(followed.grown_at) >= wait
            {
                tracing::info!(flow = self.settings.name, path = %followed.path.display(), offset = followed.at.offset, "the file is gone, and was read to its end");
                followed.is_missing = true;
                followed.file = None;
            }
        }
    }

    /// A file holds something else than what was read; so many bytes had been seen in it, and not been read.
    pub(super) fn rewritten(&mut self, index: usize, behind: u64) {
        let (id, looks) = (self.take_id(), self.looks);
        let start = Place::start(self.settings.skip_header_lines);
        let followed = &mut self.followed[index];
        let path = followed.path.clone();
        tracing::info!(flow = self.settings.name, path = %path.display(), offset = followed.at.offset, size = followed.size, "the file was truncated, and is read from its start");
        if behind > 0 {
            self.with.figures.lost_bytes.add(behind);
            tracing::warn!(flow = self.settings.name, path = %path.display(), bytes = behind, "the file was truncated before these were read: they are lost unless there is a copy");
        }
        let content = std::mem::replace(&mut followed.content, Content::new(id, Print::default(), start));
        followed.at = start;
        followed.read_through = None;
        followed.is_unfinished = false;
        followed.is_quiet_in_vain = false;
        followed.found_at_look = looks;
        followed.caught_up_at_look = 0;
        let identity = followed.identity;
        let seen = self.seen_now();
        self.gone.push(Gone { content, identity, path, seen });
        self.is_changed = true;
    }

    /// The next file that has something to read, in turn, and what is known about its end.
    pub(super) fn next_readable(&mut self, now: Duration) -> Option<(usize, End)> {
        let count = self.followed.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            if let Some(end) = self.readable(&self.followed[index], now)
                && !self.waits(&self.followed[index])
            {
                self.turn = index + 1;
                return Some((index, end));
            }
        }
        None
    }

    fn readable(&self, followed: &Followed, now: Duration) -> Option<End> {
        followed.file.as_ref()?;
        if !followed.is_read_through() {
            return Some(End::Open);
        }
        let quiet = now.saturating_sub(followed.grown_at);
        if !followed.is_unfinished {
            None
        } else if followed.is_rotated() && quiet >= self.settings.rotated_wait {
            Some(End::Final)
        } else if self.settings.multi_line_start.is_some()
            && !followed.is_quiet_in_vain
            && quiet >= self.settings.multi_line_wait
        {
            Some(End::Quiet)
        } else {
            None
        }
    }

    /// Whether older files of its family have to be read first.
    fn waits(&self, followed: &Followed) -> bool {
        self.followed.iter().any(|other| {
            let can_be_opened = !other.is_missing && !other.is_broken && other.behind() > 0;
            let can_be_read = other.file.is_some() || can_be_opened;
            other.content.id < followed.content.id
                && other.caught_up_at_look <= followed.found_at_look
                && can_be_read
                && other.family == followed.family
        })
    }
}

/// The end of the last line that has ended.
fn end_of_lines(files: &dyn Files, path: &Path, size: u64) -> std::io::Result<(Print, Place)> {
    let file = files.open(path)?;
    let head = file.read_at(0, usize::try_from(HEAD_BYTES.min(size)).unwrap_or(0))?;
    let from = size.saturating_sub(LAST_LINE_BYTES);
    let last = file.read_at(from, usize::try_from(size - from).unwrap_or(0))?;
    let ended = memchr::memrchr(b'\n', &last).map_or(last.len(), |at| at + 1);
    // Of a small file without any line end, all is still to come.
    let ended = if from == 0 && !last.contains(&b'\n') { 0 } else { ended };
    let anchor = Print::of(&last[ended.saturating_sub(ANCHOR_BYTES)..ended]);
    let offset = from + ended as u64;
    let head = &head[..head.len().min(usize::try_from(offset).unwrap_or(usize::MAX))];
    Ok((Print::of(head), Place { offset, anchor, ..Place::default() }))
}
