//! The decoders of this crate as a fuzzer sees them: any bytes in, and a panic where a promise is broken.

use bytes::Bytes;

use crate::anchor::Anchor;

/// An anchor's file. With a right checksum put behind the bytes, what stands before it is read as well.
///
/// # Panics
/// When an anchor that was read is not written as it was.
#[allow(clippy::panic)] // what a fuzzer looks for
pub fn anchor(bytes: &[u8]) {
    check(bytes);
    check(&[bytes, &crc32fast::hash(bytes).to_be_bytes()].concat());
    let named = [b"MSANCHOR\0\x01".as_slice(), bytes].concat();
    check(&[named.as_slice(), &crc32fast::hash(&named).to_be_bytes()].concat());
}

fn check(bytes: &[u8]) {
    if let Some(anchor) = Anchor::decode(bytes) {
        // A name that comes twice counts once, so that the bytes may be others.
        let again = Anchor::decode(&anchor.encode());
        assert_eq!(
            again,
            Some(anchor),
            "an anchor is not what was written: {}",
            Bytes::copy_from_slice(bytes).escape_ascii()
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            super::anchor(&bytes);
        }

        #[test]
        fn counts_and_lengths_are_not_believed(count: u64, length: u32, rest in prop::collection::vec(any::<u8>(), 0..50)) {
            let mut bytes = vec![0; 8 + 16 + 8 + 8];
            bytes.extend_from_slice(&count.to_be_bytes());
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&rest);
            super::anchor(&bytes);
        }
    }
}
