//! What happened in a run, and what must be true of it.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use millstream_model::{Record, SequenceNumber, ShardId};

/// A record is named by its partition key and its place among the records of that key.
pub(super) type Name = (String, u64);

#[derive(Default)]
pub(super) struct History {
    acknowledged: BTreeMap<Name, (ShardId, SequenceNumber)>,
    failed: BTreeSet<Name>,
    readers: BTreeMap<String, Reader>,
    report: Report,
    trace: DefaultHasher,
}

#[derive(Default)]
struct Reader {
    seen: BTreeMap<Name, (ShardId, SequenceNumber)>,
    /// The place of the last record of each key.
    last: BTreeMap<String, u64>,
}

/// How much happened, and a fingerprint of the order in which it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) acknowledged: usize,
    pub(super) failed: usize,
    pub(super) read: usize,
    pub(super) reshards: usize,
    pub(super) reshards_refused: usize,
    pub(super) power_cuts: usize,
    pub(super) disks_full: usize,
    pub(super) commits_failed: usize,
    pub(super) clock_jumps: usize,
    pub(super) encryption_changes: usize,
    pub(super) deletions: usize,
    /// Records that were stored though whoever put them was told otherwise.
    pub(super) stored_in_vain: usize,
    fingerprint: u64,
}

impl Report {
    pub(super) fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.failed += other.failed;
        self.read += other.read;
        self.reshards += other.reshards;
        self.reshards_refused += other.reshards_refused;
        self.power_cuts += other.power_cuts;
        self.disks_full += other.disks_full;
        self.commits_failed += other.commits_failed;
        self.clock_jumps += other.clock_jumps;
        self.encryption_changes += other.encryption_changes;
        self.deletions += other.deletions;
        self.stored_in_vain += other.stored_in_vain;
    }

    pub(super) fn assert_eventful(&self) {
        let Self { acknowledged, failed, read, reshards, reshards_refused, power_cuts, .. } = *self;
        for count in [acknowledged, failed, read, reshards, reshards_refused, power_cuts] {
            assert!(count > 0, "{self:?}");
        }
        for count in [self.disks_full, self.commits_failed, self.clock_jumps] {
            assert!(count > 0, "{self:?}");
        }
        for count in [self.encryption_changes, self.deletions, self.stored_in_vain] {
            assert!(count > 0, "{self:?}");
        }
    }
}

impl History {
    pub(super) fn note(&mut self, what: impl Hash) {
        what.hash(&mut self.trace);
    }

    pub(super) fn count(&mut self, count: impl FnOnce(&mut Report) -> &mut usize) {
        *count(&mut self.report) += 1;
    }

    pub(super) fn acknowledge(&mut self, name: Name, shard: ShardId, number: SequenceNumber) {
        self.note((&name, shard, number));
        assert_eq!(self.acknowledged.insert(name, (shard, number)), None);
    }

    /// Nothing was promised: the record may turn up or not.
    pub(super) fn fail(&mut self, name: Name) {
        self.note(&name);
        self.failed.insert(name);
    }

    /// A reader was given a record: once, behind those of its key that were put before.
    pub(super) fn read(&mut self, reader: &str, shard: ShardId, record: &Record) {
        let text = std::str::from_utf8(&record.data).unwrap();
        let (key, place) = text.split_once('#').unwrap();
        let name = (key.to_owned(), place.parse::<u64>().unwrap());
        assert_eq!(record.partition_key, key.as_bytes());
        self.note((reader, &name));
        let reader_of = self.readers.entry(reader.to_owned()).or_default();
        let before = reader_of.seen.insert(name.clone(), (shard, record.sequence_number));
        assert_eq!(before, None, "{reader} got {name:?} twice");
        let last = reader_of.last.insert(name.0.clone(), name.1);
        assert!(last < Some(name.1), "{reader} got {name:?} behind {last:?}");
    }

    /// A number is given once, even if nothing is kept any more of those before it.
    pub(super) fn assert_newer_than_all(&self, number: SequenceNumber, shard: ShardId) {
        let given = self.acknowledged.values().filter(|(given_by, _)| *given_by == shard);
        let newest = given.map(|(_, number)| *number).max();
        assert!(Some(number) > newest, "{shard} gave {number:?} after {newest:?}");
    }

    /// When all has been read: every reader has every acknowledged record as it was acknowledged, nothing that nobody
    /// put, and nothing that another reader has not.
    pub(super) fn conclude(&mut self) -> Report {
        let mut readers = self.readers.iter();
        if let Some((first, Reader { seen, .. })) = readers.next() {
            for (other, reader) in readers {
                assert_eq!(seen, &reader.seen, "{first} and {other}");
            }
            self.report.stored_in_vain = self.failed.iter().filter(|name| seen.contains_key(*name)).count();
        }
        for (reader, Reader { seen, .. }) in &self.readers {
            for (name, acknowledged) in &self.acknowledged {
                assert_eq!(seen.get(name), Some(acknowledged), "{reader} and {name:?}");
            }
            let strangers =
                seen.keys().find(|name| !self.acknowledged.contains_key(name) && !self.failed.contains(name));
            assert_eq!(strangers, None, "{reader}");
        }
        let numbers: BTreeSet<_> = self.acknowledged.values().collect();
        assert_eq!(numbers.len(), self.acknowledged.len(), "a sequence number was given twice");
        self.report.acknowledged = self.acknowledged.len();
        self.report.failed = self.failed.len();
        self.report.read = self.readers.values().map(|reader| reader.seen.len()).sum();
        self.report.fingerprint = self.trace.finish();
        self.report.clone()
    }
}
