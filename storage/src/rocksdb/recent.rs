//! Rows that were overwritten lately, with their values, so that a row which is read and written over and over (a
//! lease, a counter) is not searched for in RocksDB each time.
//!
//! Holds at most two halves of [`HALF_BYTES_MAX`]: once the younger half is full it becomes the older one, and what was
//! not written since then is forgotten.

use std::collections::HashMap;

use bytes::Bytes;

const HALF_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Larger values are quickly read beside what else is done with them.
const VALUE_BYTES_MAX: usize = 16 * 1024;
/// Of memory that a row takes besides its bytes.
const ROW_OVERHEAD: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Recent {
    younger: HashMap<Bytes, Bytes>,
    younger_bytes: usize,
    older: HashMap<Bytes, Bytes>,
}

impl Recent {
    pub(super) fn get(&self, key: &[u8]) -> Option<&Bytes> {
        self.younger.get(key).or_else(|| self.older.get(key))
    }

    pub(super) fn insert(&mut self, key: Bytes, value: Bytes) {
        if value.len() > VALUE_BYTES_MAX {
            self.remove(&key);
            return;
        }
        self.younger_bytes += key.len() + value.len() + ROW_OVERHEAD;
        if let Some(before) = self.younger.get_mut(&key) {
            self.younger_bytes -= key.len() + before.len() + ROW_OVERHEAD;
            *before = value;
            return;
        }
        self.younger.insert(key, value);
        if self.younger_bytes > HALF_BYTES_MAX {
            self.older = std::mem::take(&mut self.younger);
            self.younger_bytes = 0;
        }
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        if let Some(value) = self.younger.remove(key) {
            self.younger_bytes -= key.len() + value.len() + ROW_OVERHEAD;
        }
        self.older.remove(key);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: usize) -> Bytes {
        Bytes::from(format!("key-{number}"))
    }

    #[test]
    fn what_is_written_again_stays_and_the_rest_is_forgotten() {
        let mut recent = Recent::default();
        recent.insert(key(0), Bytes::from_static(b"first"));
        let rows = 2 * HALF_BYTES_MAX / VALUE_BYTES_MAX;
        for number in 1..=rows {
            recent.insert(key(number), vec![0; VALUE_BYTES_MAX].into());
            if number % 10 == 0 {
                recent.insert(key(1), Bytes::from_static(b"again"));
            }
        }
        assert_eq!(recent.get(&key(0)), None);
        assert_eq!(recent.get(&key(1)), Some(&Bytes::from_static(b"again")));
        assert!(recent.get(&key(rows)).is_some());
    }

    #[test]
    fn a_value_that_is_too_large_also_removes_the_one_before() {
        let mut recent = Recent::default();
        recent.insert(key(1), Bytes::from_static(b"small"));
        recent.insert(key(1), vec![0; VALUE_BYTES_MAX + 1].into());
        assert_eq!(recent.get(&key(1)), None);
    }

    proptest! {
        #[test]
        fn never_holds_more_than_it_may_nor_anything_but_the_last_value(
            steps in proptest::collection::vec((0..40_usize, proptest::option::of(0..=VALUE_BYTES_MAX)), 1..2_000)
        ) {
            let mut recent = Recent::default();
            let mut last = HashMap::new();
            for (number, length) in steps {
                match length {
                    Some(length) => {
                        recent.insert(key(number), vec![0; length].into());
                        last.insert(key(number), length);
                    }
                    None => {
                        recent.remove(&key(number));
                        last.remove(&key(number));
                    }
                }
                let counted: usize =
                    recent.younger.iter().map(|(key, value)| key.len() + value.len() + ROW_OVERHEAD).sum();
                prop_assert_eq!(counted, recent.younger_bytes);
                prop_assert!(counted <= HALF_BYTES_MAX);
                for number in 0..40 {
                    if let Some(value) = recent.get(&key(number)) {
                        prop_assert_eq!(Some(&value.len()), last.get(&key(number)));
                    }
                }
            }
        }
    }
}
