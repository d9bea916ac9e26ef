//! What was sent of a shard and is not acknowledged: pure.
//!
//! It is kept by messages, not by records, so that it takes little memory whatever the records are. A message that is
//! larger than the window may be sent where nothing else is unacknowledged.

use std::collections::VecDeque;

use millstream_lease::{Checkpoint, Position};

#[derive(Debug)]
pub(crate) struct Window {
    bytes_max: usize,
    /// The last record of each message, and the message's bytes.
    unacknowledged: VecDeque<(Checkpoint, usize)>,
    bytes: usize,
    /// The last record that was sent.
    sent: Checkpoint,
    /// The last checkpoint that was asked for.
    acknowledged: Checkpoint,
}

impl Window {
    /// Everything up to `from` was acknowledged before.
    pub(crate) fn new(bytes_max: usize, from: Checkpoint) -> Self {
        Self { bytes_max, unacknowledged: VecDeque::new(), bytes: 0, sent: from.clone(), acknowledged: from }
    }

    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.unacknowledged.is_empty() || self.bytes.saturating_add(bytes) <= self.bytes_max
    }

    /// A message of so many bytes was sent that ends with this record.
    pub(crate) fn sent(&mut self, last: Checkpoint, bytes: usize) {
        self.sent = last.clone();
        self.unacknowledged.push_back((last, bytes));
        self.bytes += bytes;
    }

    /// Everything up to here was processed. False where that cannot be: before what was acknowledged, behind what was
    /// sent, or of another shard, from which nobody could read on.
    pub(crate) fn acknowledge(&mut self, to: &Checkpoint) -> bool {
        if *to < self.acknowledged || *to > self.sent || !self.is_of_shard(to) {
            return false;
        }
        self.acknowledged = to.clone();
        while let Some((_, bytes)) = self.unacknowledged.pop_front_if(|(last, _)| *last <= *to) {
            self.bytes -= bytes;
        }
        true
    }

    fn is_of_shard(&self, to: &Checkpoint) -> bool {
        match (&to.position, &self.sent.position) {
            (Position::At(number), Position::At(sent)) => number.may_be_of_shard_of(sent),
            // What was not sent is in bounds only if it is where the shard began.
            _ => true,
        }
    }

    /// Everything that was sent was processed.
    pub(crate) fn acknowledge_all(&mut self) {
        self.acknowledged = self.sent.clone();
        self.unacknowledged.clear();
        self.bytes = 0;
    }

    /// Whether everything that was sent is acknowledged.
    pub(crate) fn is_settled(&self) -> bool {
        self.unacknowledged.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use millstream_model::SequenceNumber;
    use proptest::prelude::*;

    use super::*;

    fn at(number: u64) -> Checkpoint {
        Checkpoint::at(number.to_string().parse().unwrap(), 0)
    }

    #[test]
    fn a_message_goes_where_nothing_is_unacknowledged_and_no_further_one() {
        let mut window = Window::new(100, Checkpoint::TRIM_HORIZON);
        assert!(window.has_room(1_000) && window.is_settled());
        window.sent(at(5), 1_000);
        assert!(!window.has_room(1) && !window.is_settled());
        assert!(window.acknowledge(&at(4)), "a part of a message");
        assert!(!window.has_room(1));
        assert!(window.acknowledge(&at(5)));
        assert!(window.has_room(100) && window.is_settled());
    }

    #[test]
    fn nothing_is_acknowledged_that_was_not_sent_or_was_before() {
        let mut window = Window::new(100, at(3));
        assert!(window.acknowledge(&at(3)));
        assert!(!window.acknowledge(&at(2)) && !window.acknowledge(&at(4)));
        window.sent(at(6), 10);
        assert!(window.acknowledge(&at(6)) && !window.acknowledge(&at(5)) && !window.acknowledge(&at(7)));
    }

    #[test]
    fn a_number_of_another_shard_is_none_of_this_one() {
        let number = |shard_index, index| {
            let (shard_created_secs, time_secs) = (1_700_000_000, 1_700_000_000);
            let number = SequenceNumber { shard_created_secs, shard_index, index, time_secs };
            Checkpoint::at(number.to_string().parse().unwrap(), 0)
        };
        let mut window = Window::new(100, number(1, 1));
        window.sent(number(1, 9), 10);
        assert!(window.acknowledge(&number(1, 3)));
        assert!(!window.acknowledge(&number(0, 5)) && !window.acknowledge(&number(2, 5)));
        // One more than a number has bits that no number has.
        let Position::At(fifth) = number(1, 5).position else { panic!() };
        let (head, tail) = fifth.as_str().split_at(40);
        let next = format!("{head}{:016}", tail.parse::<u64>().unwrap() + 1);
        assert!(!window.acknowledge(&Checkpoint::at(next.parse().unwrap(), 0)), "{next}");
        assert!(window.acknowledge(&number(1, 9)));
    }

    proptest! {
        /// Whatever comes in whatever order, no more is unacknowledged than fits, or one message.
        #[test]
        fn what_is_unacknowledged_is_bounded(
            steps in proptest::collection::vec((any::<bool>(), 1_usize..60, 0_u64..400), 0..200),
        ) {
            let mut window = Window::new(100, at(0));
            let mut sent = 0;
            for (sends, bytes, number) in steps {
                if sends && window.has_room(bytes) {
                    sent += 2;
                    window.sent(at(sent), bytes);
                } else if !sends {
                    let before = window.acknowledged.clone();
                    let taken = window.acknowledge(&at(number));
                    prop_assert_eq!(taken, before <= at(number) && number <= sent);
                }
                prop_assert!(window.bytes <= 100 || window.unacknowledged.len() == 1);
                let sum: usize = window.unacknowledged.iter().map(|(_, bytes)| bytes).sum();
                prop_assert_eq!(window.bytes, sum);
                prop_assert_eq!(window.is_settled(), window.acknowledged == window.sent);
            }
        }
    }
}
