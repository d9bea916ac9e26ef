//! One frame of an event stream.
//!
//! ```text
//! u32  length of the frame
//! u32  length of the headers
//! u32  CRC-32 of the eight bytes before
//!      headers: u8 length of the name, name, u8 type (7: text), u16 length of the value, value
//!      payload
//! u32  CRC-32 of all before
//! ```
//! Numbers are big-endian. A frame is sent in pieces, so that the large part of a payload, which many streams may
//! have in common, is neither copied nor read again for its checksum.

use bytes::{BufMut, Bytes, BytesMut};
use crc32fast::Hasher;

use crate::aws::codec::encode::MemberWriter;
use crate::aws::codec::{ApiError, Encode, Format, Writer, encode};

/// Type of a header whose value is text.
const TEXT: u8 = 7;
const PRELUDE_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;

/// A frame, in pieces that are sent one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Frame(Vec<Bytes>);

/// Part of a payload with its checksum.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    bytes: Bytes,
    crc32: u32,
}

/// A payload of which the middle is at hand as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload<'a> {
    pub(crate) before: &'a [u8],
    pub(crate) middle: Vec<Piece>,
    pub(crate) after: &'a [u8],
}

impl Piece {
    /// Bytes of which the checksum is known.
    pub(crate) fn new(bytes: Bytes, crc32: u32) -> Self {
        Self { bytes, crc32 }
    }
}

impl Frame {
    pub(crate) fn initial_response(content_type: &str) -> Self {
        Self::event("initial-response", content_type, Payload { before: b"{}", ..Payload::default() })
    }

    pub(crate) fn event(kind: &str, content_type: &str, payload: Payload<'_>) -> Self {
        let headers = [(":event-type", kind), (":content-type", content_type), (":message-type", "event")];
        Self::new(&headers, payload)
    }

    /// The last frame of a stream that ends because of an error.
    pub(crate) fn exception(error: &ApiError, content_type: &str) -> Self {
        let headers = [
            (":exception-type", error.code()),
            (":content-type", content_type),
            (":message-type", "exception"),
        ];
        let mut json = Vec::new();
        encode(Format::Json, &Message(error.message().unwrap_or_default()), &mut json);
        Self::new(&headers, Payload { before: &json, ..Payload::default() })
    }

    fn new(headers: &[(&str, &str)], payload: Payload<'_>) -> Self {
        let Payload { before, middle, after } = payload;
        let header_bytes: usize = headers.iter().map(|(name, value)| 4 + name.len() + value.len()).sum();
        let middle_bytes: usize = middle.iter().map(|piece| piece.bytes.len()).sum();
        let head_bytes = PRELUDE_BYTES + CHECKSUM_BYTES + header_bytes + before.len();
        let total_bytes = head_bytes + middle_bytes + after.len() + CHECKSUM_BYTES;

        let mut head = BytesMut::with_capacity(head_bytes + after.len() + CHECKSUM_BYTES);
        head.put_u32(length(total_bytes));
        head.put_u32(length(header_bytes));
        head.put_u32(crc32fast::hash(&head));
        for (name, value) in headers {
            head.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
            head.put_slice(name.as_bytes());
            head.put_u8(TEXT);
            head.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
            head.put_slice(value.as_bytes());
        }
        head.put_slice(before);

        let mut checksum = Hasher::new();
        checksum.update(&head);
        if middle.is_empty() {
            checksum.update(after);
            head.put_slice(after);
            head.put_u32(checksum.finalize());
            return Self(vec![head.freeze()]);
        }
        let mut pieces = Vec::with_capacity(middle.len() + 2);
        pieces.push(head.freeze());
        for Piece { bytes, crc32 } in middle {
            checksum.combine(&Hasher::new_with_initial_len(crc32, bytes.len() as u64));
            pieces.push(bytes);
        }
        checksum.update(after);
        let mut tail = BytesMut::with_capacity(after.len() + CHECKSUM_BYTES);
        tail.put_slice(after);
        tail.put_u32(checksum.finalize());
        pieces.push(tail.freeze());
        Self(pieces)
    }

    pub(crate) fn into_pieces(self) -> Vec<Bytes> {
        self.0
    }
}

