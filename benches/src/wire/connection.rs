//! One HTTP/1.1 connection with one exchange under way at a time.
//!
//! The reply stays in the connection's buffer until the next exchange, so reading allocates nothing once the
//! buffer has grown to the largest reply.

use std::io;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Endpoint;
use super::endpoint::Transport;
use crate::error::Error;

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Far above any Kinesis reply; a length beyond it is a broken one.
const BODY_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Room for a small reply in one read.
const READ_BYTES: usize = 16 * 1024;

/// A request in the form in which it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) head: Bytes,
    pub(crate) body: Bytes,
}

impl Message {
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// A reply that still lies in the connection's buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    /// Head and body as they came over the wire.
    pub(crate) wire_bytes: usize,
}

pub(crate) struct Connection {
    endpoint: Endpoint,
    /// `None` before the first exchange and after the target closed.
    stream: Option<Box<dyn Transport>>,
    buffer: Vec<u8>,
    /// A chunked body, put together.
    joined: Vec<u8>,
}

impl Connection {
    pub(crate) fn to(endpoint: Endpoint) -> Self {
        Self { endpoint, stream: None, buffer: Vec::new(), joined: Vec::new() }
    }

    /// Connects now, so that the first exchange does not have to.
    pub(crate) async fn connect(&mut self) -> Result<(), Error> {
        if self.stream.is_none() {
            self.stream = Some(self.endpoint.connect().await?);
        }
        Ok(())
    }

    /// Sends a request and reads its reply. After an error the next exchange connects anew.
    pub(crate) async fn exchange(&mut self, message: &Message) -> Result<Reply<'_>, Error> {
        let fresh = self.stream.is_none();
        self.connect().await?;
        let frame = match self.try_exchange(message).await {
            // A server may close an idle connection at any time; that says nothing about this request.
            Err(Failure::ClosedBeforeReply) if !fresh => {
                self.stream = None;
                self.connect().await?;
                self.try_exchange(message).await
            }
            outcome => outcome,
        };
        let frame = frame.inspect_err(|_| self.stream = None).map_err(Error::from)?;
        if frame.closes {
            self.stream = None;
        }
        let body = match frame.body {
            Body::InBuffer { start, end } => &self.buffer[start..end],
            Body::Joined => &self.joined,
        };
        Ok(Reply { status: frame.status, body, wire_bytes: self.buffer.len() })
    }

    async fn try_exchange(&mut self, message: &Message) -> Result<Frame, Failure> {
        let Some(stream) = &mut self.stream else { return Err(Failure::ClosedBeforeReply) };
        let mut outgoing = message.head.clone().chain(message.body.clone());
        let sent = async {
            stream.write_all_buf(&mut outgoing).await?;
            stream.flush().await
        };
        if let Err(error) = sent.await {
            return Err(match error.kind() {
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Failure::ClosedBeforeReply,
                _ => Failure::Transport(error),
            });
        }
        self.buffer.clear();
        let mut inbox = Inbox { stream, buffer: &mut self.buffer };
        let head = inbox.read_head().await?;
        let body = match head.length {
            Length::Known(length) => {
                let end = head.bytes + length;
                inbox.read_to(end).await?;
                Body::InBuffer { start: head.bytes, end }
            }
            Length::Chunked => {
                self.joined.clear();
                inbox.read_chunks(head.bytes, &mut self.joined).await?;
                Body::Joined
            }
        };
        Ok(Frame { status: head.status, closes: head.closes, body })
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

struct Frame {
    status: u16,
    closes: bool,
    body: Body,
}

enum Body {
    InBuffer { start: usize, end: usize },
    Joined,
}

enum Failure {
    /// The target closed without a byte of a reply.
    ClosedBeforeReply,
    Transport(io::Error),
    Invalid(&'static str),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::ClosedBeforeReply => {
                Self::Connection(io::Error::new(io::ErrorKind::UnexpectedEof, "closed without a reply"))
            }
            Failure::Transport(error) => Self::Connection(error),
            Failure::Invalid(reason) => Self::Http(reason.to_owned()),
        }
    }
}

struct Head {
    bytes: usize,
    status: u16,
    closes: bool,
    length: Length,
}

enum Length {
    Known(usize),
    Chunked,
}

/// The buffer of a connection while a reply is read into it.
struct Inbox<'a> {
    stream: &'a mut Box<dyn Transport>,
    buffer: &'a mut Vec<u8>,
}

