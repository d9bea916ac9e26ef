//! gRPC's frames: a flag, a length in four bytes, and a message.
//!
//! What is read counts against the budget of all bodies, message by message: room for one is taken when its length is
//! known, and its sender must then go on sending. A message that came in one piece is not copied.

use std::fmt::Display;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use millstream_runtime::SharedClock;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use crate::http::body::{BODY_BYTES_MAX, BodyBudget};

pub(super) const PREFIX_BYTES: usize = 5;

/// From the prefix of a message to its end, between two pieces.
const STALL_LIMIT: Duration = Duration::from_secs(10);

/// What stands before a message of so many bytes.
pub(super) fn prefix(bytes: usize) -> [u8; PREFIX_BYTES] {
    // Answers are some mebibytes at most.
    let [a, b, c, d] = u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    [0, a, b, c, d]
}

/// A message with its prefix.
pub(super) fn framed(message: &impl prost::Message) -> BytesMut {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + length);
    frame.put_slice(&prefix(length));
    // There is room: it was asked for.
    let _ = message.encode(&mut frame);
    frame
}

/// The message's length.
pub(super) fn length(mut prefix: &[u8]) -> Result<usize, Status> {
    if prefix.get_u8() != 0 {
        return Err(Status::unimplemented("Compressed messages are not taken."));
    }
    let length = prefix.get_u32() as usize;
    if length > BODY_BYTES_MAX - PREFIX_BYTES {
        return Err(Status::resource_exhausted(format!(
            "The message, of {length} bytes, is larger than 16 MiB with what stands before it."
        )));
    }
    Ok(length)
}

/// A message with its share of the budget.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) bytes: Bytes,
    pub(super) share: Option<OwnedSemaphorePermit>,
}

/// The messages of a call, as they come.
#[derive(Debug)]
pub(super) struct Messages<B = Incoming> {
    body: B,
    budget: BodyBudget,
    clock: SharedClock,
    /// Came and was not read yet; nothing while a message is put together.
    arrived: Bytes,
    state: State,
}

#[derive(Debug)]
enum State {
    /// What there is of a prefix.
    Prefix(BytesMut),
    /// The message is so long; room for it is waited for.
    Room(usize),
    Content {
        length: usize,
        joined: BytesMut,
        share: Option<OwnedSemaphorePermit>,
    },
    Ended,
}

impl<B> Messages<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    pub(super) fn new(body: B, budget: BodyBudget, clock: SharedClock) -> Self {
        Self { body, budget, clock, arrived: Bytes::new(), state: State::Prefix(BytesMut::new()) }
    }

    /// The next message, `None` behind the last one. Nothing is lost if this is given up and called again.
    pub(super) async fn next(&mut self) -> Result<Option<Message>, Status> {
        loop {
            if let Some(message) = self.advance()? {
                return Ok(Some(message));
            }
            match &mut self.state {
                State::Ended => return Ok(None),
                State::Room(length) => {
                    let length = *length;
                    let share = self.budget.reserve(length).await;
                    self.state = State::Content { length, joined: BytesMut::new(), share };
                }
                State::Prefix(begun) => {
                    let is_between = begun.is_empty();
                    let data = if is_between {
                        data(&mut self.body).await?
                    } else {
                        within(&self.clock, data(&mut self.body)).await?
                    };
                    match data {
                        Some(data) => self.arrived = data,
                        None if is_between => self.state = State::Ended,
                        None => return Err(cut_off()),
                    }
                }
                State::Content { .. } => {
                    let data = within(&self.clock, data(&mut self.body)).await?;
                    self.arrived = data.ok_or_else(cut_off)?;
                }
            }
        }
    }

    /// Goes on with what has arrived; gives a message that is complete.
    fn advance(&mut self) -> Result<Option<Message>, Status> {
        if let State::Prefix(begun) = &mut self.state {
            if begun.is_empty() && self.arrived.len() >= PREFIX_BYTES {
                self.state = State::Room(length(&self.arrived.split_to(PREFIX_BYTES))?);
            } else {
                let missing = (PREFIX_BYTES - begun.len()).min(self.arrived.len());
                begun.extend_from_slice(&self.arrived.split_to(missing));
                if begun.len() == PREFIX_BYTES {
                    self.state = State::Room(length(begun)?);
                }
            }
        }
        let State::Content { length, joined, share } = &mut self.state else { return Ok(None) };
        let bytes = if joined.is_empty() && self.arrived.len() >= *length {
            self.arrived.split_to(*length)
        } else {
            if joined.is_empty() && !self.arrived.is_empty() {
                joined.reserve(*length);
            }
            let missing = (*length - joined.len()).min(self.arrived.len());
            joined.extend_from_slice(&self.arrived.split_to(missing));
            if joined.len() < *length {
                return Ok(None);
            }
            std::mem::take(joined).freeze()
        };
        let share = share.take();
        self.state = State::Prefix(BytesMut::new());
        Ok(Some(Message { bytes, share }))
    }
}

