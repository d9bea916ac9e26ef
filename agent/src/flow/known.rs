//! What a flow knows of files from before: recognizing them, and handing over what is to be known next time.
//!
//! A file goes on where it was if it is the same one and holds the same up to there. A file that is not known goes on where
//! another ended whose content is lost, if it holds all of that: so a copy that was made before a file was truncated is read
//! on, with what nobody had read yet, and not put again. In doubt a file is new, and what it holds is put once more.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Flow;
use super::content::{Content, Gone, is_recognizable};
use crate::checkpoint::{Entry, Place, Print};
use crate::files::{Found, Identity, OpenFile};

/// Contents that are lost and may have copies.
const GONE_MAX: usize = 64;
const GONE_SECONDS: u64 = 3600;
const SEEN_STEP_SECONDS: u64 = 600;
/// Files that are not there.
const RESTING_MAX: usize = 10_000;
/// For so long after it last grew a file may be a copy that is being made.
const COPY_WAIT: Duration = Duration::from_secs(3);

/// Where a file that was found begins.
pub(super) enum Beginning {
    /// Somewhere that is known.
    At {
        head: Print,
        place: Place,
        /// What it was called at first.
        first_path: PathBuf,
    },
    New,
    /// It may turn out to be a copy.
    Unclear,
}

impl Flow {
    /// Takes over what the checkpoint says.
    pub(super) fn remember(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            if entry.is_gone {
                self.forsake(entry);
            } else {
                self.resting.push(entry);
            }
        }
    }

    /// What an entry is about does not exist any more.
    fn forsake(&mut self, entry: Entry) {
        let content = Content::new(self.take_id(), entry.head, entry.place);
        let Entry { identity, seen, path, .. } = entry;
        self.gone.push(Gone { content, identity, path: path.into(), seen });
    }

    /// Finds out where a file begins that is not followed yet. `present` are all that are there.
    pub(super) async fn beginning(&mut self, found: &Found, present: &[Identity]) -> Beginning {
        let file = {
            let path = found.path.clone();
            match self.io(move |files| files.open(&path)).await.and_then(|opened| opened) {
                Ok(file) => file,
                Err(error) => {
                    self.complain(format!("{}: {error}", found.path.display()));
                    return Beginning::Unclear;
                }
            }
        };
        let state = self
            .io({
                let file = file.clone();
                move |_| file.state()
            })
            .await
            .and_then(|state| state);
        // Rotated between the two calls: the next look finds both.
        if !state.is_ok_and(|state| state.identity == found.state.identity) {
            return Beginning::Unclear;
        }
        let same = |entry: &Entry| entry.identity == found.state.identity;
        while let Some(index) = self.resting.iter().position(same) {
            let entry = self.resting.swap_remove(index);
            if self.holds(&file, entry.head, entry.place).await {
                return Beginning::At { head: entry.head, place: entry.place, first_path: entry.path.into() };
            }
            tracing::info!(flow = self.settings.name, path = %found.path.display(), "the file holds something else than before, and is read from its start");
            self.forsake(entry);
        }
        if let Some((head, place, first_path)) = self.copied(&file, present).await {
            tracing::info!(flow = self.settings.name, path = %found.path.display(), offset = place.offset, "the file is a copy of one that was truncated, and is read on");
            self.copies.remove(&found.state.identity);
            return Beginning::At { head, place, first_path };
        }
        if self.may_become_copy(&file, found).await { Beginning::Unclear } else { Beginning::New }
    }

    /// Whether a file holds what was read up to a place.
    async fn holds(&self, file: &Arc<dyn OpenFile>, head: Print, place: Place) -> bool {
        let file = file.clone();
        let from = place.offset - u64::from(place.anchor.bytes);
        let read = self.io(move |_| {
            let is_same = |from, print: Print| {
                file.read_at(from, print.len()).is_ok_and(|bytes| Print::of(&bytes) == print)
            };
            file.state().is_ok_and(|state| state.size >= place.offset)
                && is_same(0, head)
                && is_same(from, place.anchor)
        });
        read.await.unwrap_or(false)
    }

    /// Of which lost content a file is a copy, and how far that was put.
    async fn copied(
        &mut self,
        file: &Arc<dyn OpenFile>,
        present: &[Identity],
    ) -> Option<(Print, Place, PathBuf)> {
        for index in 0..self.gone.len() {
            let content = &self.gone[index].content;
            let (head, place) = (content.head, content.settled);
            if content.has_recognizable_copies() && self.holds(file, head, place).await {
                return Some((head, place, self.gone.remove(index).path));
            }
        }
        for index in 0..self.resting.len() {
            let entry = &self.resting[index];
            let (head, place) = (entry.head, entry.place);
            let is_lost = !present.contains(&entry.identity);
            if is_lost && is_recognizable(head, place) && self.holds(file, head, place).await {
                return Some((head, place, self.resting.remove(index).path.into()));
            }
        }
        None
    }

    /// Whether a file begins like one that is followed, and grows: then that one may be truncated any moment.
    async fn may_become_copy(&mut self, file: &Arc<dyn OpenFile>, found: &Found) -> bool {
        let now = self.with.clock.monotonic();
        let size = found.state.size;
        let known = self.copies.entry(found.state.identity).or_insert((size, now));
        if known.0 != size {
            *known = (size, now);
        }
        let is_over = now.saturating_sub(known.1) >= COPY_WAIT;
        let heads: Vec<Print> = self
            .followed
            .iter()
            .filter(|of| of.content.has_recognizable_copies())
            .map(|of| of.content.head)
            .collect();
        let gone =
            self.gone.iter().filter(|of| of.content.has_recognizable_copies()).map(|of| of.content.head);
        let heads: Vec<Print> = heads.into_iter().chain(gone).collect();
        let mut is_alike = false;
        if !is_over && !heads.is_empty() && size > 0 {
            let file = file.clone();
            let head = self
                .io(move |_| file.read_at(0, heads[0].len()).map(|bytes| heads.contains(&Print::of(&bytes))));
            is_alike = head.await.and_then(|alike| alike).unwrap_or(false);
        }
        if !is_alike {
            self.copies.remove(&found.state.identity);
        }
        is_alike
    }

    /// Now, in seconds since the Unix epoch; in steps, so that a checkpoint does not change because time passes.
    pub(super) fn seen_now(&self) -> u64 {
        let now = self.with.clock.now().as_secs();
        now - now % SEEN_STEP_SECONDS
    }

    /// Forgets what cannot matter any more.
    pub(super) fn forget(&mut self) {
        let now = self.with.clock.now().as_secs();
        let retention = self.with.retention.as_secs();
        self.gone.retain(|gone| {
            let is_waited_for = !gone.content.sent.is_empty();
            let may_have_copies = gone.content.has_recognizable_copies() && gone.seen + GONE_SECONDS > now;
            is_waited_for || may_have_copies
        });
        while self.gone.len() > GONE_MAX && self.gone[0].content.sent.is_empty() {
            self.gone.remove(0);
        }
        self.resting.retain(|entry| entry.seen.saturating_add(retention) > now);
        if self.resting.len() > RESTING_MAX {
            self.resting.sort_by_key(|entry| std::cmp::Reverse(entry.seen));
            self.resting.truncate(RESTING_MAX);
        }
    }

    /// Hands over how far everything was put, if that has changed.
    pub(super) fn publish(&mut self) {
        if !std::mem::take(&mut self.is_changed) {
            return;
        }
        let followed = self.followed.iter().map(super::content::Followed::entry);
        let entries = followed.chain(self.gone.iter().map(Gone::entry)).chain(self.resting.iter().cloned());
        self.with.ledger.note(&self.settings.name, entries.collect());
    }
}

