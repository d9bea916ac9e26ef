//! Which records are repetitions of ones that came before, by the tag that their producer gave them: pure.
//!
//! A window remembers so many tags of one shard, and where each came first. The same record read once more, because its
//! processing failed say, is no repetition: it lies where it lay. What lies outside of the window, in another shard, or
//! was read by a worker before this one is not known.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use millstream_lease::Checkpoint;

use crate::record::UserRecord;

/// The last tags of a shard.
#[derive(Debug)]
pub(crate) struct Window {
    tags_max: usize,
    /// Oldest first.
    tags: VecDeque<Arc<str>>,
    first_at: HashMap<Arc<str>, Checkpoint>,
}

impl Window {
    /// Remembers so many tags; none if that is 0.
    pub(crate) fn new(tags_max: usize) -> Self {
        Self { tags_max, tags: VecDeque::new(), first_at: HashMap::new() }
    }

    /// Whether a record lies behind another one with its tag. If not, it is remembered.
    pub(crate) fn is_repetition(&mut self, record: &UserRecord) -> bool {
        if self.tags_max == 0 {
            return false;
        }
        let Some(tag) = record.idempotence_tag() else { return false };
        let at = record.checkpoint();
        if let Some(first) = self.first_at.get(&*tag) {
            return *first < at;
        }
        if self.tags.len() == self.tags_max
            && let Some(oldest) = self.tags.pop_front()
        {
            self.first_at.remove(&oldest);
        }
        // A copy, because the tag is a part of its container, which need not stay in memory.
        let tag: Arc<str> = (*tag).into();
        self.tags.push_back(tag.clone());
        self.first_at.insert(tag, at);
        false
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millstream_client::Record;
    use millstream_client::aggregation::{Container, Deaggregation, MemberRef};
    use millstream_client::envelope::Sealer;
    use millstream_model::Timestamp;
    use millstream_runtime::SystemEntropy;

    use super::*;

    fn record(number: u64, tag: Option<&str>) -> UserRecord {
        let sealer = Sealer::new(None, None, SystemEntropy::shared());
        let sealed = sealer.seal("k", tag.map(Into::into).as_ref(), &Bytes::new()).unwrap();
        let mut container = Container::default();
        let (data, tags) = (&sealed.data[..], &sealed.tags[..]);
        container.try_push(MemberRef { partition_key: "k", explicit_hash_key: None, data, tags }, 1_000);
        let record = container.finish().unwrap();
        let record = Record {
            sequence_number: number.to_string().parse().unwrap(),
            approximate_arrival: Timestamp::from_millis(1),
            partition_key: record.partition_key,
            data: record.data,
        };
        UserRecord::from(Deaggregation::default().take_apart(record).next().unwrap().unwrap())
    }

    #[test]
    fn a_repetition_lies_behind_the_first_one() {
        let mut window = Window::new(10);
        assert!(!window.is_repetition(&record(5, Some("a"))));
        assert!(!window.is_repetition(&record(6, Some("b"))));
        assert!(window.is_repetition(&record(7, Some("a"))));
        assert!(!window.is_repetition(&record(5, Some("a"))), "it is read once more");
        assert!(window.is_repetition(&record(7, Some("a"))));
        for _ in 0..2 {
            assert!(!window.is_repetition(&record(8, None)), "without a tag nothing is known");
        }
    }

    #[test]
    fn a_window_is_no_larger_than_it_was_made() {
        let mut window = Window::new(2);
        for (number, tag) in [(1, "a"), (2, "b"), (3, "c")] {
            assert!(!window.is_repetition(&record(number, Some(tag))));
        }
        assert!(window.is_repetition(&record(4, Some("b"))));
        assert!(!window.is_repetition(&record(5, Some("a"))), "it was forgotten");
        assert_eq!((window.tags.len(), window.first_at.len()), (2, 2));
        let mut none = Window::new(0);
        assert!(!none.is_repetition(&record(1, Some("a"))) && !none.is_repetition(&record(2, Some("a"))));
    }
}
