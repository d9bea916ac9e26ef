//! What became of records that were handed over.
//!
//! A place moves on only behind records that were acknowledged, without gaps. A record that the stream refuses for what it
//! is like is left out, and said so. Any other failure is not the record's: its file is read again from the last place that
//! is settled, after a while, so that records need not be kept for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use millstream_client::Error;
use millstream_producer_sdk::{Pending, PutError};

use super::content::Content;
use super::{Flow, HOLD, Origin};

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It would be refused always.
    Record,
    /// Later it may be taken.
    Service,
    /// The end was asked for.
    Nobody,
}

/// What a look at a content's records gave.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: u64,
    /// Where records began that are left out, and why.
    refused: Vec<(u64, PutError)>,
    failure: Option<PutError>,
}

impl Flow {
    /// A record was handed over, or is left out.
    pub(super) fn handed_over(&mut self, origin: Origin, pending: Option<Pending>) {
        self.is_changed = true;
        if let Some(content) = self.content(origin.content) {
            content.push(origin, pending);
        }
    }

    /// Whether what comes from there is still to be put.
    pub(super) fn is_wanted(&self, origin: &Origin) -> bool {
        let followed = self.followed.iter().find(|followed| followed.content.id == origin.content);
        match followed {
            Some(followed) => origin.end.offset <= followed.at.offset,
            None => self.gone.iter().any(|gone| gone.content.id == origin.content),
        }
    }

    fn content(&mut self, id: u64) -> Option<&mut Content> {
        let followed = self.followed.iter_mut().map(|followed| &mut followed.content);
        let gone = self.gone.iter_mut().map(|gone| &mut gone.content);
        followed.chain(gone).find(|content| content.id == id)
    }

    /// Notes what has become of records so far.
    pub(super) fn settle_now(&mut self) {
        let _ = self.poll_settled(&mut Context::from_waker(Waker::noop()));
    }

    /// Resolves once something has become of a record.
    pub(super) async fn settled(&mut self) {
        poll_fn(|context| self.poll_settled(context)).await;
    }

    fn poll_settled(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let followed = self.followed.iter_mut().map(|followed| &mut followed.content);
        let gone = self.gone.iter_mut().map(|gone| &mut gone.content);
        let mut seen = Vec::new();
        for content in followed.chain(gone).filter(|content| !content.sent.is_empty()) {
            let of_content = look(content, context);
            if of_content.acknowledged > 0 || !of_content.refused.is_empty() || of_content.failure.is_some() {
                seen.push((content.id, of_content));
            }
        }
        if seen.is_empty() {
            return Poll::Pending;
        }
        self.is_changed = true;
        for (id, Seen { acknowledged, refused, failure }) in seen {
            self.with.figures.sent.add(acknowledged);
            if acknowledged > 0 {
                self.failures = 0;
            }
            for (offset, error) in refused {
                self.with.figures.refused.add(1);
                let path = self.path_of(id);
                tracing::error!(flow = self.settings.name, path, offset, %error, "the stream refuses a record, which is left out");
            }
            if let Some(error) = failure {
                self.put_again(id, &error);
            }
        }
        Poll::Ready(())
    }

    /// Goes back to the last place that is settled.
    fn put_again(&mut self, id: u64, error: &PutError) {
        let name = self.settings.name.clone();
        let path = self.path_of(id);
        let now = self.with.clock.monotonic();
        let wait = HOLD.cap.min(HOLD.base / 2 + HOLD.delay(self.failures, self.with.entropy.next_u64()));
        self.held_until = self.held_until.max(now + wait);
        self.failures = self.failures.saturating_add(1);
        self.outbox.retain(|outgoing| outgoing.origin.content != id);
        self.waiting.take_if(|(origin, _)| origin.content == id);
        if let Some(followed) = self.followed.iter_mut().find(|followed| followed.content.id == id) {
            let again = followed.content.sent.len() as u64;
            followed.content.sent.clear();
            followed.at = followed.content.settled;
            followed.read_through = None;
            followed.is_unfinished = false;
            self.with.figures.rewound.add(again);
            let offset = followed.at.offset;
            tracing::error!(flow = name, path, offset, %error, ?wait, "records were not taken; the file is put again from there");
        } else if let Some(gone) = self.gone.iter_mut().find(|gone| gone.content.id == id) {
            let records = gone.content.sent.len();
            let offset = gone.content.settled.offset;
            gone.content.sent.clear();
            tracing::error!(flow = name, path, offset, records, %error, "records were not taken, and the file that they are from was truncated: they are lost unless there is a copy");
        }
    }
}

/// Takes off what has become of the first records of a content.
fn look(content: &mut Content, context: &mut Context<'_>) -> Seen {
    let mut seen = Seen::default();
    while let Some(first) = content.sent.front_mut() {
        match first.pending.as_mut().map(|pending| Pin::new(pending).poll(context)) {
            None => {}
            Some(Poll::Pending) => break,
            Some(Poll::Ready(Ok(_))) => seen.acknowledged += 1,
            Some(Poll::Ready(Err(error))) => match fault(&error) {
                Fault::Record => seen.refused.push((first.start, error)),
                Fault::Service => {
                    seen.failure = Some(error);
                    break;
                }
                Fault::Nobody => {
                    // Nothing behind it will be acknowledged either, and the next start puts it again.
                    content.sent.clear();
                    break;
                }
            },
        }
        content.settled = first.end;
        content.sent.pop_front();
    }
    seen
}

fn fault(error: &PutError) -> Fault {
    match error {
        PutError::Invalid(_) | PutError::TooLarge { .. } | PutError::Unsealed(_) => Fault::Record,
        PutError::Closed | PutError::Abandoned(_) => Fault::Nobody,
        PutError::Expired(_) => Fault::Service,
        // The producer has put it alone by then, so it is this one that is meant.
        PutError::Rejected {
            error: Error::Validation(_) | Error::InvalidArgument(_) | Error::Unsendable(_),
            ..
        } => Fault::Record,
        PutError::Rejected { .. } => Fault::Service,
    }
}
