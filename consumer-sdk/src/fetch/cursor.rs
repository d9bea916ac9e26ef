//! Where the next read of a shard begins: pure.
//!
//! No record is passed over. A reader that begins at the newest record and is interrupted before it saw any would, if
//! it asked for the newest once more, miss what came in between; it asks by time instead, generously.

use std::time::Duration;

use millstream_client::{SequenceNumber, StartingPosition};
use millstream_lease::shard_sync::InitialPosition;
use millstream_lease::{Checkpoint, Position};
use millstream_model::Timestamp;

/// How far the clocks of this machine and of the service may be apart.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(60);

/// The next read's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    position: StartingPosition,
    /// It is earlier than where the reader began, who has seen nothing since.
    is_early: bool,
}

impl Cursor {
    /// `None` at the end of a shard: there is nothing to read. A record that is a checkpoint is read once more, because
    /// it may have members that were not processed; `initial` says which time `AT_TIMESTAMP` means.
    pub(crate) fn behind(checkpoint: &Checkpoint, initial: InitialPosition) -> Option<Self> {
        let position = match (&checkpoint.position, initial) {
            (Position::ShardEnd, _) => return None,
            (Position::At(number), _) => StartingPosition::AtSequenceNumber(number.clone()),
            (Position::Latest, _) => StartingPosition::Latest,
            (Position::AtTimestamp, InitialPosition::AtTimestamp(millis)) => {
                StartingPosition::AtTimestamp(Timestamp::from_millis(millis))
            }
            // Without the time, which is in the configuration alone, only the oldest record passes over none.
            (Position::TrimHorizon | Position::AtTimestamp, _) => StartingPosition::TrimHorizon,
        };
        Some(Self { position, is_early: false })
    }

    pub(crate) fn position(&self) -> &StartingPosition {
        &self.position
    }

    /// Whether it is by a record's number.
    pub(crate) fn is_at_number(&self) -> bool {
        use StartingPosition::{AfterSequenceNumber, AtSequenceNumber};
        matches!(self.position, AtSequenceNumber(_) | AfterSequenceNumber(_))
    }

    /// Whether who begins there is given records again that lie before where this reader began.
    pub(crate) fn is_early(&self) -> bool {
        self.is_early
    }

    /// A read has begun at wall time `now`.
    pub(crate) fn opened(&mut self, now: Timestamp) {
        if self.position == StartingPosition::Latest {
            let position = StartingPosition::AtTimestamp(now.minus(CLOCK_SKEW_MAX));
            *self = Self { position, is_early: true };
        }
    }

    /// Everything up to here was read.
    pub(crate) fn read(&mut self, number: &SequenceNumber) {
        let position = StartingPosition::AfterSequenceNumber(number.clone());
        *self = Self { position, is_early: false };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sentinels_begin_where_they_say() {
        let behind = |checkpoint: &Checkpoint, initial| {
            Cursor::behind(checkpoint, initial).map(|cursor| cursor.position)
        };
        let initial = InitialPosition::AtTimestamp(5);
        assert_eq!(behind(&Checkpoint::TRIM_HORIZON, initial), Some(StartingPosition::TrimHorizon));
        let five = StartingPosition::AtTimestamp(Timestamp::from_millis(5));
        assert_eq!(behind(&Checkpoint::AT_TIMESTAMP, initial), Some(five));
        let lost = behind(&Checkpoint::AT_TIMESTAMP, InitialPosition::Latest);
        assert_eq!(lost, Some(StartingPosition::TrimHorizon));
        assert_eq!(behind(&Checkpoint::SHARD_END, initial), None);
    }

    #[test]
    fn the_newest_is_asked_for_once() {
        let mut cursor = Cursor::behind(&Checkpoint::LATEST, InitialPosition::Latest).unwrap();
        assert_eq!((cursor.position(), cursor.is_early()), (&StartingPosition::Latest, false));
        cursor.opened(Timestamp::from_millis(100_000));
        assert!(cursor.is_early());
        let earlier = StartingPosition::AtTimestamp(Timestamp::from_millis(40_000));
        assert_eq!(cursor.position(), &earlier);
        cursor.opened(Timestamp::from_millis(900_000));
        assert_eq!(cursor.position(), &earlier, "what came since was not seen");
        cursor.read(&"7".parse().unwrap());
        assert!(!cursor.is_early());
    }

    proptest! {
        #[test]
        fn reading_goes_on_behind_the_last_record(number: u64, opened: u64) {
            let number: SequenceNumber = number.to_string().parse().unwrap();
            let checkpoint = Checkpoint::at(number.clone(), 0);
            let mut cursor = Cursor::behind(&checkpoint, InitialPosition::Latest).unwrap();
            prop_assert_eq!(cursor.position(), &StartingPosition::AtSequenceNumber(number.clone()));
            cursor.read(&number);
            cursor.opened(Timestamp::from_millis(opened));
            prop_assert_eq!(cursor.position(), &StartingPosition::AfterSequenceNumber(number));
        }
    }
}
