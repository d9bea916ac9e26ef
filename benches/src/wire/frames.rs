//! Frames of `application/vnd.amazon.eventstream`, cut out of a reply in whatever pieces it comes.
//!
//! A frame is two lengths with a checksum (12 bytes), headers, payload, and a checksum over everything. One that
//! lies within a piece is shown where it is; only what is spread over several is put together. Nothing is decoded
//! that nobody asks for.

use crate::error::Error;

use super::Operation;

const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;
/// AWS allows 24 MiB of payload; a length beyond it is a broken one.
const FRAME_BYTES_MAX: usize = 25 * 1024 * 1024;

/// One message, in the buffer in which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    headers: &'a [u8],
    pub(crate) payload: &'a [u8],
    /// Everything, prelude and checksums included.
    pub(crate) bytes: usize,
}

/// Cuts a reply into frames.
#[derive(Debug)]
pub(crate) struct Frames {
    /// The beginning of a frame whose end has not come.
    partial: Vec<u8>,
    verify: bool,
}

type Malformed = &'static str;

impl Frames {
    /// The checksum of each frame is compared if `verify`; that of its lengths always.
    pub(crate) fn new(verify: bool) -> Self {
        Self { partial: Vec::new(), verify }
    }

    /// Takes the next bytes of the reply and shows every frame that ends with them, in order.
    pub(crate) fn push(
        &mut self,
        mut piece: &[u8],
        mut on_frame: impl FnMut(Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while !piece.is_empty() {
            if self.partial.is_empty()
                && let Some(length) = length(piece)?
                && piece.len() >= length
            {
                let (whole, rest) = piece.split_at(length);
                on_frame(frame(whole, self.verify)?)?;
                piece = rest;
                continue;
            }
            let end = length(&self.partial)?.unwrap_or(PRELUDE_BYTES);
            let (taken, rest) = piece.split_at(piece.len().min(end - self.partial.len()));
            self.partial.reserve_exact(end - self.partial.len());
            self.partial.extend_from_slice(taken);
            piece = rest;
            if length(&self.partial)? == Some(self.partial.len()) {
                on_frame(frame(&self.partial, self.verify)?)?;
                self.partial.clear();
            }
        }
        Ok(())
    }

    /// Says whether the reply may end here.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.partial.is_empty() { Ok(()) } else { Err(malformed("it ends within a frame")) }
    }
}

impl<'a> Frame<'a> {
    /// The value of a header that is a text; `None` when there is no such header.
    pub(crate) fn header(&self, name: &str) -> Result<Option<&'a str>, Error> {
        let mut headers = Headers { rest: self.headers };
        while !headers.rest.is_empty() {
            let (found, value) = headers.next().map_err(malformed)?;
            if let (true, Some(text)) = (found == name.as_bytes(), value) {
                return std::str::from_utf8(text).map(Some).map_err(|_| malformed("a header is not UTF-8"));
            }
        }
        Ok(None)
    }
}

/// The length of the frame that `bytes` begin with; `None` before its prelude is whole.
fn length(bytes: &[u8]) -> Result<Option<usize>, Error> {
    let Some(prelude) = bytes.first_chunk::<PRELUDE_BYTES>() else { return Ok(None) };
    let [total, headers, checksum] = [0, 4, 8].map(|at| word(prelude, at));
    if crc32fast::hash(&prelude[..8]) != checksum {
        return Err(malformed("the checksum of a frame's lengths is wrong"));
    }
    let (total, headers) = (total as usize, headers as usize);
    if total > FRAME_BYTES_MAX || total < PRELUDE_BYTES + CHECKSUM_BYTES + headers {
        return Err(malformed("a frame has an impossible length"));
    }
    Ok(Some(total))
}

/// Takes a whole frame apart.
fn frame(bytes: &[u8], verify: bool) -> Result<Frame<'_>, Error> {
    let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    if verify && crc32fast::hash(content) != word(checksum, 0) {
        return Err(malformed("the checksum of a frame is wrong"));
    }
    let headers_end = PRELUDE_BYTES + word(content, 4) as usize;
    let (headers, payload) = content[PRELUDE_BYTES..].split_at(headers_end - PRELUDE_BYTES);
    Ok(Frame { headers, payload, bytes: bytes.len() })
}

/// The big-endian number at `at`, which must lie within `bytes`.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |word| u32::from_be_bytes(*word))
}

