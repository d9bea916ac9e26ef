//! Shard iterators and page tokens: sealed, so that nobody but this store can make or read one.
//!
//! AES-256-GCM-SIV under a key that lives in the store. A token says which incarnation of a stream it
//! belongs to and when it was issued; it carries everything needed to go on, so the server keeps no state
//! for it. A token of one kind is not accepted as one of another.
//!
//! A shard iterator has the outer look of AWS's: base64 of a fixed 8-byte prefix and a multiple of 16
//! bytes, 152 + 16 * floor((name length + 2) / 16) in all.

use std::sync::Arc;
use std::time::Duration;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64_simd::STANDARD as BASE64;
use bytes::{Buf, BufMut};
use millstream_model::{ShardIndex, Timestamp, limits};
use millstream_runtime::SharedEntropy;
use prost::Message;

use crate::error::{Error, Result};
use crate::keyspace::StreamUid;
use crate::shard::reader::Position;

pub(crate) const PREFIX: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
pub(crate) const ITERATOR: &[u8] = b"shard iterator";

/// Where a listing goes on.
pub(crate) trait Page: Message + Default {
    /// Names the listing, so that no other takes its tokens.
    const KIND: &'static [u8];
}

/// What a shard iterator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IteratorToken {
    pub(crate) stream: StreamUid,
    pub(crate) shard: ShardIndex,
    pub(crate) position: Position,
    pub(crate) issued: Timestamp,
}

/// Makes and reads tokens.
#[derive(Clone)]
pub(crate) struct Sealer {
    cipher: Arc<Aes256GcmSiv>,
    entropy: SharedEntropy,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// Fails unless the key has 32 bytes.
    pub(crate) fn new(key: &[u8], entropy: SharedEntropy) -> Result<Self> {
        let cipher = Aes256GcmSiv::new_from_slice(key)
            .map_err(|_| Error::Internal("corrupt data: the key for tokens".to_owned()))?;
        Ok(Self { cipher: Arc::new(cipher), entropy })
    }

    /// `name_len` is the length of the stream's name, which the token's length follows as on AWS.
    pub(crate) fn seal_iterator(&self, token: &IteratorToken, name_len: usize) -> Result<String> {
        let total = 152 + 16 * ((name_len + 2) / 16);
        let mut plain = Vec::with_capacity(total);
        plain.put_u32(token.stream);
        plain.put_u32(token.shard);
        plain.put_u64(token.position.index);
        plain.put_u64(token.position.time_secs);
        plain.put_u8(u8::from(token.position.inclusive));
        plain.put_u64(token.issued.as_millis());
        plain.resize(total - PREFIX.len() - NONCE_BYTES - TAG_BYTES, 0);
        let mut bytes = PREFIX.to_vec();
        bytes.extend(self.seal(ITERATOR, &plain)?);
        Ok(BASE64.encode_to_string(bytes))
    }

    /// Reads an iterator that is at most 5 minutes old.
    pub(crate) fn open_iterator(&self, text: &str, now: Timestamp) -> Result<IteratorToken> {
        let token = self.decode_iterator(text);
        let token = token.ok_or_else(|| Error::InvalidArgument("Invalid ShardIterator.".to_owned()))?;
        if now.millis_since(token.issued) > millis(limits::ITERATOR_LIFETIME) {
            return Err(expired_iterator(token.issued, now));
        }
        Ok(token)
    }

    fn decode_iterator(&self, text: &str) -> Option<IteratorToken> {
        // AWS accepts an iterator in double quotes, as careless scripts pass it on.
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let bytes = BASE64.decode_to_vec(text).ok()?;
        let plain = self.open(ITERATOR, bytes.strip_prefix(&PREFIX)?)?;
        let mut fields = plain.as_slice();
        Some(IteratorToken {
            stream: fields.try_get_u32().ok()?,
            shard: fields.try_get_u32().ok()?,
            position: Position {
                index: fields.try_get_u64().ok()?,
                time_secs: fields.try_get_u64().ok()?,
                inclusive: fields.try_get_u8().ok()? != 0,
            },
            issued: Timestamp::from_millis(fields.try_get_u64().ok()?),
        })
    }

    /// Seals where a listing goes on.
    pub(crate) fn seal_page<T: Page>(&self, page: &T, now: Timestamp) -> Result<String> {
        let mut plain = now.as_millis().to_be_bytes().to_vec();
        plain.extend(page.encode_to_vec());
        Ok(BASE64.encode_to_string(self.seal(T::KIND, &plain)?))
    }

    /// Reads a page token that is at most 5 minutes old.
    pub(crate) fn open_page<T: Page>(&self, text: &str, now: Timestamp) -> Result<T> {
        let decode = || {
            let plain = self.open(T::KIND, &BASE64.decode_to_vec(text).ok()?)?;
            let (issued, page) = plain.split_first_chunk()?;
            Some((Timestamp::from_millis(u64::from_be_bytes(*issued)), T::decode(page).ok()?))
        };
        let (issued, page) = decode().ok_or_else(invalid_page)?;
        if now.millis_since(issued) > millis(limits::NEXT_TOKEN_LIFETIME) {
            return Err(Error::ExpiredNextToken("The NextToken has expired.".to_owned()));
        }
        Ok(page)
    }

    pub(crate) fn seal(&self, kind: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = self.entropy.bytes::<NONCE_BYTES>();
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: kind });
        let sealed = sealed.map_err(|_| Error::Internal("a token could not be sealed".to_owned()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn open(&self, kind: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        self.cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: kind }).ok()
    }
}

