//! What is wrong with an entry, whatever the shards have room for.

use millstream_model::sequence_number::Decoded;

use super::PutEntry;
use crate::capacity::Distribution;
use crate::engine::Found;
use crate::error::{Error, Result};

pub(super) fn check_record_size(entry: &PutEntry, found: &Found) -> Result<()> {
    let bytes_max = found.meta.record_bytes_max();
    if entry.size() <= bytes_max {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!(
        "Record size of {} bytes, data and partition key together, exceeds the stream's limit of {bytes_max} bytes",
        entry.size()
    )))
}

/// The model does not require partition keys, but all streams do that find shards by them.
pub(super) fn check_partition_key(entry: &PutEntry, found: &Found) -> Result<()> {
    if !entry.partition_key.is_empty() || found.meta.capacity.distribution == Distribution::Auto {
        return Ok(());
    }
    Err(missing(std::iter::once("partitionKey".to_owned())))
}

pub(super) fn check_partition_keys(entries: &[PutEntry], found: &Found) -> Result<()> {
    if found.meta.capacity.distribution == Distribution::Auto {
        return Ok(());
    }
    let keyless = entries.iter().zip(1_usize..).filter(|(entry, _)| entry.partition_key.is_empty());
    let paths: Vec<_> = keyless.map(|(_, number)| format!("records.{number}.member.partitionKey")).collect();
    if paths.is_empty() { Ok(()) } else { Err(missing(paths.into_iter())) }
}

/// AWS accepts any number that it could have issued by now. Order needs nothing more from us: numbers of a
/// shard rise anyway. Where records take turns among the shards there is no order to ask for.
pub(super) fn check_ordering(found: &Found, ordering: &str) -> Result<()> {
    let (arn, now) = (&found.stream.arn, found.now);
    if found.meta.capacity.distribution == Distribution::Auto {
        return Err(Error::InvalidArgument(format!(
            "SequenceNumberForOrdering is not supported for stream {} under account {}, whose \
             RecordDistributionStrategy is AUTO.",
            arn.name, arn.account
        )));
    }
    match ordering.parse::<Decoded>() {
        Ok(decoded) if decoded.number.time_secs <= now.as_secs() => Ok(()),
        _ => Err(Error::InvalidArgument(format!(
            "ExclusiveMinimumSequenceNumber {ordering} used in PutRecord on stream {} under account {} is invalid.",
            arn.name, arn.account
        ))),
    }
}

/// In the words that AWS has for members that its model requires.
fn missing(paths: impl ExactSizeIterator<Item = String>) -> Error {
    /// AWS tells no more faults than this.
    const SHOWN_MAX: usize = 10;
    let count = paths.len().min(SHOWN_MAX);
    let errors = if count == 1 { "error" } else { "errors" };
    let faults: Vec<_> = paths
        .take(count)
        .map(|path| format!("Value null at '{path}' failed to satisfy constraint: Member must not be null"))
        .collect();
    Error::Validation(format!("{count} validation {errors} detected: {}", faults.join("; ")))
}
