//! The bytes of a snapshot, as they are written to a file or sent.
//!
//! ```text
//! snapshot = "MSTRSNAP" ‖ version u16 ‖ frame*
//! frame    = bytes of the payload u32 ‖ kind u8 ‖ payload ‖ checksum u32
//! ```
//!
//! The checksum is the CRC-32 of the frame's place in the snapshot (u64), which is not written, and of all
//! before it in the frame; so frames that are missing, doubled or exchanged are noticed. The first frame says
//! when the snapshot was made (1, milliseconds u64), then come marks (2) and entries (3), both as pairs of
//! `bytes u32 ‖ bytes u32 ‖ name or key ‖ value`, and last a frame that counts the entries (4, u64), without
//! which the snapshot is not whole. Integers are big-endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::error::SnapshotError;

const MAGIC: &[u8; 8] = b"MSTRSNAP";
pub(crate) const VERSION: u16 = 1;
const HEAD_BYTES: usize = MAGIC.len() + 2;
const FRAME_HEAD_BYTES: usize = 5;
const CHECKSUM_BYTES: usize = 4;
/// A page of entries, the last of which may be a block with the largest record there is.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

const BEGIN: u8 = 1;
const MARKS: u8 = 2;
const ENTRIES: u8 = 3;
const END: u8 = 4;

/// A name and a value, or a key and a value.
pub(crate) type Pair = (Bytes, Bytes);

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Begin { made_millis: u64 },
    Marks(Vec<Pair>),
    Entries(Vec<Pair>),
    End { entries: u64 },
}

/// Writes frames one after another.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    frames: u64,
}

impl Encoder {
    /// The frame's bytes; those of the first one begin with the snapshot's own head.
    pub(crate) fn encode(&mut self, frame: &Frame) -> Bytes {
        let mut bytes = BytesMut::new();
        if self.frames == 0 {
            bytes.put_slice(MAGIC);
            bytes.put_u16(VERSION);
        }
        let start = bytes.len();
        bytes.put_u32(0);
        match frame {
            Frame::Begin { made_millis } => {
                bytes.put_u8(BEGIN);
                bytes.put_u64(*made_millis);
            }
            Frame::Marks(marks) => put_pairs(&mut bytes, MARKS, marks),
            Frame::Entries(entries) => put_pairs(&mut bytes, ENTRIES, entries),
            Frame::End { entries } => {
                bytes.put_u8(END);
                bytes.put_u64(*entries);
            }
        }
        let length = bytes.len() - start - FRAME_HEAD_BYTES;
        bytes[start..start + 4].copy_from_slice(&length_of(length).to_be_bytes());
        let checksum = checksum(self.frames, &bytes[start..]);
        bytes.put_u32(checksum);
        self.frames += 1;
        bytes.freeze()
    }
}

fn put_pairs(bytes: &mut BytesMut, kind: u8, pairs: &[Pair]) {
    bytes.reserve(pairs.iter().map(|(first, second)| 8 + first.len() + second.len()).sum::<usize>() + 16);
    bytes.put_u8(kind);
    for (first, second) in pairs {
        bytes.put_u32(length_of(first.len()));
        bytes.put_u32(length_of(second.len()));
        bytes.put_slice(first);
        bytes.put_slice(second);
    }
}

/// No entry and no page is near what does not fit; a decoder refuses what is cut off here.
fn length_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Reads frames from bytes that come in pieces of any size. Holds one frame at the most.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    buffer: BytesMut,
    /// Bytes that were read to the end of a frame.
    passed: u64,
    headed: bool,
    frames: u64,
    entries: u64,
    ended: bool,
}

