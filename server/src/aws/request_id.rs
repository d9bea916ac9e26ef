//! The two ids that AWS puts on every answer, which SDKs show in their errors.

use base64_simd::STANDARD as BASE64;
use hyper::header::HeaderName;
use millstream_runtime::{Entropy, SeededEntropy};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Makes ids that are unique, not secret.
#[derive(Debug)]
pub(crate) struct RequestIds(SeededEntropy);

const EXTENDED_BYTES: usize = 72;
/// Characters of DynamoDB's ids.
const LONG_ID_CHARS: usize = 52;

impl RequestIds {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self(SeededEntropy::new(entropy.next_u64()))
    }

    /// A UUID of version 4, for `x-amzn-RequestId`.
    pub(super) fn request_id(&self) -> String {
        <dyn Entropy>::uuid(&self.0)
    }

    /// 52 capital letters and digits, for DynamoDB's `x-amzn-RequestId`.
    pub(super) fn long_request_id(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
        let random = <dyn Entropy>::bytes::<LONG_ID_CHARS>(&self.0);
        random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
    }

    /// Base64 of 72 bytes, for `x-amz-id-2`.
    pub(super) fn extended_id(&self) -> String {
        BASE64.encode_to_string(<dyn Entropy>::bytes::<EXTENDED_BYTES>(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_forms_of_aws() {
        let ids = RequestIds::new(&SeededEntropy::new(1));
        let (first, second) = (ids.request_id(), ids.request_id());
        assert_ne!(first, second);
        assert_eq!(first.len(), 36);
        assert_eq!(&first[14..15], "4");
        assert!("89ab".contains(&first[19..20]));
        assert_eq!(ids.extended_id().len(), 96);
        let long = ids.long_request_id();
        assert_eq!(long.len(), 52);
        assert!(long.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
        assert_ne!(long, ids.long_request_id());
    }
}