pub(crate) fn invalid_page() -> Error {
    Error::InvalidArgument("Invalid NextToken.".to_owned())
}

fn expired_iterator(issued: Timestamp, now: Timestamp) -> Error {
    Error::ExpiredIterator(format!(
        "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the \
         future than the tolerated delay of {} milliseconds.",
        java_date(issued),
        java_date(now),
        millis(limits::ITERATOR_LIFETIME)
    ))
}

/// As Java's `Date.toString` shows a time in UTC, which is what AWS sends.
fn java_date(time: Timestamp) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%a %b %d %H:%M:%S UTC %Y").to_string()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use millstream_runtime::SeededEntropy;
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, PartialEq, Message)]
    struct Names {
        #[prost(string, tag = "1")]
        after: String,
    }

    impl Page for Names {
        const KIND: &'static [u8] = b"names";
    }

    /// The same fields, for another listing.
    #[derive(Clone, PartialEq, Message)]
    struct Others {
        #[prost(string, tag = "1")]
        after: String,
    }

    impl Page for Others {
        const KIND: &'static [u8] = b"others";
    }

    fn sealer(key: u8) -> Sealer {
        Sealer::new(&[key; 32], SeededEntropy::shared(1)).unwrap()
    }

    fn token() -> IteratorToken {
        let position = Position { index: 77, time_secs: 5, inclusive: false };
        IteratorToken { stream: 3, shard: 9, position, issued: Timestamp::from_millis(1_421_889_722_000) }
    }

    #[test]
    fn iterators_have_the_length_of_aws() {
        for (name_len, bytes) in [(1, 152), (13, 152), (14, 168), (128, 280)] {
            let text = sealer(1).seal_iterator(&token(), name_len).unwrap();
            let decoded = BASE64.decode_to_vec(&text).unwrap();
            assert_eq!((decoded.len(), &decoded[..8]), (bytes, &PREFIX[..]));
        }
    }

    #[test]
    fn iterators_expire_with_the_words_of_aws() {
        let text = sealer(1).seal_iterator(&token(), 5).unwrap();
        let at = |millis: u64| Timestamp::from_millis(1_421_889_722_000 + millis);
        assert_eq!(sealer(1).open_iterator(&text, at(300_000)), Ok(token()));
        assert_eq!(sealer(1).open_iterator(&format!("\"{text}\""), at(0)), Ok(token()));
        let error = sealer(1).open_iterator(&text, at(360_000)).unwrap_err();
        assert_eq!(
            error,
            Error::ExpiredIterator(
                "Iterator expired. The iterator was created at time Thu Jan 22 01:22:02 UTC 2015 while right now it \
                 is Thu Jan 22 01:28:02 UTC 2015 which is further in the future than the tolerated delay of 300000 \
                 milliseconds."
                    .into()
            )
        );
    }

    #[test]
    fn tokens_of_other_stores_and_kinds_are_refused() {
        let now = Timestamp::from_millis(1_421_889_722_000);
        let text = sealer(1).seal_iterator(&token(), 5).unwrap();
        assert!(matches!(sealer(2).open_iterator(&text, now), Err(Error::InvalidArgument(_))));
        let names = Names { after: "orders".to_owned() };
        let page = sealer(1).seal_page(&names, now).unwrap();
        assert_eq!(sealer(1).open_page(&page, now), Ok(names.clone()));
        assert!(sealer(1).open_iterator(&page, now).is_err());
        assert_eq!(sealer(1).open_page::<Names>(&text, now), Err(invalid_page()));
        assert_eq!(sealer(1).open_page::<Others>(&page, now), Err(invalid_page()));
        assert_eq!(sealer(2).open_page::<Names>(&page, now), Err(invalid_page()));
        assert_eq!(sealer(1).open_page(&page, now.plus(Duration::from_secs(300))), Ok(names));
        let late = now.plus(Duration::from_millis(300_001));
        assert!(matches!(sealer(1).open_page::<Names>(&page, late), Err(Error::ExpiredNextToken(_))));
        // What is wrong with it is told before that it is old.
        assert_eq!(sealer(1).open_page::<Others>(&page, late), Err(invalid_page()));
    }

    proptest! {
        #[test]
        fn iterators_round_trip(stream: u32, shard: u32, index: u64, time_secs: u64, inclusive: bool, issued: u64, name_len in 1_usize..=128) {
            let position = Position { index, time_secs, inclusive };
            let token = IteratorToken { stream, shard, position, issued: Timestamp::from_millis(issued) };
            let text = sealer(1).seal_iterator(&token, name_len).unwrap();
            prop_assert_eq!(sealer(1).open_iterator(&text, token.issued), Ok(token));
        }

        #[test]
        fn changed_iterators_are_refused(place in 0_usize..200, byte: u8) {
            let text = sealer(1).seal_iterator(&token(), 5).unwrap();
            let mut bytes = BASE64.decode_to_vec(&text).unwrap();
            let place = place % bytes.len();
            prop_assume!(bytes[place] != byte);
            bytes[place] = byte;
            prop_assert!(sealer(1).open_iterator(&BASE64.encode_to_string(bytes), token().issued).is_err());
        }

        #[test]
        fn any_text_is_refused(text in ".{0,300}") {
            prop_assert!(sealer(1).open_iterator(&text, Timestamp::EPOCH).is_err());
            prop_assert!(sealer(1).open_page::<Names>(&text, Timestamp::EPOCH).is_err());
        }
    }
}