impl Decoder {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, if all of it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, SnapshotError> {
        if !self.headed && !self.take_head()? {
            return Ok(None);
        }
        let Some((head, _)) = self.buffer.split_at_checked(FRAME_HEAD_BYTES) else { return Ok(None) };
        let mut head = head;
        let length = head.get_u32() as usize;
        if length > PAYLOAD_BYTES_MAX {
            return Err(self.damaged("a frame of it is too long to be one"));
        }
        let whole = FRAME_HEAD_BYTES + length + CHECKSUM_BYTES;
        if self.buffer.len() < whole {
            self.buffer.reserve(whole - self.buffer.len());
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(whole).freeze();
        let mut checksum_read = frame.split_off(whole - CHECKSUM_BYTES);
        if checksum(self.frames, &frame) != checksum_read.get_u32() {
            return Err(self.damaged("a checksum is wrong"));
        }
        let kind = frame[FRAME_HEAD_BYTES - 1];
        let frame = decode_payload(kind, frame.slice(FRAME_HEAD_BYTES..));
        let frame = frame.ok_or_else(|| self.damaged("a frame says nothing that is known"))?;
        self.follow(&frame)?;
        self.passed += whole as u64;
        self.frames += 1;
        Ok(Some(frame))
    }

    /// Fails unless the last frame was the end, and nothing came behind it. Gives the number of bytes.
    pub(crate) fn finish(&self) -> Result<u64, SnapshotError> {
        match (self.ended, self.buffer.is_empty()) {
            (true, true) => Ok(self.passed),
            (true, false) => Err(self.damaged("something follows its end")),
            (false, _) if self.frames == 0 => Err(SnapshotError::NotASnapshot),
            (false, _) => Err(SnapshotError::Truncated(self.passed + self.buffer.len() as u64)),
        }
    }

    fn take_head(&mut self) -> Result<bool, SnapshotError> {
        let seen = self.buffer.len().min(MAGIC.len());
        if self.buffer[..seen] != MAGIC[..seen] {
            return Err(SnapshotError::NotASnapshot);
        }
        if self.buffer.len() < HEAD_BYTES {
            return Ok(false);
        }
        let mut head = self.buffer.split_to(HEAD_BYTES);
        head.advance(MAGIC.len());
        let version = head.get_u16();
        if version != VERSION {
            return Err(SnapshotError::Version(version, VERSION));
        }
        self.passed = HEAD_BYTES as u64;
        self.headed = true;
        Ok(true)
    }

    /// Checks that the frame may stand where it does.
    fn follow(&mut self, frame: &Frame) -> Result<(), SnapshotError> {
        if self.ended {
            return Err(self.damaged("something follows its end"));
        }
        if (self.frames == 0) != matches!(frame, Frame::Begin { .. }) {
            return Err(self.damaged("it does not begin with its beginning"));
        }
        match frame {
            Frame::Begin { .. } | Frame::Marks(_) => {}
            Frame::Entries(entries) => self.entries += entries.len() as u64,
            Frame::End { entries } if *entries != self.entries => {
                return Err(self.damaged("entries of it are missing"));
            }
            Frame::End { .. } => self.ended = true,
        }
        Ok(())
    }