fn malformed(reason: Malformed) -> Error {
    Error::Malformed { operation: Operation::SubscribeToShard.name(), reason }
}

/// The headers of a frame that have not been looked at.
struct Headers<'a> {
    rest: &'a [u8],
}

/// A header's name, and its value if that is a text.
type Header<'a> = (&'a [u8], Option<&'a [u8]>);

impl<'a> Headers<'a> {
    fn next(&mut self) -> Result<Header<'a>, Malformed> {
        let name_bytes = self.take(1)?[0];
        let name = self.take(usize::from(name_bytes))?;
        let value = match self.take(1)?[0] {
            TYPE_TRUE | TYPE_FALSE => None,
            TYPE_BYTE => Some(1),
            TYPE_SHORT => Some(2),
            TYPE_INTEGER => Some(4),
            TYPE_LONG | TYPE_TIMESTAMP => Some(8),
            TYPE_UUID => Some(16),
            kind @ (TYPE_BYTES | TYPE_TEXT) => {
                let length = self.take(2)?;
                let value = self.take(usize::from(u16::from_be_bytes([length[0], length[1]])))?;
                return Ok((name, (kind == TYPE_TEXT).then_some(value)));
            }
            _ => return Err("a header has no known type"),
        };
        self.take(value.unwrap_or(0))?;
        Ok((name, None))
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or("headers are cut short")?;
        self.rest = rest;
        Ok(taken)
    }
}

const TYPE_TRUE: u8 = 0;
const TYPE_FALSE: u8 = 1;
const TYPE_BYTE: u8 = 2;
const TYPE_SHORT: u8 = 3;
const TYPE_INTEGER: u8 = 4;
const TYPE_LONG: u8 = 5;
const TYPE_BYTES: u8 = 6;
const TYPE_TEXT: u8 = 7;
const TYPE_TIMESTAMP: u8 = 8;
const TYPE_UUID: u8 = 9;

/// Frames as a target sends them.
#[cfg(test)]
pub(crate) mod sent {
    use super::*;

