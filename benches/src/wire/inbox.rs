//! The bytes of an HTTP/1.1 reply as they come in: its head, and bodies of both kinds.
//!
//! Everything is read into one buffer that its owner keeps, and nothing is lost when a read is given up half-way.

use std::io;
use std::ops::Range;

use tokio::io::AsyncReadExt;

use super::endpoint::Transport;
use crate::error::Error;

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Far above any Kinesis reply; a length beyond it is a broken one.
const BODY_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Room for a small reply in one read.
const READ_BYTES: usize = 16 * 1024;

/// Why there is no reply.
pub(super) enum Failure {
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

/// What a reply says of itself before its body.
pub(super) struct Head {
    pub(super) bytes: usize,
    pub(super) status: u16,
    /// The target closes the connection behind the body.
    pub(super) closes: bool,
    pub(super) length: Length,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Known(usize),
    Chunked,
}

/// A chunk in a buffer.
pub(super) enum Chunk {
    /// Where its data lie; empty for the last one.
    Whole(Range<usize>),
    /// At least so many bytes are not there yet.
    Missing(usize),
}

/// The buffer of a connection while a reply is read into it.
pub(super) struct Inbox<'a> {
    pub(super) stream: &'a mut Box<dyn Transport>,
    pub(super) buffer: &'a mut Vec<u8>,
}

impl Inbox<'_> {
    /// Reads what there is, with room for at least so many bytes.
    pub(super) async fn read_some(&mut self, room_bytes: usize) -> Result<(), Failure> {
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

    pub(super) async fn read_to(&mut self, end: usize) -> Result<(), Failure> {
        while self.buffer.len() < end {
            self.read_some(end - self.buffer.len()).await?;
        }
        if self.buffer.len() > end { Err(Failure::Invalid("more bytes than announced")) } else { Ok(()) }
    }

    /// Reads until the head of a final reply is whole; interim replies are dropped.
    pub(super) async fn read_head(&mut self) -> Result<Head, Failure> {
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

    /// Reads a chunked body to its end and puts it together.
    pub(super) async fn read_chunks(&mut self, start: usize, joined: &mut Vec<u8>) -> Result<(), Failure> {
        let mut position = start;
        loop {
            match chunk(&self.buffer[position..])? {
                Chunk::Missing(bytes) => self.read_some(bytes).await?,
                Chunk::Whole(data) if data.is_empty() => return Ok(()),
                Chunk::Whole(data) => {
                    joined.extend_from_slice(&self.buffer[position + data.start..position + data.end]);
                    position += data.end + CHUNK_END.len();
                }
            }
        }
    }
}

/// What follows the data of a chunk. Trailers are never sent by Kinesis, so it follows the last chunk as well.
pub(super) const CHUNK_END: &[u8] = b"\r\n";

/// The chunk at the start of `bytes`.
pub(super) fn chunk(bytes: &[u8]) -> Result<Chunk, Failure> {
    let (data, length) = match httparse::parse_chunk_size(bytes) {
        Ok(httparse::Status::Complete((data, length))) => (data, usize::try_from(length).ok()),
        Ok(httparse::Status::Partial) => return Ok(Chunk::Missing(READ_BYTES)),
        Err(_) => return Err(Failure::Invalid("not a chunk size")),
    };
    let length =
        length.filter(|length| *length <= BODY_BYTES_MAX).ok_or(Failure::Invalid("endless chunk"))?;
    let data = data..data + length;
    let end = data.end + CHUNK_END.len();
    match bytes.get(data.end..end) {
        Some(CHUNK_END) => Ok(Chunk::Whole(data)),
        Some(_) => Err(Failure::Invalid("a chunk does not end with its line")),
        None => Ok(Chunk::Missing(end - bytes.len())),
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
