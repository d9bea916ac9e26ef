//! HTTP/1.1 by hand: requests as bytes, so that they can be wrong in any way, and answers as they came.
//!
//! Not here: what a right answer is. Every read has a deadline, so a server that says nothing fails a test
//! and does not hang it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer takes on a busy machine, shorter than anybody's patience.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// What AWS's JSON and CBOR are called on the wire.
pub const JSON: &str = "application/x-amz-json-1.1";
pub const CBOR: &str = "application/x-amz-cbor-1.1";

/// A signature of a key that is no account id; signatures are not verified.
pub const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=test/20260102/us-east-1/kinesis/aws4_request, \
                                 SignedHeaders=host;x-amz-date, Signature=0";

/// A request that is right until it is made wrong.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Announce the body's length.
    pub has_length: bool,
}

impl Request {
    /// A signed call of an operation of Kinesis.
    #[must_use]
    pub fn call(operation: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let request = Self::bare("POST", body)
            .header("content-type", content_type)
            .header("x-amz-date", "20260102T030405Z")
            .header("authorization", AUTHORIZATION);
        request.header("x-amz-target", format!("Kinesis_20131202.{operation}"))
    }

    #[must_use]
    pub fn json(operation: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::call(operation, JSON, body)
    }

    #[must_use]
    pub fn cbor(operation: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::call(operation, CBOR, body)
    }

    /// With a host and nothing else.
    #[must_use]
    pub fn bare(method: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("host".to_owned(), b"localhost".to_vec())];
        Self { method: method.into(), target: "/".into(), headers, body: body.into(), has_length: true }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    /// Replaces a header.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.without(name).header(name, value)
    }

    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// Whoever asks for this says in a header of its own how long the body is, or does not say it.
    #[must_use]
    pub fn without_length(mut self) -> Self {
        self.has_length = false;
        self
    }

    /// All but the body.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if self.has_length {
            bytes.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it on a connection of its own.
    ///
    /// # Errors
    /// When no whole answer comes in time.
    pub fn send(&self, address: SocketAddr) -> io::Result<Response> {
        let mut connection = Connection::open(address)?;
        // The server may refuse and close before all is sent; its answer is there nevertheless.
        let _ = connection.send(&self.bytes());
        connection.response()
    }
}

/// An answer, names of headers in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection on which every read and write ends in time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// # Errors
    /// When nobody listens.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// # Errors
    /// When the server closes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// How long a write may take.
    ///
    /// # Errors
    /// When the limit cannot be set.
    pub fn write_limit(&self, limit: Duration) -> io::Result<()> {
        self.stream.set_write_timeout(Some(limit))
    }

    /// No more will be sent.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }

    /// The next answer.
    ///
    /// # Errors
    /// When no whole one comes in time.
    pub fn response(&mut self) -> io::Result<Response> {
        let head_end = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            self.receive()?;
        };
        let head = self.take(head_end);
        let (status, headers) = parse_head(&head)?;
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(Ok(0), |(_, value)| value.parse().map_err(|_| malformed()))?;
        self.received.reserve(length.saturating_sub(self.received.len()));
        let body = self.exactly(length)?;
        Ok(Response { status, headers, body })
    }

    /// So many bytes as they come.
    ///
    /// # Errors
    /// When they do not come in time.
    pub fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < count {
            self.receive()?;
        }
        Ok(self.take(count))
    }

    /// The first of what has been received, as it lies there: only what is behind it moves.
    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.received.split_off(count);
        std::mem::replace(&mut self.received, rest)
    }

    /// Whether the server ends the connection within `limit`, whatever it says before.
    ///
    /// # Errors
    /// When the limit cannot be set.
    pub fn ends_within(&mut self, limit: Duration) -> io::Result<bool> {
        self.stream.set_read_timeout(Some(limit))?;
        let ended = loop {
            match self.receive() {
                Ok(()) => {}
                Err(error) => {
                    break !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                }
            }
        };
        self.stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        Ok(ended)
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.received.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }
}

fn parse_head(head: &[u8]) -> io::Result<(u16, Vec<(String, String)>)> {
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok((status.ok_or_else(malformed)?, headers.collect::<io::Result<_>>()?))
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not an HTTP/1.1 answer")
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
