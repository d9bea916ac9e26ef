//! Records into the producer: made of what was read, within what the stream takes.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use millstream_producer_sdk::{PutError, Record, TryPutError};
use millstream_runtime::TaskSet;

use super::{Flow, Origin, Outgoing, Payload};
use crate::conversion::convert;
use crate::settings::{OnTooLarge, OnUnconvertible};

/// After so long without room, what the producer holds back for company is sent.
const HURRY_AFTER: Duration = Duration::from_millis(200);
/// Records handed over before others get their turn.
const RECORDS_AT_ONCE: usize = 500;

impl Flow {
    /// Hands over what there is room for, and waits where there is none.
    pub(super) async fn put(&mut self, tasks: &TaskSet) {
        let Some(producer) = self.producer.clone() else { return };
        for _ in 0..RECORDS_AT_ONCE {
            let next = match self.waiting.take() {
                Some(waiting) => Some(waiting),
                None => match self.outbox.pop_front() {
                    Some(outgoing) => self.made(outgoing),
                    None => return,
                },
            };
            let Some((origin, record)) = next else { continue };
            match producer.try_put(record) {
                Ok(pending) => {
                    self.waiting_since = None;
                    self.handed_over(origin, Some(pending));
                }
                Err(TryPutError::Refused(error)) => self.not_taken(origin, &error),
                Err(TryPutError::Full(record)) => {
                    self.waiting = Some((origin, *record));
                    self.waiting_since.get_or_insert(self.with.clock.monotonic());
                    self.wait_for_room(tasks).await;
                    return;
                }
            }
        }
        tokio::task::yield_now().await;
    }

    /// Until there is room, something was acknowledged, or something else is to be done.
    async fn wait_for_room(&mut self, tasks: &TaskSet) {
        let (Some(producer), Some((origin, record))) = (self.producer.clone(), self.waiting.take()) else {
            return;
        };
        let clock = self.with.clock.clone();
        let hurry_at = self.waiting_since.unwrap_or_else(|| clock.monotonic()) + HURRY_AFTER;
        let wake = self.next_scan.min(self.next_poll).min(hurry_at);
        let (mut taken, mut has_hurried) = (None, false);
        tokio::select! {
            biased;
            () = tasks.stopping() => {}
            sent = producer.send(record.clone()) => taken = Some(sent),
            () = self.settled() => {}
            () = clock.sleep_until(wake) => {
                if clock.monotonic() >= hurry_at {
                    // What it begins is enough.
                    let _ = producer.flush().now_or_never();
                    has_hurried = true;
                }
            }
        }
        if has_hurried || taken.is_some() {
            self.waiting_since = None;
        }
        match taken {
            Some(Ok(pending)) => self.handed_over(origin, Some(pending)),
            Some(Err(error)) => self.not_taken(origin, &error),
            // Its file may have been put back meanwhile, and then it comes again.
            None if self.is_wanted(&origin) => self.waiting = Some((origin, record)),
            None => {}
        }
    }

    /// The producer will never take it.
    fn not_taken(&mut self, origin: Origin, error: &PutError) {
        // The end was asked for.
        if matches!(error, PutError::Closed) {
            return;
        }
        self.with.figures.refused.add(1);
        let path = self.path_of(origin.content);
        tracing::error!(flow = self.settings.name, path, offset = origin.start, %error, "a record is left out");
        self.handed_over(origin, None);
    }

    /// The record that is made of a piece; `None` of what is left out, which is noted then.
    fn made(&mut self, Outgoing { origin, payload }: Outgoing) -> Option<(Origin, Record)> {
        let (raw, is_cut) = match payload {
            Payload::Record(raw) => (raw, false),
            Payload::Beginning(raw) => (raw, true),
            Payload::LeftOut => {
                self.handed_over(origin, None);
                return None;
            }
        };
        let record = self.record(&origin, &raw, is_cut);
        if record.is_none() {
            self.handed_over(origin, None);
        }
        record.map(|record| (origin, record))
    }

