//! What a producer is given.

use bytes::Bytes;
use bytestring::ByteString;
use millstream_model::limits::PARTITION_KEY_CHARS_MAX;
use millstream_model::{HashKey, limits};

use crate::error::PutError;

/// A record to be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// 1 to 256 characters. Decides on the shard, by its MD5, unless `explicit_hash_key` does.
    pub partition_key: ByteString,
    /// Where in the hash key space the record belongs, whatever its partition key.
    pub explicit_hash_key: Option<HashKey>,
    /// Anything, up to [`crate::ProducerSettings::max_user_record_size`] together with the partition key.
    pub data: Bytes,
    /// What consumers may know a repetition of this record by; see [`crate::Idempotence`]. At most 128 bytes.
    pub idempotence_tag: Option<ByteString>,
}

/// Bytes of the longest idempotence tag.
pub(crate) const IDEMPOTENCE_TAG_BYTES_MAX: usize = 128;

impl Record {
    /// A record that goes where its partition key belongs.
    #[must_use]
    pub fn new(partition_key: impl Into<ByteString>, data: impl Into<Bytes>) -> Self {
        let (partition_key, data) = (partition_key.into(), data.into());
        Self { partition_key, explicit_hash_key: None, data, idempotence_tag: None }
    }

    /// The same, at a given place of the hash key space.
    #[must_use]
    pub fn at(self, hash_key: HashKey) -> Self {
        Self { explicit_hash_key: Some(hash_key), ..self }
    }

    /// The same, with a tag that a repetition is known by: an order's number, say.
    #[must_use]
    pub fn with_idempotence_tag(self, tag: impl Into<ByteString>) -> Self {
        Self { idempotence_tag: Some(tag.into()), ..self }
    }

    /// Bytes that count towards the service's limits and the producer's budget.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.len() + self.partition_key.len() + self.idempotence_tag.as_ref().map_or(0, |tag| tag.len())
    }

    /// Whether any service would take it.
    pub(crate) fn check(&self, bytes_max: usize) -> Result<(), PutError> {
        let key = &self.partition_key;
        // Most keys are short in bytes already, which spares counting.
        if key.is_empty()
            || (key.len() > PARTITION_KEY_CHARS_MAX && key.encode_utf16().count() > PARTITION_KEY_CHARS_MAX)
        {
            return Err(PutError::Invalid("a partition key has 1 to 256 characters"));
        }
        let tag = self.idempotence_tag.as_ref();
        if tag.is_some_and(|tag| tag.is_empty() || tag.len() > IDEMPOTENCE_TAG_BYTES_MAX) {
            return Err(PutError::Invalid("an idempotence tag has 1 to 128 bytes"));
        }
        let bytes = self.size();
        let bytes_max = bytes_max.min(limits::RECORD_BYTES_CEILING);
        if bytes > bytes_max { Err(PutError::TooLarge { bytes, bytes_max }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_service_takes_is_refused_at_once() {
        let check = |key: &str, bytes| Record::new(key, vec![0; bytes]).check(100);
        assert_eq!(check("k", 99), Ok(()));
        assert_eq!(check("k", 100), Err(PutError::TooLarge { bytes: 101, bytes_max: 100 }));
        assert!(matches!(check("", 0), Err(PutError::Invalid(_))));
        let check = |key: String| Record::new(key, "").check(10_000);
        assert_eq!(check("é".repeat(256)), Ok(()));
        assert!(matches!(check("é".repeat(257)), Err(PutError::Invalid(_))));
        assert!(matches!(check("😀".repeat(129)), Err(PutError::Invalid(_))), "two UTF-16 units each");
        let tagged = |tag: String| Record::new("k", "").with_idempotence_tag(tag).check(10_000);
        assert_eq!(tagged("t".repeat(128)), Ok(()));
        assert!(matches!(tagged("t".repeat(129)), Err(PutError::Invalid(_))));
    }
}
