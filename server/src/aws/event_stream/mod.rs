//! Answers that are streams of events, `application/vnd.amazon.eventstream`.
//!
//! A stream begins with a frame that says only that it has begun, without which boto3 gives up; then come frames of
//! events; and it ends with its body, after an exception if there is something to tell. [`frame`] is the form of a
//! frame. What the events are is the business of the service whose operation answers so.

pub(crate) mod frame;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use millstream_runtime::SharedClock;
use millstream_runtime::clock::Sleep;

use super::codec::{ApiError, Format, ProtocolError};
use crate::faults::Cut;
use crate::http::body::BrokenOff;
use frame::Frame;

/// Between the last piece before a cut and the break itself. The transport throws away what it has not sent when a
/// reply breaks off, and sends what it has once there is nothing more to take; a reader who reads has it by then.
const BEFORE_BREAK: Duration = Duration::from_millis(100);

/// Frames as they become due. The next one is asked for when there is room to send it.
pub struct EventStream {
    frames: Pin<Box<dyn Stream<Item = Frame> + Send>>,
    /// What of the frame taken last is still to be sent.
    pieces: VecDeque<Bytes>,
    /// Of what the events hold.
    content_type: &'static str,
    cut: Option<PlannedCut>,
    /// Frames and bytes given out, without the frame that begins the stream.
    sent: Sent,
}

struct PlannedCut {
    cut: Cut,
    clock: SharedClock,
    /// Until it breaks off, once all before the cut was given out.
    pause: Option<Sleep>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    frames: u64,
    bytes: u64,
}

impl EventStream {
    pub(crate) const CONTENT_TYPE: &'static str = "application/vnd.amazon.eventstream";

    /// A stream of these frames, after the one that begins it. One should come every few seconds.
    pub(crate) fn new(
        content_type: &'static str,
        frames: impl Stream<Item = Frame> + Send + 'static,
    ) -> Self {
        let pieces = Frame::initial_response(content_type).into_pieces().into();
        Self { frames: Box::pin(frames), pieces, content_type, cut: None, sent: Sent::default() }
    }

    /// Ends there, on purpose. The clock is the machine's.
    pub(crate) fn cut(self, cut: Cut, clock: SharedClock) -> Self {
        Self { cut: Some(PlannedCut { cut, clock, pause: None }), ..self }
    }

    fn is_cut(&self) -> bool {
        match self.cut.as_ref().map(|planned| &planned.cut) {
            None => false,
            Some(Cut::AfterEvents(events) | Cut::Exception { events, .. }) => {
                self.pieces.is_empty() && self.sent.frames >= *events
            }
            Some(Cut::AfterBytes(bytes)) => self.sent.frames > 0 && self.sent.bytes >= *bytes,
        }
    }

    /// Breaks off after a pause, or ends with an exception in place of what would have come.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BrokenOff>> {
        let Some(PlannedCut { cut, clock, pause }) = &mut self.cut else { return Poll::Ready(Ok(())) };
        let Cut::Exception { exception, message, .. } = cut else {
            let pause = pause.get_or_insert_with(|| clock.sleep(BEFORE_BREAK));
            return pause.as_mut().poll(context).map(|()| Err(BrokenOff("a rule says so".to_owned())));
        };
        let error = ApiError::new(*exception, mem::take(message));
        self.pieces = Frame::exception(&error, self.content_type).into_pieces().into();
        self.frames = Box::pin(stream::empty());
        self.cut = None;
        Poll::Ready(Ok(()))
    }

    /// Of a piece what may be sent before the cut.
    fn clip(&mut self, mut piece: Bytes) -> Bytes {
        if self.sent.frames == 0 {
            return piece;
        }
        if let Some(PlannedCut { cut: Cut::AfterBytes(bytes), .. }) = self.cut {
            let left = usize::try_from(bytes.saturating_sub(self.sent.bytes)).unwrap_or(usize::MAX);
            piece.truncate(left);
        }
        self.sent.bytes += piece.len() as u64;
        piece
    }

    /// Fails for whoever asks for a stream in another format than that of its events, in AWS's way.
    pub fn check(format: Format) -> Result<(), ApiError> {
        match format {
            Format::Json => Ok(()),
            Format::Cbor | Format::Protobuf(_) => Err(ApiError::bare(ProtocolError::InternalFailure)),
        }
    }
}

impl Stream for EventStream {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.is_cut()
                && let Err(broken_off) = ready!(self.poll_end(context))
            {
                return Poll::Ready(Some(Err(broken_off)));
            }
            if let Some(piece) = self.pieces.pop_front() {
                return Poll::Ready(Some(Ok(self.clip(piece))));
            }
            match self.frames.as_mut().poll_next(context) {
                Poll::Ready(Some(frame)) => {
                    self.sent.frames += 1;
                    self.pieces = frame.into_pieces().into();
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};
    use millstream_runtime::ManualClock;
    use proptest::prelude::*;

    use super::*;
    use crate::aws::kinesis::generated::Exception;

    fn event(number: usize) -> Frame {
        let before = number.to_string();
        Frame::event("Event", "x", frame::Payload { before: before.as_bytes(), ..frame::Payload::default() })
    }

    /// All that a stream of so many events sends, and whether it ends cleanly. The break comes when time has passed,
    /// and never with the last piece.
    fn sent(events: usize, cut: Option<Cut>) -> (Vec<u8>, bool) {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let mut events = EventStream::new("x", stream::iter((0..events).map(event)));
        if let Some(cut) = cut {
            events = events.cut(cut, clock.shared());
        }
        let (mut sent, mut paused) = (Vec::new(), false);
        loop {
            match events.next().now_or_never() {
                Some(Some(Ok(piece))) => sent.extend_from_slice(&piece),
                Some(None) => return (sent, true),
                Some(Some(Err(BrokenOff(_)))) => {
                    assert!(paused);
                    return (sent, false);
                }
                None => {
                    assert!(!paused);
                    paused = true;
                    clock.advance(BEFORE_BREAK);
                }
            }
        }
    }

    fn frames(frames: impl Iterator<Item = Frame>) -> Vec<u8> {
        std::iter::once(Frame::initial_response("x"))
            .chain(frames)
            .flat_map(Frame::into_pieces)
            .flatten()
            .collect()
    }

    proptest! {
        #[test]
        fn a_stream_ends_where_it_is_cut(events in 0_usize..9, after in 0_u64..12) {
            let before = usize::try_from(after).unwrap();
            let reached = before.min(events);
            prop_assert_eq!(sent(events, None), (frames((0..events).map(event)), true));
            let cut = Cut::AfterEvents(after);
            let expected = (frames((0..reached).map(event)), before > events);
            prop_assert_eq!(sent(events, Some(cut)), expected);

            let (exception, message) = (Exception::KmsDisabled, "no key".to_owned());
            let last = Frame::exception(&ApiError::new(exception, message.clone()), "x");
            let last = (before <= events).then_some(last);
            let cut = Cut::Exception { events: after, exception, message };
            prop_assert_eq!(sent(events, Some(cut)), (frames((0..reached).map(event).chain(last)), true));
        }
    }
}