impl Inbox<'_> {
    async fn read_some(&mut self, room_bytes: usize) -> Result<(), Failure> {
        self.buffer.reserve(room_bytes);
        match self.stream.read_buf(self.buffer).await {
            Ok(0) if self.buffer.is_empty() => Err(Failure::ClosedBeforeReply),
            Ok(0) => Err(Failure::Transport(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && self.buffer.is_empty() => {
                Err(Failure::ClosedBeforeReply)
            }
            Err(error) => Err(Failure::Transport(error)),
        }
    }

    async fn read_to(&mut self, end: usize) -> Result<(), Failure> {
        while self.buffer.len() < end {
            self.read_some(end - self.buffer.len()).await?;
        }
        if self.buffer.len() > end { Err(Failure::Invalid("more bytes than announced")) } else { Ok(()) }
    }

    /// Reads until the head of a final reply is whole; interim replies are dropped.
    async fn read_head(&mut self) -> Result<Head, Failure> {
        self.read_some(READ_BYTES).await?;
        loop {
            match parse_head(self.buffer)? {
                Some(head) if (100..200).contains(&head.status) => {
                    self.buffer.drain(..head.bytes);
                }
                Some(head) => return Ok(head),
                None if self.buffer.len() > HEAD_BYTES_MAX => return Err(Failure::Invalid("endless head")),
                None => self.read_some(READ_BYTES).await?,
            }
        }
    }

    async fn read_chunks(&mut self, start: usize, joined: &mut Vec<u8>) -> Result<(), Failure> {
        let mut position = start;
        loop {
            let (line_bytes, chunk_bytes) = match httparse::parse_chunk_size(&self.buffer[position..]) {
                Ok(httparse::Status::Complete((line, size))) => {
                    (line, usize::try_from(size).map_err(|_| Failure::Invalid("endless chunk"))?)
                }
                Ok(httparse::Status::Partial) => {
                    self.read_some(READ_BYTES).await?;
                    continue;
                }
                Err(_) => return Err(Failure::Invalid("not a chunk size")),
            };
            // Trailers are never sent by Kinesis, so the last chunk is followed by an empty line as well.
            let data = position + line_bytes;
            let end = data + chunk_bytes + 2;
            while self.buffer.len() < end {
                self.read_some(end - self.buffer.len()).await?;
            }
            if &self.buffer[end - 2..end] != b"\r\n" {
                return Err(Failure::Invalid("a chunk does not end with its line"));
            }
            if chunk_bytes == 0 {
                return Ok(());
            }
            joined.extend_from_slice(&self.buffer[data..end - 2]);
            position = end;
        }
    }
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let head_bytes = match response.parse(bytes) {
        Ok(httparse::Status::Complete(head_bytes)) => head_bytes,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Failure::Invalid("not a status line and headers")),
    };
    let status = response.code.unwrap_or_default();
    let mut length = None;
    let mut closes = response.version == Some(0);
    for header in response.headers.iter() {
        let value = header.value;
        if header.name.eq_ignore_ascii_case("content-length") {
            length =
                Some(Length::Known(content_length(value).ok_or(Failure::Invalid("not a content length"))?));
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            length = Some(Length::Chunked);
        } else if header.name.eq_ignore_ascii_case("connection") {
            closes |= value.eq_ignore_ascii_case(b"close");
        }
    }
    let length = match (length, status) {
        (Some(length), _) => length,
        (None, 100..=199 | 204 | 304) => Length::Known(0),
        (None, _) => return Err(Failure::Invalid("a reply without a length")),
    };
    Ok(Some(Head { bytes: head_bytes, status, closes, length }))
}

fn content_length(value: &[u8]) -> Option<usize> {
    let length = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
    (length <= BODY_BYTES_MAX).then_some(length)
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;
    use crate::wire::Trust;

    fn message() -> Message {
        Message { head: Bytes::from_static(b"POST / HTTP/1.1\r\n\r\n"), body: Bytes::from_static(b"body") }
    }

    /// A connection whose other end is in the test's hand. Nothing listens at its endpoint.
    fn connected() -> (Connection, DuplexStream) {
        let endpoint = Endpoint::parse("http://127.0.0.1:1", &Trust::PublicAuthorities).unwrap();
        let (near, far) = tokio::io::duplex(1 << 20);
        let mut connection = Connection::to(endpoint);
        connection.stream = Some(Box::new(near));
        (connection, far)
    }

    /// Lets a peer answer with `reply`, written in pieces of `piece` bytes.
    async fn exchange_with(reply: &[u8], piece: usize) -> (Connection, Result<(u16, Vec<u8>), Error>) {
        let (mut connection, mut far) = connected();
        let serve = async {
            let mut request = vec![0; message().len()];
            far.read_exact(&mut request).await.unwrap();
            assert_eq!(request, b"POST / HTTP/1.1\r\n\r\nbody");
            for piece in reply.chunks(piece) {
                far.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(far);
        };
        let ask =
            async { connection.exchange(&message()).await.map(|reply| (reply.status, reply.body.to_vec())) };
        let ((), outcome) = tokio::join!(serve, ask);
        (connection, outcome)
    }

    #[tokio::test]
    async fn reads_a_reply_in_any_pieces() {
        let reply = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        for piece in [1, 7, 1000] {
            let (connection, outcome) = exchange_with(reply, piece).await;
            assert_eq!(outcome.unwrap(), (200, b"hello".to_vec()));
            assert!(connection.stream.is_some());
        }
    }

    #[tokio::test]
    async fn joins_chunks() {
        let reply =
            b"HTTP/1.1 400 Bad\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
        for piece in [1, 11, 1000] {
            let (_, outcome) = exchange_with(reply, piece).await;
            assert_eq!(outcome.unwrap(), (400, b"abcdefg".to_vec()));
        }
    }

    #[tokio::test]
    async fn a_reply_that_closes_ends_the_connection() {
        let reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        let (connection, outcome) = exchange_with(reply, 1000).await;
        assert_eq!(outcome.unwrap(), (200, Vec::new()));
        assert!(connection.stream.is_none());
    }

    #[tokio::test]
    async fn names_what_is_not_http() {
        for (reply, expected) in [
            (&b"gibberish\r\n\r\n"[..], "status line"),
            (b"HTTP/1.1 200 OK\r\n\r\n", "without a length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "content length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "more bytes"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "connection to the target broke"),
        ] {
            let (connection, outcome) = exchange_with(reply, 1000).await;
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(connection.stream.is_none());
        }
    }

    #[tokio::test]
    async fn an_idle_connection_that_the_target_closed_is_made_again() {
        let (mut connection, far) = connected();
        drop(far);
        let error = connection.exchange(&message()).await.unwrap_err();
        // Port 1 refuses, which shows that a new connection was tried.
        assert!(matches!(error, Error::Connect { .. }), "{error}");
    }
}