    /// A frame with headers that are texts.
    pub(crate) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let headers: Vec<u8> = headers.iter().flat_map(|(name, value)| header(name, value)).collect();
        framed(&headers, payload)
    }

    pub(crate) fn event(kind: &str, payload: &[u8]) -> Vec<u8> {
        let content = (":content-type", "application/json");
        frame(&[(":event-type", kind), content, (":message-type", "event")], payload)
    }

    pub(super) fn framed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
        let total = PRELUDE_BYTES + headers.len() + payload.len() + CHECKSUM_BYTES;
        let mut bytes = Vec::new();
        bytes.extend(u32::try_from(total).unwrap().to_be_bytes());
        bytes.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes.extend(headers);
        bytes.extend(payload);
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    pub(super) fn header(name: &str, value: &str) -> Vec<u8> {
        let mut bytes = vec![u8::try_from(name.len()).unwrap()];
        bytes.extend(name.as_bytes());
        bytes.push(TYPE_TEXT);
        bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        bytes.extend(value.as_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames that other implementations accept, and made of the parts that they are said to have.
    const INITIAL_RESPONSE: &str = "00000068000000564e6817240b3a6576656e742d74797065070010696e697469616c2d726573\
        706f6e73650d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065\
        0700056576656e747b7dd591c62b";
    const EMPTY_EVENT: &str = "000000b10000005bb43c76b10b3a6576656e742d74797065070015537562736372696265546f536861\
        72644576656e740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d7479\
        70650700056576656e747b225265636f726473223a5b5d2c22436f6e74696e756174696f6e53657175656e63654e756d62657222\
        3a2231222c224d696c6c6973426568696e644c6174657374223a307de9e91ea5";

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.bytes().collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    /// Type of event, payload and length of every frame, in pieces that end at `cuts`.
    /// The kind, the payload and the size of a frame.
    type Cut = (Option<String>, Vec<u8>, usize);

    fn cut(bytes: &[u8], cuts: &[usize]) -> Result<Vec<Cut>, Error> {
        let mut frames = Frames::new(true);
        let mut seen = Vec::new();
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut from = 0;
        for end in ends {
            frames.push(&bytes[from..end], |frame| {
                let kind = frame.header(":event-type")?.map(str::to_owned);
                seen.push((kind, frame.payload.to_vec(), frame.bytes));
                Ok(())
            })?;
            from = end;
        }
        frames.finish().map(|()| seen)
    }

    #[test]
    fn known_frames_are_read_and_made() {
        let bytes = [unhex(INITIAL_RESPONSE), unhex(EMPTY_EVENT)];
        let event = br#"{"Records":[],"ContinuationSequenceNumber":"1","MillisBehindLatest":0}"#.to_vec();
        let expected = vec![
            (Some("initial-response".to_owned()), b"{}".to_vec(), 104),
            (Some("SubscribeToShardEvent".to_owned()), event.clone(), 177),
        ];
        assert_eq!(cut(&bytes.concat(), &[]).unwrap(), expected);
        assert_eq!(sent::event("initial-response", b"{}"), bytes[0]);
        assert_eq!(sent::event("SubscribeToShardEvent", &event), bytes[1]);
    }

    #[test]
    fn headers_of_every_type_are_stepped_over() {
        let mut headers = Vec::new();
        for (kind, value) in [
            (TYPE_TRUE, &b""[..]),
            (TYPE_FALSE, b""),
            (TYPE_BYTE, b"1"),
            (TYPE_SHORT, b"12"),
            (TYPE_INTEGER, b"1234"),
            (TYPE_LONG, b"12345678"),
            (TYPE_BYTES, b"\0\x02ab"),
            (TYPE_TIMESTAMP, b"12345678"),
            (TYPE_UUID, b"1234567890123456"),
        ] {
            headers.extend([&[1, b'x', kind][..], value].concat());
        }
        headers.extend(sent::header("x", "text"));
        let bytes = sent::framed(&headers, b"");
        let whole = frame(&bytes, true).unwrap();
        assert_eq!(whole.header("x").unwrap(), Some("text"));
        assert_eq!(whole.header("y").unwrap(), None);
        for broken in [&[1, b'x', 10][..], &[1, b'x'], &[9, b'x'], &[1, b'x', TYPE_TEXT, 0, 2, b'a'], &[0]] {
            let bytes = sent::framed(broken, b"");
            assert!(frame(&bytes, true).unwrap().header("x").is_err(), "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn frames_are_the_same_however_the_reply_is_cut(
            events in prop::collection::vec(("[a-z]{0,20}", prop::collection::vec(any::<u8>(), 0..300)), 0..8),
            cuts in prop::collection::vec(any::<usize>(), 0..20),
        ) {
            let bytes: Vec<u8> =
                events.iter().flat_map(|(kind, payload)| sent::event(kind, payload)).collect();
            let expected: Vec<_> = events
                .into_iter()
                .map(|(kind, payload)| {
                    let length = sent::event(&kind, &payload).len();
                    (Some(kind), payload, length)
                })
                .collect();
            prop_assert_eq!(cut(&bytes, &cuts).unwrap(), expected);
            let every_byte: Vec<_> = (0..bytes.len()).collect();
            prop_assert_eq!(cut(&bytes, &every_byte).unwrap(), cut(&bytes, &[]).unwrap());
        }

        #[test]
        fn a_changed_bit_or_a_missing_end_is_noticed(
            payload in prop::collection::vec(any::<u8>(), 0..300), at: usize, bit in 0..8, end in 1_usize..100,
        ) {
            let good = sent::event("e", &payload);
            let mut bad = good.clone();
            bad[at % good.len()] ^= 1_u8 << bit;
            prop_assert!(cut(&bad, &[at]).is_err());
            prop_assert!(cut(&good[..good.len() - end.min(good.len() - 1)], &[at]).is_err());
        }

        #[test]
        fn no_bytes_upset_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..200), cuts: Vec<usize>) {
            let _ = cut(&bytes, &cuts);
            let _ = cut(&sent::framed(&bytes, b""), &cuts);
        }
    }

    #[test]
    fn a_checksum_is_compared_only_on_request() {
        let mut bytes = sent::event("e", b"payload");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert!(frame(&bytes, true).is_err());
        assert_eq!(frame(&bytes, false).unwrap().payload, b"payload");
    }

    #[test]
    fn impossible_lengths_are_refused_before_anything_is_kept() {
        for (total, headers) in [(0_u32, 0_u32), (15, 0), (16, 1), (u32::MAX, 0), (100, u32::MAX)] {
            let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
            prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
            let mut frames = Frames::new(true);
            assert!(frames.push(&prelude, |_| Ok(())).is_err(), "{total} {headers}");
            assert!(frames.partial.len() <= PRELUDE_BYTES);
        }
    }
}