async fn data<B>(body: &mut B) -> Result<Option<Bytes>, Status>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(Status::cancelled(format!("The call was broken off: {error}."))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn within<T>(clock: &SharedClock, read: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let stalled = || Status::deadline_exceeded("A message was begun and not ended.");
    clock.timeout(STALL_LIMIT, read).await.ok_or_else(stalled)?
}

fn cut_off() -> Status {
    Status::invalid_argument("The call ended in the middle of a message.")
}

/// Messages that a body has, whatever pieces it comes in; for a fuzzer. Each piece begins with its length in a byte, and
/// so is cut off; what is left is the last piece.
#[cfg(any(test, fuzzing))]
pub(crate) fn check_messages(mut bytes: &[u8]) {
    use std::convert::Infallible;

    use futures_util::{FutureExt, stream};
    use hyper::body::Frame;

    use super::single::single;

    const BUDGET_BYTES: usize = 64 * 1024 * 1024;

    let mut pieces = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (piece, rest) = rest.split_at(rest.len().min((*length).into()));
        pieces.push(Bytes::copy_from_slice(piece));
        bytes = rest;
    }
    let whole: Bytes = pieces.concat().into();
    let clock = millstream_runtime::ManualClock::starting_at(Duration::from_secs(1)).shared();
    let read = |pieces: Vec<Bytes>| {
        let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
        let body = http_body_util::StreamBody::new(stream::iter(frames));
        let mut messages = Messages::new(body, BodyBudget::new(BUDGET_BYTES, clock.clone()), clock.clone());
        let mut found = Vec::new();
        loop {
            // Nothing is waited for: all has come, and there is room for it.
            match messages.next().now_or_never() {
                Some(Ok(Some(message))) => found.push(message.bytes),
                Some(Ok(None)) => return (found, None),
                Some(Err(status)) => return (found, Some(status.code())),
                None => return (found, Some(tonic::Code::Unknown)),
            }
        }
    };
    let (found, end) = read(pieces);
    assert_ne!(end, Some(tonic::Code::Unknown), "nothing is waited for");
    let alone = single(whole.clone());
    if let ([message], None) = (&found[..], end) {
        assert_eq!(alone.ok().as_ref(), Some(message));
    }
    // How it was cut into pieces does not matter.
    assert_eq!(read(vec![whole]), (found, end));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5),
            cuts in prop::collection::vec(1_u8..30, 1..40),
            lost in 0_usize..4,
        ) {
            let mut body = Vec::new();
            for message in &messages {
                body.extend_from_slice(&prefix(message.len()));
                body.extend_from_slice(message);
            }
            body.truncate(body.len().saturating_sub(lost));
            let (mut rest, mut bytes) = (&body[..], Vec::new());
            for cut in cuts {
                let (piece, behind) = rest.split_at(rest.len().min(cut.into()));
                bytes.push(cut);
                bytes.extend_from_slice(piece);
                rest = behind;
            }
            check_messages(&bytes);
        }

        #[test]
        fn any_bytes_are_messages_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            check_messages(&bytes);
        }
    }
}
