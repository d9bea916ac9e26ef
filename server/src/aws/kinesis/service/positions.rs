//! Where a reader of a shard wants to start, as GetShardIterator and SubscribeToShard are told.

use bytestring::ByteString;
use millstream_engine::StartingPosition as Start;
use millstream_model::Timestamp;

use super::Answer;
use super::errors::invalid_argument;
use crate::aws::kinesis::generated::ShardIteratorType;

/// A position of the kind, with just what it needs.
pub(super) fn start(
    kind: ShardIteratorType,
    sequence_number: Option<&ByteString>,
    timestamp: Option<Timestamp>,
) -> Answer<Start> {
    match (kind, sequence_number.map(ToString::to_string)) {
        (ShardIteratorType::AtSequenceNumber, Some(number)) => Ok(Start::AtSequenceNumber(number)),
        (ShardIteratorType::AfterSequenceNumber, Some(number)) => Ok(Start::AfterSequenceNumber(number)),
        (ShardIteratorType::TrimHorizon, None) => Ok(Start::TrimHorizon),
        (ShardIteratorType::Latest, None) => Ok(Start::Latest),
        (ShardIteratorType::AtTimestamp, None) => timestamp.map(Start::AtTimestamp).ok_or_else(|| {
            invalid_argument(
                "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no \
                 timestamp parameter.",
            )
        }),
        (kind, number) => {
            let specified = if number.is_some() { "also a" } else { "no" };
            Err(invalid_argument(format!(
                "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or \
                 (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {} and {specified} \
                 StartingSequenceNumber.",
                kind.name()
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_wants_its_own() {
        let number = ByteString::from_static("5");
        let text = |kind, number: Option<&ByteString>, time| {
            start(kind, number, time).map_err(|error| error.message().unwrap_or_default().to_owned())
        };
        let time = Some(Timestamp::from_millis(7));
        assert_eq!(text(ShardIteratorType::Latest, None, None), Ok(Start::Latest));
        assert_eq!(text(ShardIteratorType::TrimHorizon, None, time), Ok(Start::TrimHorizon));
        assert_eq!(
            text(ShardIteratorType::AtTimestamp, None, time),
            Ok(Start::AtTimestamp(Timestamp::from_millis(7)))
        );
        assert_eq!(
            text(ShardIteratorType::AfterSequenceNumber, Some(&number), None),
            Ok(Start::AfterSequenceNumber("5".into()))
        );
        let no = text(ShardIteratorType::AtSequenceNumber, None, None).unwrap_err();
        assert!(no.ends_with("Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber."), "{no}");
        let also = text(ShardIteratorType::Latest, Some(&number), None).unwrap_err();
        assert!(also.ends_with("Request specified LATEST and also a StartingSequenceNumber."), "{also}");
        let no_time = text(ShardIteratorType::AtTimestamp, None, None).unwrap_err();
        assert!(no_time.starts_with("Must specify timestampInMillis"), "{no_time}");
    }
}
