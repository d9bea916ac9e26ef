//! Requests that are sent compressed, where AWS takes such: no larger than they may be, whatever they inflate to.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use hyper::header::CONTENT_ENCODING;
use hyper::http::request::Parts;

/// Why a body was not inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GzipError {
    #[error("the body inflates to more than it may be")]
    TooLarge,
    #[error("the body is not what its encoding says")]
    Malformed,
}

/// The body as it was before it was compressed, if it was; at most `bytes_max`.
pub(super) fn inflated(parts: &Parts, body: &Bytes, bytes_max: usize) -> Result<Bytes, GzipError> {
    let encoding = parts.headers.get(CONTENT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let is_gzip = match encoding.map(Cow::into_owned).as_deref().map(str::trim) {
        None | Some("" | "identity") => false,
        Some(encoding) if encoding.eq_ignore_ascii_case("gzip") => true,
        Some(_) => return Err(GzipError::Malformed),
    };
    let plain = if is_gzip { inflate(body, bytes_max)? } else { body.clone() };
    if plain.len() > bytes_max { Err(GzipError::TooLarge) } else { Ok(plain) }
}

fn inflate(body: &[u8], bytes_max: usize) -> Result<Bytes, GzipError> {
    let mut plain = Vec::new();
    let mut limited = MultiGzDecoder::new(body).take(bytes_max as u64 + 1);
    limited.read_to_end(&mut plain).map_err(|_| GzipError::Malformed)?;
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use hyper::Request;
    use proptest::prelude::*;

    use super::*;

    fn inflated_as(encoding: &str, body: &[u8], bytes_max: usize) -> Result<Bytes, GzipError> {
        let request = Request::builder().header("content-encoding", encoding).body(()).unwrap();
        inflated(&request.into_parts().0, &Bytes::copy_from_slice(body), bytes_max)
    }

    fn compressed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_inflates_beyond_the_limit_is_refused() {
        let bomb = compressed(&vec![0; 10_000_000]);
        assert!(bomb.len() < 20_000);
        assert_eq!(inflated_as("gzip", &bomb, 1_000_000), Err(GzipError::TooLarge));
        assert_eq!(inflated_as("gzip", &compressed(&[0; 100]), 100).unwrap().len(), 100);
        assert_eq!(inflated_as("identity", &[0; 101], 100), Err(GzipError::TooLarge));
    }

    #[test]
    fn what_is_not_what_it_says_is_refused() {
        assert_eq!(inflated_as("gzip", b"{}", 100), Err(GzipError::Malformed));
        assert_eq!(inflated_as("br", b"{}", 100), Err(GzipError::Malformed));
        let whole = compressed(b"some text");
        assert_eq!(inflated_as("gzip", &whole[..whole.len() - 4], 100), Err(GzipError::Malformed));
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(plain in prop::collection::vec(any::<u8>(), 0..500)) {
            prop_assert_eq!(&inflated_as("GZIP", &compressed(&plain), 500).unwrap()[..], &plain[..]);
        }

        #[test]
        fn any_bytes_are_inflated_or_refused(body in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = inflated_as("gzip", &body, 500);
        }
    }
}
