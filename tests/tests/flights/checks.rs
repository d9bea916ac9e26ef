//! Flights as they were exported, records as they came back, and what must hold between them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::{KEY_FIELD, SHARDS};

/// A row of the CSV file.
pub(crate) struct Flight {
    pub(crate) row: String,
    key: String,
    /// What `put` makes of it: an object of texts.
    data: String,
}

impl Flight {
    /// No field of this file needs quotes, in CSV or in JSON.
    pub(crate) fn new(header: &str, row: &str) -> Self {
        assert!(!row.contains(['"', '\\']), "{row}");
        let fields = || header.split(',').zip(row.split(','));
        let (_, key) = fields().find(|(name, _)| *name == KEY_FIELD).expect("a tail number");
        let members: Vec<_> = fields().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        Self { row: row.to_owned(), key: key.to_owned(), data: format!("{{{}}}", members.join(",")) }
    }
}

/// Where a record lies: its shard and sequence number.
pub(crate) type Place = (String, String);

/// A record that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) place: Place,
    key: String,
    data: String,
}

/// Lines of `millstream tail -o ndjson` or of `flights.py read`.
pub(crate) fn found(lines: &str) -> Vec<Found> {
    lines.lines().map(|line| found_in(&serde_json::from_str(line).unwrap())).collect()
}

fn found_in(line: &Value) -> Found {
    let member = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name} in {line}")).to_owned();
    let place = (member("shardId"), member("sequenceNumber"));
    Found { place, key: member("partitionKey"), data: member("data") }
}

/// Every aircraft has exactly its flights, in the order of the file. So every flight is there once, and no other.
pub(crate) fn assert_each_once_and_in_order(found: &[Found], flights: &[Flight]) {
    let mut expected: HashMap<&str, Vec<&str>> = HashMap::new();
    for flight in flights {
        expected.entry(&flight.key).or_default().push(&flight.data);
    }
    let mut flown: HashMap<&str, Vec<&str>> = HashMap::new();
    for record in found {
        flown.entry(&record.key).or_default().push(&record.data);
    }
    for (key, flights) in &expected {
        let flown = flown.get(key).map_or(&[][..], Vec::as_slice);
        assert_eq!(flown.len(), flights.len(), "flights of {key}");
        assert!(flown == flights, "the flights of {key} are not those of the file, or not in its order");
    }
    assert_eq!(flown.len(), expected.len(), "aircraft");
    assert_eq!(found.len(), flights.len());
    let shards: HashSet<_> = found.iter().map(|record| &record.place.0).collect();
    assert_eq!(shards.len(), SHARDS, "all shards hold flights");
}

/// Takes out what was there before, all of which must still be there as it was.
pub(crate) fn without(all: Vec<Found>, before: &[Found]) -> Vec<Found> {
    let mut before: HashMap<_, _> = before.iter().map(|record| (&record.place, record)).collect();
    let mut rest = Vec::new();
    for record in all {
        match before.remove(&record.place) {
            Some(known) => assert_eq!(*known, record, "a record changed"),
            None => rest.push(record),
        }
    }
    assert!(before.is_empty(), "{} records of the first run are missing", before.len());
    rest
}

/// Each acknowledged record lies where its acknowledgement says, and each aircraft's acknowledged flights are in
/// order. More may be there: what was stored and could not be acknowledged any more, and was then sent again.
pub(crate) fn assert_nothing_acknowledged_is_missing(
    found: &[Found],
    acknowledged: &HashMap<Place, usize>,
    flights: &[Flight],
) {
    let by_place: HashMap<_, _> = found.iter().map(|record| (&record.place, record)).collect();
    assert_eq!(by_place.len(), found.len(), "two records in one place");
    let missing = acknowledged.iter().filter(|(place, _)| !by_place.contains_key(place)).count();
    assert_eq!(missing, 0, "of {} acknowledged records", acknowledged.len());
    for (place, flight) in acknowledged {
        assert_eq!(by_place[place].data, flights[*flight].data, "the record at {place:?} is another one");
    }
    let (told, untold): (Vec<_>, Vec<_>) =
        found.iter().cloned().partition(|record| acknowledged.contains_key(&record.place));
    assert_each_once_and_in_order(&told, flights);
    let known: HashSet<_> = flights.iter().map(|flight| &flight.data).collect();
    assert!(untold.iter().all(|record| known.contains(&record.data)), "records from nowhere");
}
