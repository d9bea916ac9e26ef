//! Hides writes that RocksDB already shows but that are not durable yet.
//!
//! For every key of a batch between its order and its durability this keeps the key's last durable value.
//! A reader first asks RocksDB and then looks here: if the key is here, what RocksDB said may be too new
//! and the value from here counts; if it is not, what RocksDB said is durable. (Looking here first would
//! miss a batch that is written in between.)

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use bytes::Bytes;
use parking_lot::RwLock;

use crate::slot::KeyRange;
use crate::write_set::Change;

/// The keys in flight, each with its last durable value.
#[derive(Debug, Default)]
pub(super) struct Pending(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    /// How often all was cleared. What was registered before that ends without effect: the same keys may
    /// have been registered anew.
    generation: u64,
    keys: BTreeMap<Bytes, InFlight>,
}

#[derive(Debug)]
struct InFlight {
    /// Changes of this key that are ordered and not yet durable.
    changes: usize,
    durable: Option<Bytes>,
}

impl Pending {
    /// Registers the batch's changes before RocksDB shows them. `read` gives a key's present value. If that
    /// value is itself in flight, the key either still is when the lock below is taken, and the value is
    /// not used, or it has become durable meanwhile, and the value is right. What comes back is for [`end`].
    ///
    /// [`end`]: Self::end
    pub(super) fn begin<E>(
        &self,
        changes: &[Change],
        read: impl Fn(&[u8]) -> Result<Option<Bytes>, E>,
    ) -> Result<u64, E> {
        let mut befores = Vec::with_capacity(changes.len());
        for change in changes {
            befores.push(match change {
                Change::Append { .. } => None,
                Change::Put { key, .. } | Change::Delete { key } => read(key)?,
            });
        }
        let mut state = self.0.write();
        for (change, durable) in changes.iter().zip(befores) {
            match state.keys.entry(change.key().clone()) {
                Place::Occupied(mut place) => place.get_mut().changes += 1,
                Place::Vacant(place) => {
                    place.insert(InFlight { changes: 1, durable });
                }
            }
        }
        Ok(state.generation)
    }

    /// The batch is durable: its values are now what readers see.
    pub(super) fn end(&self, generation: u64, changes: Vec<Change>) {
        let mut state = self.0.write();
        if state.generation != generation {
            return;
        }
        for change in changes {
            let Place::Occupied(mut place) = state.keys.entry(change.key().clone()) else { continue };
            if place.get().changes == 1 {
                place.remove();
            } else {
                let in_flight = place.get_mut();
                in_flight.changes -= 1;
                in_flight.durable = change.value().cloned();
            }
        }
    }

    /// Nothing is in flight any more: RocksDB was opened anew, and all it shows is durable.
    pub(super) fn clear(&self) {
        let mut state = self.0.write();
        state.keys.clear();
        state.generation += 1;
    }

    /// The key's durable value if it is in flight, whatever RocksDB shows.
    pub(super) fn durable_value(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.0.read().keys.get(key).map(|in_flight| in_flight.durable.clone())
    }

    /// The same for all keys of a range.
    pub(super) fn durable_values(&self, range: &KeyRange) -> BTreeMap<Bytes, Option<Bytes>> {
        let state = self.0.read();
        let in_range = state.keys.range::<Bytes, _>(&range.start..&range.end);
        in_range.map(|(key, in_flight)| (key.clone(), in_flight.durable.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn put(key: &'static str, value: &'static str) -> Change {
        Change::Put { key: key.into(), value: value.into() }
    }

    fn begin(pending: &Pending, changes: &[Change], stored: Option<&'static str>) -> u64 {
        pending.begin(changes, |_| Ok::<_, Infallible>(stored.map(Bytes::from))).unwrap()
    }

    #[test]
    fn a_key_in_flight_shows_its_last_durable_value() {
        let pending = Pending::default();
        begin(&pending, &[put("k", "1")], Some("0"));
        begin(&pending, &[put("k", "2")], Some("1"));
        assert_eq!(pending.durable_value(b"k"), Some(Some("0".into())));
        pending.end(0, vec![put("k", "1")]);
        assert_eq!(pending.durable_value(b"k"), Some(Some("1".into())));
        pending.end(0, vec![put("k", "2")]);
        assert_eq!(pending.durable_value(b"k"), None);
    }

    #[test]
    fn a_key_changed_twice_in_a_batch_is_in_flight_once_per_change() {
        let pending = Pending::default();
        let batch = || vec![put("k", "1"), Change::Delete { key: "k".into() }];
        let generation = begin(&pending, &batch(), None);
        pending.end(generation, batch());
        assert_eq!(pending.durable_value(b"k"), None);
    }

    #[test]
    fn what_was_in_flight_before_all_was_cleared_shows_nothing_of_what_came_later() {
        let pending = Pending::default();
        let before = begin(&pending, &[put("k", "1")], Some("0"));
        pending.clear();
        let after = begin(&pending, &[put("k", "2")], Some("1"));
        pending.end(before, vec![put("k", "1")]);
        assert_eq!(pending.durable_value(b"k"), Some(Some("1".into())), "\"2\" is not durable");
        pending.end(after, vec![put("k", "2")]);
        assert_eq!(pending.durable_value(b"k"), None);
    }

    #[test]
    fn appended_keys_hold_nothing_until_they_are_durable() {
        let pending = Pending::default();
        let append = Change::Append { key: "k".into(), value: "v".into() };
        begin(&pending, std::slice::from_ref(&append), Some("not asked for"));
        let range = KeyRange::new("a", "z");
        assert_eq!(pending.durable_values(&range), BTreeMap::from([("k".into(), None)]));
    }
}
