//! One HTTP/1.1 connection with one exchange under way at a time.
//!
//! The reply stays in the connection's buffer until the next exchange, so reading allocates nothing once the
//! buffer has grown to the largest reply.

use std::io;

use bytes::{Buf, Bytes};
use tokio::io::AsyncWriteExt;

use super::Endpoint;
use super::endpoint::Transport;
use super::inbox::{CHUNK_END, Chunk, Failure, Head, Inbox, Length, chunk};
use crate::error::Error;

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
        Ok(Reply { status: frame.status, body: self.body(&frame.body), wire_bytes: self.buffer.len() })
    }

    /// Sends a request whose reply is pushed piece by piece, for as long as the target has something to say. A
    /// reply that is no success is read whole.
    pub(super) async fn subscribe(mut self, message: &Message) -> Result<Opened<PushedBody>, Error> {
        self.connect().await?;
        let head = self.send(message).await?;
        if head.status != 200 {
            let body = self.read_body(&head).await?;
            return Ok(Opened::Refused { status: head.status, body: self.body(&body).to_vec() });
        }
        let (Some(stream), Length::Chunked) = (self.stream, head.length) else {
            return Err(Error::Http("a subscription's reply has a length".to_owned()));
        };
        Ok(Opened::Pushed(PushedBody { stream, buffer: self.buffer, next: head.bytes }))
    }

    async fn try_exchange(&mut self, message: &Message) -> Result<Frame, Failure> {
        let head = self.send(message).await?;
        let body = self.read_body(&head).await?;
        Ok(Frame { status: head.status, closes: head.closes, body })
    }

    /// Sends a request and reads the head of its reply.
    async fn send(&mut self, message: &Message) -> Result<Head, Failure> {
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
        Inbox { stream, buffer: &mut self.buffer }.read_head().await
    }

    async fn read_body(&mut self, head: &Head) -> Result<Body, Failure> {
        let Some(stream) = &mut self.stream else { return Err(Failure::ClosedBeforeReply) };
        let mut inbox = Inbox { stream, buffer: &mut self.buffer };
        Ok(match head.length {
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
        })
    }

    fn body(&self, body: &Body) -> &[u8] {
        match body {
            Body::InBuffer { start, end } => &self.buffer[*start..*end],
            Body::Joined => &self.joined,
        }
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

/// What came of a request whose reply is pushed.
pub(super) enum Opened<B> {
    Pushed(B),
    Refused { status: u16, body: Vec<u8> },
}

/// A chunked body that grows for as long as the target likes.
pub(super) struct PushedBody {
    stream: Box<dyn Transport>,
    buffer: Vec<u8>,
    /// Where the next chunk begins.
    next: usize,
}

impl PushedBody {
    /// Waits for the next chunk; `None` behind the last one. A chunk is what a server flushes at once, so waiting
    /// for all of it delays nothing that could be read before, and it need not be copied. Nothing is lost when
    /// this is given up.
    pub(super) async fn piece(&mut self) -> Result<Option<&[u8]>, Error> {
        loop {
            match chunk(&self.buffer[self.next..])? {
                Chunk::Whole(data) if data.is_empty() => return Ok(None),
                Chunk::Whole(data) => {
                    let data = self.next + data.start..self.next + data.end;
                    self.next = data.end + CHUNK_END.len();
                    return Ok(Some(&self.buffer[data]));
                }
                Chunk::Missing(bytes) => {
                    self.buffer.drain(..self.next);
                    self.next = 0;
                    let mut inbox = Inbox { stream: &mut self.stream, buffer: &mut self.buffer };
                    inbox.read_some(bytes).await.map_err(|failure| match failure {
                        // There was a reply, and it should have ended with a last chunk.
                        Failure::ClosedBeforeReply => Failure::Transport(io::ErrorKind::UnexpectedEof.into()),
                        failure => failure,
                    })?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, DuplexStream};

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

    /// Subscribes, with a peer that answers with `reply` in pieces of `piece` bytes and then closes.
    async fn pushed(reply: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<Error>) {
        let (connection, mut far) = connected();
        let serve = async {
            let mut request = vec![0; message().len()];
            far.read_exact(&mut request).await.unwrap();
            for piece in reply.chunks(piece) {
                // Who is sent what is no subscription does not stay to the end.
                if far.write_all(piece).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            drop(far);
        };
        let receive = async {
            let mut pieces = Vec::new();
            let opened = match connection.subscribe(&message()).await {
                Ok(opened) => opened,
                Err(error) => return (pieces, Some(error)),
            };
            let mut body = match opened {
                Opened::Pushed(body) => body,
                Opened::Refused { status, body } => {
                    return (vec![status.to_string().into_bytes(), body], None);
                }
            };
            loop {
                match body.piece().await {
                    Ok(Some(piece)) => pieces.push(piece.to_vec()),
                    Ok(None) => return (pieces, None),
                    Err(error) => return (pieces, Some(error)),
                }
            }
        };
        tokio::join!(serve, receive).1
    }

    #[tokio::test]
    async fn a_pushed_body_comes_chunk_by_chunk() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let large = "x".repeat(40_000);
        let reply = format!("{head}3\r\nabc\r\n9c40\r\n{large}\r\n1\r\n\n\r\n0\r\n\r\n");
        for piece in [1, 11, 5_000, 100_000] {
            let (pieces, error) = pushed(reply.as_bytes(), piece).await;
            assert_eq!(pieces, [b"abc".as_slice(), large.as_bytes(), b"\n"]);
            assert!(error.is_none());
        }
        let cut = &reply.as_bytes()[..reply.len() - 5];
        let (pieces, error) = pushed(cut, 1000).await;
        assert_eq!(pieces.len(), 3);
        assert!(matches!(error, Some(Error::Connection(_))), "a body without its last chunk was cut short");
    }

    #[tokio::test]
    async fn a_subscription_is_refused_with_a_whole_reply() {
        let refused = b"HTTP/1.1 400 Bad\r\ncontent-length: 2\r\n\r\nno";
        assert_eq!(pushed(refused, 1).await.0, [b"400".as_slice(), b"no"]);
        let endless = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno";
        assert!(matches!(pushed(endless, 1).await.1, Some(Error::Http(_))));
        for (broken, expected) in [("zz\r\n", "chunk size"), ("1\r\nab\r\n", "end with its line")] {
            let reply = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{broken}");
            let error = pushed(reply.as_bytes(), 1000).await.1.unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
