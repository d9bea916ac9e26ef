//! Iterators: where in a shard a reader stands, as a text that the reader keeps.
//!
//! A text says everything, so nothing is kept for readers that may never come back. It names the stream openly:
//! whoever makes one up gets no further than with a call of GetShardIterator, since leave to read is asked for
//! the stream that the text names.

use std::time::Duration;

use base64_simd::STANDARD as BASE64;
use bytes::{Buf, BufMut};
use millstream_model::Timestamp;

use super::arn::StreamArn;
use crate::error::{Error, Result};
use crate::keyspace::Sequence;

/// How long an iterator can be used.
pub(crate) const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Between the ARN and the rest.
const SEPARATOR: &str = "|1|";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamIterator {
    pub(crate) stream: StreamArn,
    pub(crate) shard: u32,
    pub(crate) position: Position,
    pub(crate) issued: Timestamp,
}

/// The first change that a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) sequence: Sequence,
    /// What happened before this is passed over. In microseconds since the Unix epoch, 0 for nothing.
    pub(crate) since_micros: u64,
}

impl StreamIterator {
    pub(crate) fn encode(&self) -> String {
        let mut rest = Vec::with_capacity(28);
        rest.put_u32(self.shard);
        rest.put_u64(self.position.sequence);
        rest.put_u64(self.position.since_micros);
        rest.put_u64(self.issued.as_millis());
        format!("{}{SEPARATOR}{}", self.stream, BASE64.encode_to_string(rest))
    }

    /// # Errors
    ///
    /// When the text is no iterator, or one that is older than [`LIFETIME`].
    pub(crate) fn open(text: &str, now: Timestamp) -> Result<Self> {
        let iterator = Self::decode(text);
        let iterator = iterator.ok_or_else(|| Error::Validation("Invalid ShardIterator".to_owned()))?;
        if u128::from(now.millis_since(iterator.issued)) > LIFETIME.as_millis() {
            return Err(Error::ExpiredIterator("Shard iterator has expired".to_owned()));
        }
        Ok(iterator)
    }

    fn decode(text: &str) -> Option<Self> {
        let (stream, rest) = text.split_once(SEPARATOR)?;
        let rest = BASE64.decode_to_vec(rest).ok()?;
        let mut fields = rest.as_slice();
        let iterator = Self {
            stream: stream.parse().ok()?,
            shard: fields.try_get_u32().ok()?,
            position: Position {
                sequence: fields.try_get_u64().ok()?,
                since_micros: fields.try_get_u64().ok()?,
            },
            issued: Timestamp::from_millis(fields.try_get_u64().ok()?),
        };
        fields.is_empty().then_some(iterator)
    }
}

/// The stream that an iterator is of, whether or not it is still good for anything.
pub fn stream_of_iterator(text: &str) -> Option<StreamArn> {
    StreamIterator::decode(text).map(|iterator| iterator.stream)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn iterator(shard: u32, sequence: u64, since_micros: u64, issued: u64) -> StreamIterator {
        let stream = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2024-11-18T14:36:44.149";
        StreamIterator {
            stream: stream.parse().unwrap(),
            shard,
            position: Position { sequence, since_micros },
            issued: Timestamp::from_millis(issued),
        }
    }

    proptest! {
        #[test]
        fn round_trips(shard: u32, sequence: u64, since_micros: u64, issued: u32) {
            let iterator = iterator(shard, sequence, since_micros, issued.into());
            let (text, now) = (iterator.encode(), iterator.issued.plus(LIFETIME));
            prop_assert_eq!(stream_of_iterator(&text), Some(iterator.stream.clone()));
            prop_assert_eq!(StreamIterator::open(&text, now), Ok(iterator));
            prop_assert!(text.len() <= 2048);
        }

        #[test]
        fn other_texts_are_refused(text in ".{0,40}") {
            prop_assert!(StreamIterator::open(&text, Timestamp::from_millis(0)).is_err());
            let torn = iterator(1, 2, 3, 4).encode();
            prop_assert!(StreamIterator::open(&torn[..torn.len() - 4], Timestamp::from_millis(0)).is_err());
        }
    }

    #[test]
    fn an_iterator_expires() {
        let iterator = iterator(0, 0, 0, 1_000);
        let late = iterator.issued.plus(LIFETIME + Duration::from_millis(1));
        assert!(matches!(StreamIterator::open(&iterator.encode(), late), Err(Error::ExpiredIterator(_))));
    }
}