    fn damaged(&self, what: &str) -> SnapshotError {
        SnapshotError::Damaged(format!("{what}, from byte {} on", self.passed))
    }
}

fn checksum(place: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place.to_be_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn decode_payload(kind: u8, mut payload: Bytes) -> Option<Frame> {
    let frame = match kind {
        BEGIN => Frame::Begin { made_millis: payload.try_get_u64().ok()? },
        MARKS => Frame::Marks(take_pairs(&mut payload)?),
        ENTRIES => Frame::Entries(take_pairs(&mut payload)?),
        END => Frame::End { entries: payload.try_get_u64().ok()? },
        _ => return None,
    };
    payload.is_empty().then_some(frame)
}

fn take_pairs(payload: &mut Bytes) -> Option<Vec<Pair>> {
    let mut pairs = Vec::new();
    while !payload.is_empty() {
        let (first, second) = (payload.try_get_u32().ok()? as usize, payload.try_get_u32().ok()? as usize);
        if first.checked_add(second)? > payload.len() {
            return None;
        }
        pairs.push((payload.split_to(first), payload.split_to(second)));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_pairs() -> impl Strategy<Value = Vec<Pair>> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
        prop::collection::vec((bytes(), bytes()), 0..6)
    }

    fn any_frames() -> impl Strategy<Value = Vec<Frame>> {
        let inner = prop_oneof![any_pairs().prop_map(Frame::Marks), any_pairs().prop_map(Frame::Entries)];
        (any::<u64>(), prop::collection::vec(inner, 0..8)).prop_map(|(made_millis, inner)| {
            let count =
                |frame: &Frame| if let Frame::Entries(pairs) = frame { pairs.len() as u64 } else { 0 };
            let entries = inner.iter().map(count).sum();
            let begin = std::iter::once(Frame::Begin { made_millis });
            begin.chain(inner).chain(std::iter::once(Frame::End { entries })).collect()
        })
    }

    fn encode(frames: &[Frame]) -> Vec<Bytes> {
        let mut encoder = Encoder::default();
        frames.iter().map(|frame| encoder.encode(frame)).collect()
    }

    fn decode(pieces: &[&[u8]]) -> Result<Vec<Frame>, SnapshotError> {
        let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.push(piece);
            while let Some(frame) = decoder.next()? {
                frames.push(frame);
            }
        }
        decoder.finish()?;
        Ok(frames)
    }

    proptest! {
        #[test]
        fn round_trips_in_pieces_of_any_size(frames in any_frames(), size in 1_usize..50) {
            let bytes = encode(&frames).concat();
            let pieces: Vec<_> = bytes.chunks(size).collect();
            prop_assert_eq!(decode(&pieces), Ok(frames));
        }

        #[test]
        fn one_changed_bit_is_noticed(frames in any_frames(), bit: prop::sample::Index) {
            let mut bytes = encode(&frames).concat();
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(&[&bytes]).is_err());
        }

        #[test]
        fn a_snapshot_without_its_end_is_not_whole(frames in any_frames(), end: prop::sample::Index) {
            let bytes = encode(&frames).concat();
            let end = end.index(bytes.len());
            prop_assert!(decode(&[&bytes[..end]]).is_err());
        }

        #[test]
        fn frames_that_are_missing_doubled_or_exchanged_are_noticed(
            frames in any_frames(), a: prop::sample::Index, b: prop::sample::Index,
        ) {
            let whole = encode(&frames);
            let (a, b) = (a.index(whole.len()), b.index(whole.len()));
            let mut missing = whole.clone();
            missing.remove(a);
            prop_assert!(decode(&[&missing.concat()]).is_err());
            let mut doubled = whole.clone();
            doubled.insert(a, whole[a].clone());
            prop_assert!(decode(&[&doubled.concat()]).is_err());
            let mut exchanged = whole.clone();
            exchanged.swap(a, b);
            prop_assert_eq!(decode(&[&exchanged.concat()]).is_ok(), a == b);
        }

        #[test]
        fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(&[&bytes]).is_err());
            prop_assert!(decode(&[&encode(&[])[..].concat(), MAGIC, &VERSION.to_be_bytes(), &bytes]).is_err());
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(decode(&[b"PK\x03\x04"]), Err(SnapshotError::NotASnapshot));
        assert_eq!(decode(&[]), Err(SnapshotError::NotASnapshot));
        assert_eq!(decode(&[MAGIC, &[0, 9]]), Err(SnapshotError::Version(9, VERSION)));
        let whole = encode(&[Frame::Begin { made_millis: 1 }, Frame::End { entries: 0 }]).concat();
        assert_eq!(decode(&[&whole[..30]]), Err(SnapshotError::Truncated(30)));
        let error = decode(&[&whole, b"x"]).unwrap_err().to_string();
        assert!(error.contains("something follows its end"), "{error}");
        let error = decode(&[MAGIC, &VERSION.to_be_bytes(), &[0xff; 5]]).unwrap_err().to_string();
        assert!(error.contains("too long to be one, from byte 10 on"), "{error}");
    }
}
