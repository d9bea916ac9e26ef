//! What was sent of a shard and is not acknowledged: pure.
//!
//! It is kept by messages, not by records, so that it takes little memory whatever the records are. A message that is
//! larger than the window may be sent where nothing else is unacknowledged.

use std::collections::VecDeque;

use millstream_lease::Checkpoint;

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
    /// sent.
    pub(crate) fn acknowledge(&mut self, to: &Checkpoint) -> bool {
        if *to < self.acknowledged || *to > self.sent {
            return false;
        }
        self.acknowledged = to.clone();
        while let Some((_, bytes)) = self.unacknowledged.pop_front_if(|(last, _)| *last <= *to) {
            self.bytes -= bytes;
        }
        true
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
