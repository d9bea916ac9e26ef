//! The shards of a stream: which changes are in which, and how they are called.
//!
//! A shard has the sequences from its first up to the next one's first. Pure: what is persisted is in
//! `keyspace/stream_row`.

use millstream_model::Timestamp;

use super::{RETENTION, SHARD_LIFETIME};
use crate::keyspace::{Sequence, TableUid};
use crate::meta::TableStream;

/// What is persisted of a stream besides what its table says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shards {
    /// Changes below are gone, or going.
    pub(crate) trimmed_below: Sequence,
    /// The oldest first, at least one; the last is the one that takes changes.
    pub(crate) all: Vec<Begin>,
}

/// Where a shard begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begin {
    /// From 0 on.
    pub(crate) number: u32,
    pub(crate) first: Sequence,
    pub(crate) begun: Timestamp,
}

/// One shard, with both its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) number: u32,
    pub(crate) first: Sequence,
    /// The first sequence behind the shard; absent if that is open.
    pub(crate) end: Option<Sequence>,
}

impl Shards {
    /// Of a stream of which nothing was persisted yet.
    pub(crate) fn beginning(stream: &TableStream) -> Self {
        Self { trimmed_below: 0, all: vec![Begin { number: 0, first: 0, begun: stream.created }] }
    }

    /// A stream that was switched off has all its changes below [`Sequence::MAX`], and gets no more.
    pub(crate) fn list(&self, table: TableUid, stream: &TableStream) -> Vec<Shard> {
        let id = |number, begun| shard_id(table, stream, number, begun);
        let mut parent = None;
        let mut shards = Vec::with_capacity(self.all.len());
        for (at, begin) in self.all.iter().enumerate() {
            let of_stream = stream.disabled.map(|_| Sequence::MAX);
            let shard = Shard {
                id: id(begin.number, begin.begun),
                parent: parent.take(),
                number: begin.number,
                first: begin.first,
                end: self.all.get(at + 1).map(|next| next.first).or(of_stream),
            };
            parent = Some(shard.id.clone());
            shards.push(shard);
        }
        shards
    }

    /// Whether it is time for another shard.
    pub(crate) fn is_roll_due(&self, stream: &TableStream, now: Timestamp) -> bool {
        let is_old = |last: &Begin| now.millis_since(last.begun) >= millis(SHARD_LIFETIME);
        stream.disabled.is_none() && self.all.last().is_some_and(is_old)
    }

    /// Begins another shard with this sequence.
    pub(crate) fn roll(&mut self, first: Sequence, now: Timestamp) {
        let number = self.all.last().map_or(0, |last| last.number + 1);
        self.all.push(Begin { number, first, begun: now });
    }

    /// Forgets changes below this, and what is as old.
    pub(crate) fn trim(&mut self, below: Option<Sequence>, now: Timestamp) {
        self.trimmed_below = self.trimmed_below.max(below.unwrap_or(0));
        self.forget_old(now);
    }

    /// Forgets shards of which all changes are too old to be read, whether or not there were any.
    fn forget_old(&mut self, now: Timestamp) {
        while let Some(next) = self.all.get(1)
            && now.millis_since(next.begun) > millis(RETENTION)
        {
            self.trimmed_below = self.trimmed_below.max(next.first);
            self.all.remove(0);
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The time at which the shard began, and what tells it from those of other streams, as AWS's look.
fn shard_id(table: TableUid, stream: &TableStream, number: u32, begun: Timestamp) -> String {
    let mark = table.rotate_left(20) ^ stream.number.rotate_left(12) ^ number;
    format!("shardId-{:020}-{mark:08x}", begun.as_millis())
}

/// A sequence as clients see it: 21 digits, which sort as numbers and as texts.
pub(crate) fn sequence_number(sequence: Sequence) -> String {
    format!("1{sequence:020}")
}

/// The sequence that was shown so.
pub(crate) fn parse_sequence_number(text: &str) -> Option<Sequence> {
    let digits = text.strip_prefix('1')?;
    match digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::meta::StreamView;

    fn stream(disabled: Option<Timestamp>) -> TableStream {
        let created = Timestamp::from_millis(1_700_000_000_100);
        TableStream { number: 0, view: StreamView::KeysOnly, created, disabled }
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_100 + hours * 3_600_000)
    }

    proptest! {
        #[test]
        fn sequence_numbers_round_trip_in_order(a: u64, b: u64) {
            let (left, right) = (sequence_number(a), sequence_number(b));
            prop_assert_eq!(parse_sequence_number(&left), Some(a));
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            prop_assert_eq!(left.len(), 21);
        }

        #[test]
        fn other_texts_are_no_sequence_numbers(text in "[0-9a]{0,22}") {
            let parsed = parse_sequence_number(&text);
            prop_assert!(parsed.is_none_or(|sequence| sequence_number(sequence) == text));
        }
    }

    #[test]
    fn shards_follow_one_another_and_are_forgotten() {
        let mut shards = Shards::beginning(&stream(None));
        assert!(!shards.is_roll_due(&stream(None), at(3)));
        assert!(shards.is_roll_due(&stream(None), at(4)));
        assert!(!shards.is_roll_due(&stream(Some(at(1))), at(4)));
        shards.roll(10, at(4));
        let list = shards.list(7, &stream(None));
        assert_eq!((list[0].first, list[0].end, list[1].first, list[1].end), (0, Some(10), 10, None));
        assert_eq!((&list[0].parent, &list[1].parent), (&None, &Some(list[0].id.clone())));
        assert_eq!(shards.list(7, &stream(Some(at(5))))[1].end, Some(Sequence::MAX));
        assert_eq!(list[0].id.len(), "shardId-00000001234567890123-abcdef01".len());
        shards.forget_old(at(28));
        assert_eq!((shards.all.len(), shards.trimmed_below), (2, 0));
        shards.forget_old(at(29));
        assert_eq!(shards.trimmed_below, 10);
        assert_eq!(shards.list(7, &stream(None)), [Shard { parent: None, ..list[1].clone() }]);
    }
}
