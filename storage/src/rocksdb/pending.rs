//! Hides writes that RocksDB already shows but that are not durable yet.
//!
//! For every key of a batch between its order and its durability this keeps the key's last durable value.
//! A reader first asks RocksDB and then looks here: if the key is here, what RocksDB said may be too new
//! and the value from here counts; if it is not, what RocksDB said is durable. (Looking here before, and
//! not after, would miss a batch that is written in between.)
//!
//! Rows that were put lately are also known here after they have become durable, see [`Recent`], so that RocksDB need
//! not be asked for them at all.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::ops::Bound;

use bytes::Bytes;
use parking_lot::RwLock;

use super::recent::Recent;
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
    /// Durable values; not of keys in flight.
    recent: Recent,
}

#[derive(Debug)]
struct InFlight {
    /// Changes of this key that are ordered and not yet durable.
    changes: usize,
    durable: Option<Bytes>,
    /// The key was trimmed meanwhile: what is put here is not what RocksDB holds.
    trimmed: bool,
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
                // A key that is not in flight does not become so meanwhile: nobody else begins a batch.
                Change::Put { key, .. } | Change::Delete { key } => match self.recent(key) {
                    Some(value) => Some(value),
                    None => read(key)?,
                },
            });
        }
        let mut state = self.0.write();
        for (change, durable) in changes.iter().zip(befores) {
            match state.keys.entry(change.key().clone()) {
                Place::Occupied(mut place) => place.get_mut().changes += 1,
                Place::Vacant(place) => {
                    place.insert(InFlight { changes: 1, durable, trimmed: false });
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
        let State { keys, recent, .. } = &mut *state;
        for change in changes {
            let Place::Occupied(mut place) = keys.entry(change.key().clone()) else { continue };
            let in_flight = place.get_mut();
            if in_flight.changes > 1 {
                in_flight.changes -= 1;
                in_flight.durable = change.value().cloned();
                continue;
            }
            let (key, InFlight { trimmed, .. }) = place.remove_entry();
            match change {
                Change::Put { value, .. } if !trimmed => recent.insert(key, value),
                Change::Put { .. } | Change::Delete { .. } => recent.remove(&key),
                // Written once, and read in order.
                Change::Append { .. } => {}
            }
        }
    }

    /// The keys of the range are about to be trimmed. All that was put lately is forgotten, which is rare enough.
    pub(super) fn trim(&self, start: &[u8], end: &[u8]) {
        let mut state = self.0.write();
        let range = (Bound::Included(start), Bound::Excluded(end));
        state.keys.range_mut::<[u8], _>(range).for_each(|(_, in_flight)| in_flight.trimmed = true);
        state.recent.clear();
    }

    /// Nothing is in flight any more: RocksDB was opened anew, and all it shows is durable.
    pub(super) fn clear(&self) {
        let mut state = self.0.write();
        state.keys.clear();
        state.recent.clear();
        state.generation += 1;
    }

    /// The value of a key that is not in flight, if it was put lately.
    fn recent(&self, key: &[u8]) -> Option<Bytes> {
        let state = self.0.read();
        if state.keys.contains_key(key) { None } else { state.recent.get(key).cloned() }
    }

    /// The key's durable value if that is known without RocksDB.
    pub(super) fn known(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let state = self.0.read();
        match state.keys.get(key) {
            Some(in_flight) => Some(in_flight.durable.clone()),
            None => state.recent.get(key).cloned().map(Some),
        }
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
    fn what_was_put_lately_is_known_without_a_look() {
        let pending = Pending::default();
        let unread = |_: &[u8]| -> Result<_, Infallible> { unreachable!("the value is known") };
        pending.end(begin(&pending, &[put("k", "1")], None), vec![put("k", "1")]);
        assert_eq!(pending.known(b"k"), Some(Some("1".into())));
        let generation = pending.begin(&[put("k", "2")], unread).unwrap();
        assert_eq!(pending.known(b"k"), Some(Some("1".into())), "\"2\" is not durable");
        pending.end(generation, vec![put("k", "2")]);
        assert_eq!(pending.known(b"k"), Some(Some("2".into())));
        let deletion = || vec![Change::Delete { key: "k".into() }];
        let generation = pending.begin(&deletion(), unread).unwrap();
        pending.end(generation, deletion());
        assert_eq!(pending.known(b"k"), None);
    }

    #[test]
    fn trimmed_keys_are_not_known_even_if_they_were_in_flight() {
        let pending = Pending::default();
        pending.end(begin(&pending, &[put("k1", "1")], None), vec![put("k1", "1")]);
        let generation = begin(&pending, &[put("k2", "2")], None);
        pending.trim(b"k1", b"k3");
        assert_eq!(pending.known(b"k1"), None);
        pending.end(generation, vec![put("k2", "2")]);
        assert_eq!(pending.known(b"k2"), None);
    }

    #[test]
    fn nothing_is_known_after_all_was_cleared() {
        let pending = Pending::default();
        pending.end(begin(&pending, &[put("k", "1")], None), vec![put("k", "1")]);
        pending.clear();
        assert_eq!(pending.known(b"k"), None);
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
