//! What was acknowledged and what each reader was given.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Partition key and place among the records of that key, from 1.
type Name = (String, u64);

#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// With the shard and the sequence number.
    acknowledged: BTreeMap<Name, (String, String)>,
    readers: BTreeMap<String, Given>,
}

#[derive(Debug, Default)]
struct Given {
    records: BTreeMap<Name, (String, String)>,
    last: BTreeMap<String, u64>,
}

impl Journal {
    pub(crate) fn acknowledge(&self, key: &str, place: u64, shard: &str, number: &str) {
        let before =
            self.0.lock().unwrap().acknowledged.insert((key.into(), place), (shard.into(), number.into()));
        assert_eq!(before, None);
    }

    /// Fails when the reader had the record already, or one that was put behind it.
    pub(crate) fn give(&self, reader: &str, shard: &str, record: &aws_sdk_kinesis::types::Record) {
        let text = std::str::from_utf8(record.data().as_ref()).unwrap();
        let (key, place) = text.split_once('#').unwrap();
        let place: u64 = place.parse().unwrap();
        assert_eq!(record.partition_key(), Some(key));
        let mut entries = self.0.lock().unwrap();
        let given = entries.readers.entry(reader.to_owned()).or_default();
        let found = (shard.to_owned(), record.sequence_number().to_owned());
        let before = given.records.insert((key.to_owned(), place), found);
        assert_eq!(before, None, "{reader} got {text} twice");
        let last = given.last.insert(key.to_owned(), place);
        assert!(last.unwrap_or_default() < place, "{reader} got {text} behind {last:?}");
    }

    /// When all is read.
    pub(crate) fn conclude(&self, readers: usize) -> String {
        let entries = self.0.lock().unwrap();
        assert_eq!(entries.readers.len(), readers);
        for (reader, given) in &entries.readers {
            for (name, place) in &entries.acknowledged {
                assert_eq!(given.records.get(name), Some(place), "{reader} and {name:?}");
            }
            assert_eq!(
                given.records.len(),
                entries.acknowledged.len(),
                "{reader} got what was not acknowledged"
            );
        }
        assert!(entries.acknowledged.len() > 1000, "there was no load to speak of");
        format!(
            "{} records acknowledged, {readers} readers got each of them once",
            entries.acknowledged.len()
        )
    }
}