/// Frames are at most a few megabytes long: an event is one record or a mebibyte.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// `{"message": ...}`
struct Message<'a>(&'a str);

impl Encode for Message<'_> {
    fn encode<W: Writer>(&self, writer: &mut W) {
        let mut members = MemberWriter::open(writer);
        members.required("message", &bytestring::ByteString::from(self.0));
        members.close();
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::read_message_from;
    use aws_smithy_types::event_stream::{HeaderValue, Message as Decoded};
    use proptest::prelude::*;

    use super::*;
    use crate::aws::kinesis::generated::Exception;

    fn bytes(frame: Frame) -> Vec<u8> {
        frame.into_pieces().concat()
    }

    fn decoded(frame: Frame) -> Decoded {
        read_message_from(&mut Bytes::from(bytes(frame))).unwrap()
    }

    fn header<'m>(message: &'m Decoded, name: &str) -> Option<&'m str> {
        let header = message.headers().iter().find(|header| header.name().as_str() == name)?;
        match header.value() {
            HeaderValue::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    fn piece(bytes: &[u8]) -> Piece {
        Piece::new(Bytes::copy_from_slice(bytes), crc32fast::hash(bytes))
    }

    /// What botocore's decoder accepts, byte by byte.
    #[test]
    fn the_frames_are_those_that_clients_were_seen_to_take() {
        let initial = "00000068000000564e6817240b3a6576656e742d74797065070010696e697469616c2d726573706f6e73650d\
                       3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d7479\
                       70650700056576656e747b7dd591c62b";
        let event = "000000b10000005bb43c76b10b3a6576656e742d74797065070015537562736372696265546f53686172644576\
                     656e740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d657373616765\
                     2d747970650700056576656e747b225265636f726473223a5b5d2c22436f6e74696e756174696f6e5365717565\
                     6e63654e756d626572223a2231222c224d696c6c6973426568696e644c6174657374223a307de9e91ea5";
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(bytes(Frame::initial_response("application/json"))), initial);
        let json: &[u8] = br#"{"Records":[],"ContinuationSequenceNumber":"1","MillisBehindLatest":0}"#;
        for cut in [0, 12, json.len()] {
            let (before, after) = json.split_at(cut);
            let payload = Payload { before, middle: Vec::new(), after };
            assert_eq!(hex(bytes(Frame::event("SubscribeToShardEvent", "application/json", payload))), event);
        }
    }

    #[test]
    fn an_exception_says_its_type_and_its_text() {
        let error = ApiError::new(Exception::ResourceInUse, "in \"use\"");
        let message = decoded(Frame::exception(&error, "application/x-amz-json-1.1"));
        assert_eq!(header(&message, ":message-type"), Some("exception"));
        assert_eq!(header(&message, ":exception-type"), Some("ResourceInUseException"));
        assert_eq!(header(&message, ":content-type"), Some("application/x-amz-json-1.1"));
        assert_eq!(message.payload().as_ref(), br#"{"message":"in \"use\""}"#);
    }

    proptest! {
        #[test]
        fn another_decoder_reads_any_frame(
            kind in "[a-zA-Z-]{1,100}",
            before in prop::collection::vec(any::<u8>(), 0..50),
            middle in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..5),
            after in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let payload =
                Payload { before: &before, middle: middle.iter().map(|bytes| piece(bytes)).collect(), after: &after };
            let frame = Frame::event(&kind, "application/x-amz-json-1.1", payload);
            prop_assert_eq!(frame.0.len(), if middle.is_empty() { 1 } else { middle.len() + 2 });
            let message = decoded(frame);
            prop_assert_eq!(header(&message, ":event-type"), Some(kind.as_str()));
            prop_assert_eq!(header(&message, ":message-type"), Some("event"));
            prop_assert_eq!(message.payload().as_ref(), [before, middle.concat(), after].concat());
        }

        /// Text that a header cannot hold does not occur; still nothing panics.
        #[test]
        fn texts_of_errors_come_through(text in any::<String>()) {
            let message = decoded(Frame::exception(&ApiError::new(Exception::ResourceNotFound, text.clone()), "x"));
            let json: serde_json::Value = serde_json::from_slice(message.payload()).unwrap();
            prop_assert_eq!(json["message"].as_str(), Some(text.as_str()));
        }
    }
}
