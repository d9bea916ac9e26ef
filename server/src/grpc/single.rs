//! The message of a call that has one.
//!
//! It is read whole, within the budget of all bodies, but one that is announced to be too large is refused before it
//! comes: its sender may have far to go to the end of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::{Body, Frame, SizeHint};
use tonic::Status;

use super::messages::{PREFIX_BYTES, length};
use crate::aws::reception::Reception;
use crate::http::body::Received;

/// A message, with what holds its room in the budget.
#[derive(Debug)]
pub(super) struct Single {
    pub(super) bytes: Bytes,
    _received: Received,
}

/// Reads a body that must have one message.
pub(super) async fn receive<B>(reception: &Reception, body: B) -> Result<Single, Status>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut body = Announced { body, begun: [0; PREFIX_BYTES], arrived: 0, refusal: None };
    let received = reception.receive(&mut body).await;
    if let Some(refusal) = body.refusal {
        return Err(refusal);
    }
    let received = received.map_err(unread)?;
    Ok(Single { bytes: single(received.bytes.clone())?, _received: received })
}

/// The message of a body that must have one.
pub(super) fn single(mut body: Bytes) -> Result<Bytes, Status> {
    if body.len() < PREFIX_BYTES {
        return Err(Status::invalid_argument("The call has no message."));
    }
    let length = length(&body.split_to(PREFIX_BYTES))?;
    if body.len() != length {
        return Err(Status::invalid_argument("The call must have one whole message."));
    }
    Ok(body)
}

fn unread(status: StatusCode) -> Status {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Status::resource_exhausted("The message is larger than 16 MiB."),
        _ => Status::deadline_exceeded("The message did not arrive in time."),
    }
}

/// A body that ends as soon as what stands before its message is refused.
#[derive(Debug)]
struct Announced<B> {
    body: B,
    /// What stands before the message, as far as it has come.
    begun: [u8; PREFIX_BYTES],
    /// So many bytes of it.
    arrived: usize,
    refusal: Option<Status>,
}

/// For whoever reads the body; the caller is told the refusal.
#[derive(Debug)]
struct Over;

impl<B: Body<Data = Bytes> + Unpin> Body for Announced<B> {
    type Data = Bytes;
    type Error = Over;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        let Some(frame) = frame else { return Poll::Ready(None) };
        let Ok(frame) = frame else { return Poll::Ready(Some(Err(Over))) };
        this.look_at(frame.data_ref().map_or(&[], Bytes::as_ref));
        Poll::Ready(Some(if this.refusal.is_some() { Err(Over) } else { Ok(frame) }))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Announced<B> {
    fn look_at(&mut self, data: &[u8]) {
        let missing = &mut self.begun[self.arrived..];
        if missing.is_empty() {
            return;
        }
        let more = data.len().min(missing.len());
        missing[..more].copy_from_slice(&data[..more]);
        self.arrived += more;
        if self.arrived == PREFIX_BYTES {
            self.refusal = length(&self.begun).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::prefix;
    use super::*;

    fn body(prefix: &[u8], message: &[u8]) -> Bytes {
        [prefix, message].concat().into()
    }

    #[test]
    fn a_body_is_one_whole_message() {
        assert_eq!(single(body(&prefix(3), b"abc")).unwrap(), "abc");
        assert_eq!(single(body(&prefix(0), b"")).unwrap(), "");
        let code = |bytes| single(bytes).unwrap_err().code();
        assert_eq!(code(Bytes::new()), tonic::Code::InvalidArgument);
        assert_eq!(code(body(&prefix(3), b"ab")), tonic::Code::InvalidArgument);
        assert_eq!(code(body(&prefix(3), b"abcd")), tonic::Code::InvalidArgument);
        assert_eq!(code(body(&[1, 0, 0, 0, 0], b"")), tonic::Code::Unimplemented);
        assert_eq!(code(body(&prefix(usize::MAX), b"")), tonic::Code::ResourceExhausted);
    }

    #[test]
    fn what_is_announced_is_looked_at_as_soon_as_it_is_known() {
        let too_much = prefix(usize::MAX);
        for cut in 0..PREFIX_BYTES {
            let mut body = Announced { body: (), begun: [0; PREFIX_BYTES], arrived: 0, refusal: None };
            body.look_at(&too_much[..cut]);
            assert!(body.refusal.is_none());
            body.look_at(&[&too_much[cut..], b"more"].concat());
            assert_eq!(body.refusal.map(|status| status.code()), Some(tonic::Code::ResourceExhausted));
        }
    }
}