    fn record(&self, origin: &Origin, raw: &Bytes, is_cut: bool) -> Option<Record> {
        let body = raw.len() - line_end(raw);
        let mut data = if self.settings.conversions.is_empty() {
            if self.settings.keep_newline { raw.clone() } else { raw.slice(..body) }
        } else {
            self.converted(origin, raw, body)?
        };
        let path = || self.path_of(origin.content);
        let key = self.settings.partition_key.of(raw, &data, path, self.with.entropy.as_ref());
        let room = self.settings.record_bytes_max - key.len();
        if is_cut || data.len() > room {
            data = self.within(origin, &data, room)?;
        }
        Some(Record::new(key, data))
    }

    fn converted(&self, origin: &Origin, raw: &Bytes, body: usize) -> Option<Bytes> {
        match convert(&self.settings.conversions, &raw[..body]) {
            Ok(mut converted) => {
                if self.settings.keep_newline {
                    converted.push(b'\n');
                }
                Some(converted.into())
            }
            Err(reason) => {
                self.with.figures.unconverted.add(1);
                let (path, is_sent) =
                    (self.path_of(origin.content), self.settings.on_unconvertible == OnUnconvertible::Send);
                tracing::warn!(flow = self.settings.name, path, offset = origin.start, %reason, is_sent, "a record does not have the form asked for");
                let as_it_is = if self.settings.keep_newline { raw.clone() } else { raw.slice(..body) };
                is_sent.then_some(as_it_is)
            }
        }
    }

    /// A record that is too large, as far as there is room for it; `None` if it is left out.
    fn within(&self, origin: &Origin, data: &[u8], room: usize) -> Option<Bytes> {
        let path = self.path_of(origin.content);
        let (name, offset) = (&self.settings.name, origin.start);
        match &self.settings.on_too_large {
            OnTooLarge::Truncate { terminator } => {
                self.with.figures.cut.add(1);
                tracing::warn!(flow = name, path, offset, "a record is too large, and is cut");
                let kept = whole_characters(data, room.saturating_sub(terminator.len()));
                Some([kept, terminator].concat().into())
            }
            OnTooLarge::Skip => {
                self.with.figures.too_large.add(1);
                tracing::error!(flow = name, path, offset, "a record is too large, and is left out");
                None
            }
        }
    }

    pub(super) fn path_of(&self, content: u64) -> String {
        let followed = self.followed.iter().find(|followed| followed.content.id == content);
        let gone = || self.gone.iter().find(|gone| gone.content.id == content).map(|gone| &gone.path);
        let path = followed.map(|followed| &followed.path).or_else(gone);
        path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Bytes of the line end that a record ends with.
fn line_end(record: &[u8]) -> usize {
    match record {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

/// At most so many bytes, and no part of a character of UTF-8 at their end.
fn whole_characters(data: &[u8], bytes_max: usize) -> &[u8] {
    if data.len() <= bytes_max {
        return data;
    }
    let is_within = |at: usize| data[at] & 0b1100_0000 == 0b1000_0000;
    let start = (bytes_max.saturating_sub(3)..=bytes_max).rev().find(|at| !is_within(*at));
    &data[..start.unwrap_or(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_stay_whole() {
        assert_eq!(whole_characters("añb".as_bytes(), 2), b"a");
        assert_eq!(whole_characters("añb".as_bytes(), 3), "añ".as_bytes());
        assert_eq!(whole_characters("añb".as_bytes(), 9), "añb".as_bytes());
        assert_eq!(whole_characters("😀😀".as_bytes(), 7), "😀".as_bytes());
        assert_eq!(whole_characters(&[0x80; 9], 5).len(), 5, "it is no UTF-8 anyway");
    }

    #[test]
    fn line_ends_are_counted() {
        assert_eq!(
            [line_end(b"a\r\n"), line_end(b"a\n"), line_end(b"\n"), line_end(b"a\r"), line_end(b"")],
            [2, 1, 1, 0, 0]
        );
    }
}