/// The name that a file shares with those which it was rotated from or will be rotated to: the shortest one beside it that
/// its own begins with.
pub(super) fn family<'a>(path: &Path, beside: impl Iterator<Item = &'a Path>) -> PathBuf {
    let name = path.as_os_str().as_encoded_bytes();
    let is_root = |other: &&Path| {
        let root = other.as_os_str().as_encoded_bytes();
        let next = name.strip_prefix(root).and_then(|rest| rest.first());
        other.parent() == path.parent() && next.is_some_and(|next| !next.is_ascii_alphanumeric())
    };
    beside.filter(is_root).min_by_key(|root| root.as_os_str().len()).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_belong_to_the_one_that_they_come_from() {
        let paths = ["/a/app.log", "/a/app.log.1", "/a/app.log-2026", "/a/apple.log", "/a/app", "/b/app.log"]
            .map(Path::new);
        let of = |path: &str, among: &[&Path]| {
            family(Path::new(path), among.iter().copied()).display().to_string()
        };
        assert_eq!(of("/a/app.log.1", &paths[..4]), "/a/app.log");
        assert_eq!(of("/a/app.log-2026", &paths[..4]), "/a/app.log");
        assert_eq!(of("/a/app.log", &paths[..4]), "/a/app.log");
        assert_eq!(of("/a/apple.log", &paths), "/a/apple.log");
        assert_eq!(of("/b/app.log", &paths), "/b/app.log");
        assert_eq!(of("/a/app.log.1", &paths), "/a/app", "a longer chain has one root");
    }
}
