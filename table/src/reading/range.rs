//! From where to where a read goes, as keys in storage.

use bytes::Bytes;
use millstream_storage::KeyRange;

use super::place::Place;
use super::target::Target;
use crate::error::{Error, Result};
use crate::expression::{KeyCondition, RangeCondition};
use crate::key::{ByteRange, partition};
use crate::recovery::after;

/// One of the equal parts into which a parallel scan divides the space of hashes. `number` is below `total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) number: u32,
    pub(crate) total: u32,
}

/// Everything with a hash key, and of that what meets the condition on the range key.
pub(crate) fn of_query(target: &Target<'_>, condition: &KeyCondition) -> KeyRange {
    let hash = [&target.prefix()[..], &partition(&condition.hash).to_be_bytes()].concat();
    let ByteRange { start, end } = ByteRange::of_query(&condition.hash, &condition.range);
    let end = match end {
        Some(end) => [&hash[..], &end].concat().into(),
        None => KeyRange::prefix(&hash).end,
    };
    KeyRange::new([&hash[..], &start].concat(), end)
}

/// Everything, or the segment's part of it.
pub(crate) fn of_scan(target: &Target<'_>, segment: Option<Segment>) -> KeyRange {
    let prefix = target.prefix();
    let mut range = KeyRange::prefix(&prefix);
    if let Some(segment) = segment {
        let at = |partition: u64| Bytes::from([&prefix[..], &partition.to_be_bytes()].concat());
        let first_of = |number: u32| {
            // The lowest partition of which `Key::segment` says this number; `None` if it is the end.
            let scaled = (u128::from(number) << 64).div_ceil(u128::from(segment.total.max(1)));
            u64::try_from(scaled).ok()
        };
        if let Some(first) = first_of(segment.number) {
            range.start = at(first);
        }
        if let Some(end) = first_of(segment.number + 1) {
            range.end = at(end);
        }
    }
    range
}

/// What is left of a range behind a place, in the direction in which it is read.
pub(crate) fn behind(range: KeyRange, place: &Bytes, is_forward: bool) -> KeyRange {
    match is_forward {
        true => KeyRange { start: after(place).max(range.start), end: range.end },
        false => KeyRange { end: place.clone().min(range.end), start: range.start },
    }
}

/// # Errors
///
/// When a query could not have come to this place.
pub(crate) fn check_start_of_query(
    target: &Target<'_>,
    condition: &KeyCondition,
    start: &Place,
) -> Result<()> {
    let is_equal = |wanted: &RangeCondition| matches!(wanted, RangeCondition::Equal(_));
    let has_one_row = target.index.is_none()
        && condition.range.len() == target.keys().range.len()
        && condition.range.iter().all(is_equal);
    let refused = |text: &str| Err(Error::Validation(text.to_owned()));
    if has_one_row {
        return refused("The query can return at most one row and cannot be restarted");
    }
    let key = start.key();
    if key.hash != condition.hash {
        return refused("The provided starting key is outside query boundaries based on provided conditions");
    }
    match condition.range.iter().zip(&key.range).all(|(wanted, range)| wanted.holds(range)) {
        true => Ok(()),
        false => refused("The provided starting key does not match the range key predicate"),
    }
}

/// # Errors
///
/// When a scan of this segment could not have come to this place.
pub(crate) fn check_start_of_scan(segment: Option<Segment>, start: &Place) -> Result<()> {
    match segment {
        Some(Segment { number, total }) if start.key().segment(total) != number => {
            Err(Error::Validation(format!(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use \
                 ExclusiveStartKey with correct Segment. TotalSegments: {total} Segment: {number}"
            )))
        }
        _ => Ok(()),
    }
}
