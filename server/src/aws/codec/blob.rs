//! Base64 of JSON requests, decoded once into one allocation that all blobs of the request share.
//!
//! The happy path asks no more than whether it decodes; which of AWS's three complaints a bad blob
//! deserves is found out afterwards.

use base64_simd::{AsOut, STANDARD};
use bytes::{Bytes, BytesMut};

/// Not standard base64 with canonical padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotBase64;

#[derive(Debug)]
pub(crate) struct BlobArena {
    /// Room for blobs to come; what was decoded has been split off.
    room: BytesMut,
    /// What all of the request's blobs together cannot exceed.
    bytes_max: usize,
}

impl BlobArena {
    /// For a request of that many bytes. Nothing is allocated until there is a blob.
    pub(crate) fn for_body(body_bytes: usize) -> Self {
        Self { room: BytesMut::new(), bytes_max: body_bytes / 4 * 3 }
    }

    pub(crate) fn decode(&mut self, base64: &[u8]) -> Result<Bytes, NotBase64> {
        if base64.is_empty() {
            return Ok(Bytes::new());
        }
        let length = STANDARD.decoded_length(base64).map_err(|_| NotBase64)?;
        if self.room.capacity() < length {
            // Escapes make a blob longer than the text that is decoded here, never shorter.
            self.room = BytesMut::with_capacity(self.bytes_max.max(length));
        }
        self.room.resize(length, 0);
        match STANDARD.decode(base64, self.room.as_out()) {
            Ok(_) => Ok(self.room.split_to(length).freeze()),
            Err(_) => {
                self.room.clear();
                Err(NotBase64)
            }
        }
    }
}

/// AWS's words for what is wrong with `text`.
pub(crate) fn base64_complaint(text: &str) -> String {
    let length = text.encode_utf16().count();
    if !length.is_multiple_of(4) {
        return format!("Base64 encoded length is expected a multiple of 4 bytes but found: {length}");
    }
    let is_digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let digits = text.trim_end_matches('=');
    let misplaced = match text.len() - digits.len() {
        0..=2 => digits.chars().find(|c| !is_digit(*c)),
        _ => digits.chars().find(|c| !is_digit(*c)).or(Some('=')),
    };
    match misplaced {
        Some(c) => format!("Invalid Base64 character: '{c}'"),
        None => "Invalid last non-pad Base64 character dectected".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blobs_share_one_allocation() {
        let mut arena = BlobArena::for_body(64);
        let first = arena.decode(b"AAEC").unwrap();
        let second = arena.decode(b"/w==").unwrap();
        assert_eq!((&first[..], &second[..]), (&[0, 1, 2][..], &[255][..]));
        assert_eq!(first.as_ptr().wrapping_add(3), second.as_ptr());
        assert_eq!(arena.decode(b"").unwrap(), Bytes::new());
    }

    #[test]
    fn a_bad_blob_leaves_the_arena_usable() {
        let mut arena = BlobArena::for_body(64);
        assert_eq!(arena.decode(b"AB=="), Err(NotBase64));
        assert_eq!(arena.decode(b"AA==").unwrap(), Bytes::from_static(&[0]));
    }

    #[test]
    fn complaints_are_those_of_aws() {
        let last = "Invalid last non-pad Base64 character dectected";
        let vectors = [
            ("A", "Base64 encoded length is expected a multiple of 4 bytes but found: 1"),
            ("=====", "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
            ("é", "Base64 encoded length is expected a multiple of 4 bytes but found: 1"),
            ("AA=A", "Invalid Base64 character: '='"),
            ("A===", "Invalid Base64 character: '='"),
            ("AA-_", "Invalid Base64 character: '-'"),
            ("AAA ", "Invalid Base64 character: ' '"),
            ("AB==", last),
            ("AAB=", last),
        ];
        for (text, complaint) in vectors {
            assert_eq!(base64_complaint(text), complaint, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(blobs in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..5)) {
            let texts: Vec<_> = blobs.iter().map(|blob| STANDARD.encode_to_string(blob)).collect();
            let mut arena = BlobArena::for_body(texts.iter().map(String::len).sum());
            for (text, blob) in texts.iter().zip(&blobs) {
                prop_assert_eq!(&arena.decode(text.as_bytes()).unwrap()[..], &blob[..]);
            }
        }

        #[test]
        fn what_decodes_is_canonical(text in "[AB+/=]{0,8}") {
            let mut arena = BlobArena::for_body(text.len());
            match arena.decode(text.as_bytes()) {
                Ok(blob) => prop_assert_eq!(STANDARD.encode_to_string(blob), text),
                Err(NotBase64) => prop_assert!(!base64_complaint(&text).is_empty()),
            }
        }
    }
}
