//! A stream of which the first bytes were read to see what it is, and are given back to whoever reads it
//! next.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What the first bytes of a connection say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tls,
    Http1,
    /// With prior knowledge, as its preface shows.
    Http2,
}

/// First byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;
/// No HTTP/1 method begins like the preface of HTTP/2.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// `None` while more bytes are needed to tell.
pub(crate) fn tell(first: &[u8]) -> Option<Protocol> {
    match first {
        [] => None,
        [TLS_HANDSHAKE, ..] => Some(Protocol::Tls),
        _ if first.starts_with(HTTP2_PREFACE) => Some(Protocol::Http2),
        _ if HTTP2_PREFACE.starts_with(first) => None,
        _ => Some(Protocol::Http1),
    }
}

/// Reads until the protocol is clear. `None` when the connection ends before that.
pub(crate) async fn sniff<S: AsyncRead + Unpin>(
    mut stream: S,
) -> io::Result<Option<(Protocol, Prefixed<S>)>> {
    let mut first = Vec::with_capacity(HTTP2_PREFACE.len());
    loop {
        let room = HTTP2_PREFACE.len() - first.len();
        if (&mut stream).take(room as u64).read_buf(&mut first).await? == 0 {
            return Ok(None);
        }
        if let Some(protocol) = tell(&first) {
            return Ok(Some((protocol, Prefixed { first: first.into(), stream })));
        }
    }
}

#[derive(Debug)]
pub(crate) struct Prefixed<S> {
    first: Bytes,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..count]);
        self.first.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
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
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_protocols_apart_as_soon_as_it_can() {
        assert_eq!(tell(b""), None);
        assert_eq!(tell(&[0x16]), Some(Protocol::Tls));
        assert_eq!(tell(b"P"), None);
        assert_eq!(tell(b"PO"), Some(Protocol::Http1));
        assert_eq!(tell(b"PRI * HTTP/2.0"), Some(Protocol::Http2));
        assert_eq!(tell(b"PRI * HTTP/1.1"), Some(Protocol::Http1));
        assert_eq!(tell(b"GET / HTTP/1.1"), Some(Protocol::Http1));
        assert_eq!(tell(&[0, 255]), Some(Protocol::Http1));
    }
}
