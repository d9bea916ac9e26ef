//! The end of a connection that loses nothing.
//!
//! A socket that is closed while something of its peer lies in it unread is reset by the kernel, and then the peer may
//! lose what it has not read yet: the end of its subscription, say, because its last window update came too late. So
//! what comes at the end is thrown away until the peer has closed, or for a moment.
//!
//! In HTTP/1.1 the peer may wait for this side to close first. In HTTP/2 it was told to go away, and one that is closed
//! at it may throw away what it has read and not handed on yet, as the AWS SDK for Java does; so it closes first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use millstream_runtime::SharedClock;
use millstream_runtime::clock::Sleep;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::prefixed::Protocol;

/// For the peer to close its side. Most do at once.
pub(super) const LINGER_LIMIT: Duration = Duration::from_millis(500);

/// What the peer may say meanwhile: the window updates and pings of many streams, and not a flood.
const UNREAD_BYTES_MAX: usize = 256 * 1024;

/// A stream of bytes whose shutdown waits for that of its peer.
pub(super) struct Lingering<S> {
    stream: S,
    clock: SharedClock,
    protocol: Protocol,
    /// Set while the peer is waited for.
    alarm: Option<Sleep>,
    thrown_away: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lingering<S> {
    pub(super) fn new(stream: S, protocol: Protocol, clock: SharedClock) -> Self {
        Self { stream, clock, protocol, alarm: None, thrown_away: 0 }
    }

    /// Ready when the peer has closed, or has had its time.
    fn poll_peer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| self.clock.sleep(LINGER_LIMIT));
        let mut bytes = [0; 1024];
        while self.thrown_away < UNREAD_BYTES_MAX && alarm.as_mut().poll(context).is_pending() {
            let mut unread = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut unread));
            if read.is_err() || unread.filled().is_empty() {
                break;
            }
            self.thrown_away += unread.filled().len();
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.protocol == Protocol::Http2 {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            ready!(self.poll_peer(context));
            return Pin::new(&mut self.stream).poll_shutdown(context);
        }
        if self.alarm.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        self.poll_peer(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use millstream_runtime::ManualClock;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_the_peer_still_says_is_taken_until_it_closes() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let (stream, mut peer) = duplex(16);
        let mut stream = Lingering::new(stream, Protocol::Http1, clock.shared());
        stream.write_all(b"the end").await.unwrap();
        let mut closing = Box::pin(stream.shutdown());
        assert!((&mut closing).now_or_never().is_none());
        peer.write_all(&[0; 16]).await.unwrap();
        assert!((&mut closing).now_or_never().is_none());
        // There is room again, so the rest was taken.
        peer.write_all(&[0; 16]).await.unwrap();
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"the end");
        drop(peer);
        closing.await.unwrap();
    }

    #[tokio::test]
    async fn a_peer_that_does_not_close_is_not_waited_for_for_long() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let (stream, mut peer) = duplex(16);
        let mut stream = Lingering::new(stream, Protocol::Http1, clock.shared());
        let mut closing = Box::pin(stream.shutdown());
        assert!((&mut closing).now_or_never().is_none());
        clock.advance(LINGER_LIMIT);
        peer.write_all(&[0; 16]).await.unwrap();
        closing.await.unwrap();
    }

    #[tokio::test]
    async fn a_peer_that_says_too_much_is_not_waited_for() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let (stream, mut peer) = duplex(2 * UNREAD_BYTES_MAX);
        peer.write_all(&[0; UNREAD_BYTES_MAX]).await.unwrap();
        Lingering::new(stream, Protocol::Http1, clock.shared()).shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn in_http2_the_peer_closes_first() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let (stream, mut peer) = duplex(16);
        let mut stream = Lingering::new(stream, Protocol::Http2, clock.shared());
        stream.write_all(b"go away").await.unwrap();
        let mut closing = Box::pin(stream.shutdown());
        assert!((&mut closing).now_or_never().is_none());
        let mut heard = [0; 7];
        peer.read_exact(&mut heard).await.unwrap();
        assert!(peer.read_u8().now_or_never().is_none(), "it is not closed yet");
        peer.shutdown().await.unwrap();
        closing.await.unwrap();
    }
}
