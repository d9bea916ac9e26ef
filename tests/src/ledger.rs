//! What was sent and acknowledged, and whether a server still tells the same.
//!
//! Every record has an id, which is its partition key and from which its content follows, so an altered
//! record is seen whichever it is. What was acknowledged must come back, once and at its place; what was
//! sent and not acknowledged may be there or not; numbers rise and mean one record for ever. What has been
//! checked once is kept as a running hash for each shard, so that a long run takes no memory.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::random::Random;
use crate::wire::{Outcome, Place, StoredRecord, Wire};

/// A writer and the number of its record; one writer sends its numbers one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    pub writer: u32,
    pub number: u64,
}

impl RecordId {
    #[must_use]
    pub fn partition_key(self) -> String {
        format!("{}-{}", self.writer, self.number)
    }

    fn parse(partition_key: &str) -> Option<Self> {
        let (writer, number) = partition_key.split_once('-')?;
        Some(Self { writer: writer.parse().ok()?, number: number.parse().ok()? })
    }

    /// From 1 byte to 200 KB: mostly small, some large enough to fill many sectors.
    #[must_use]
    pub fn content(self) -> Vec<u8> {
        let mut random = Random::new(u64::from(self.writer) << 40 | self.number);
        let bytes = match random.below(64) {
            0 => random.within(20_000..200_001),
            1..8 => random.within(1_000..20_000),
            _ => random.within(1..1_000),
        };
        let mut content = vec![0; usize::try_from(bytes).unwrap_or(1)];
        random.fill(&mut content);
        content
    }
}

/// Everything that is wrong, in words.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Acknowledged and not there.
    pub lost: Vec<String>,
    /// Altered, reordered, doubled, or a number used twice.
    pub wrong: Vec<String>,
}

impl Findings {
    /// # Panics
    /// When anything is wrong.
    pub fn assert_none(&self, when: &str) {
        let Self { lost, wrong } = self;
        let first = |findings: &[String]| findings.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
        assert!(
            lost.is_empty() && wrong.is_empty(),
            "{when}: {} lost ({}), {} wrong ({})",
            lost.len(),
            first(lost),
            wrong.len(),
            first(wrong)
        );
    }
}

/// What is known of one shard.
#[derive(Clone, Debug, Default)]
struct Book {
    /// The last record that was checked.
    last: Option<String>,
    last_arrival: f64,
    /// The highest number that was ever acknowledged or read.
    highest: String,
    /// The last number of each writer.
    writers: HashMap<u32, u64>,
    records: u64,
    chain: u64,
}

impl Book {
    fn check(&mut self, record: &StoredRecord, wrong: &mut Vec<String>) -> Option<RecordId> {
        let key = &record.partition_key;
        let Some(id) = RecordId::parse(key) else {
            wrong.push(format!("a record with the unknown partition key {key}"));
            return None;
        };
        if record.data != id.content() {
            wrong.push(format!("{id:?} is altered"));
        }
        if self.last.as_ref().is_some_and(|last| *last >= record.sequence) {
            wrong.push(format!("{id:?} does not lie behind the record before it"));
        }
        if record.arrival < self.last_arrival {
            wrong.push(format!("{id:?} arrived before the record before it"));
        }
        if self.writers.get(&id.writer).is_some_and(|last| *last >= id.number) {
            wrong.push(format!("{id:?} is doubled or out of order"));
        }
        self.writers.insert(id.writer, id.number);
        let mut hasher = DefaultHasher::new();
        (self.chain, id, &record.sequence).hash(&mut hasher);
        self.chain = hasher.finish();
        self.records += 1;
        self.last = Some(record.sequence.clone());
        self.last_arrival = record.arrival;
        Some(id)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    stream: String,
    shards: BTreeMap<String, Book>,
    /// Acknowledged and not yet read back.
    open: HashMap<RecordId, Place>,
    acknowledged: u64,
}

impl Ledger {
    #[must_use]
    pub fn new(stream: &str, shards: Vec<String>) -> Self {
        let shards = shards.into_iter().map(|shard| (shard, Book::default())).collect();
        Self { stream: stream.to_owned(), shards, ..Self::default() }
    }

    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Notes acknowledgements that came after the last [`Self::check_new`].
    #[must_use]
    pub fn acknowledge(&mut self, acknowledged: impl IntoIterator<Item = (RecordId, Place)>) -> Findings {
        let mut findings = Findings::default();
        let mut numbers: HashMap<&str, Vec<String>> = HashMap::new();
        for (id, place) in acknowledged {
            let Some((shard, book)) = self.shards.get_key_value(&place.shard) else {
                findings.wrong.push(format!("{id:?} went to the unknown shard {}", place.shard));
                continue;
            };
            if place.sequence <= book.highest {
                findings.wrong.push(format!("{id:?} was given a number that was used: {}", place.sequence));
            }
            numbers.entry(shard).or_default().push(place.sequence.clone());
            self.open.insert(id, place);
            self.acknowledged += 1;
        }
        let highest: Vec<_> = numbers
            .into_iter()
            .map(|(shard, mut numbers)| {
                numbers.sort_unstable();
                if numbers.windows(2).any(|two| two[0] == two[1]) {
                    findings.wrong.push(format!("a number of {shard} was given twice"));
                }
                (shard.to_owned(), numbers.pop().unwrap_or_default())
            })
            .collect();
        for (shard, highest) in highest {
            let book = self.shards.entry(shard).or_default();
            book.highest = highest.max(std::mem::take(&mut book.highest));
        }
        findings
    }

    /// Reads what is new since the last time, in which all open acknowledgements must be.
    ///
    /// # Errors
    /// When a read fails.
    pub fn check_new(&mut self, wire: &mut Wire) -> Outcome<Findings> {
        let mut findings = Findings::default();
        for (shard, book) in &mut self.shards {
            let after = book.last.clone();
            let open = &mut self.open;
            wire.read_after(&self.stream, shard, after.as_deref(), |record| {
                let id = book.check(&record, &mut findings.wrong);
                let Some((id, place)) = id.and_then(|id| Some((id, open.remove(&id)?))) else { return };
                if place != (Place { shard: shard.clone(), sequence: record.sequence }) {
                    findings.wrong.push(format!("{id:?} lies elsewhere than it was acknowledged"));
                }
            })?;
            if let Some(last) = &book.last {
                book.highest = last.clone().max(std::mem::take(&mut book.highest));
            }
        }
        findings.lost = self.open.drain().map(|(id, place)| format!("{id:?} at {place:?}")).collect();
        findings.lost.sort();
        Ok(findings)
    }

    /// Reads everything from the start: it must be what was read before.
    ///
    /// # Errors
    /// When a read fails.
    pub fn check_all(&self, wire: &mut Wire) -> Outcome<Findings> {
        let mut findings = Findings::default();
        for shard in self.shards.keys() {
            findings.merge(self.check_shard(wire, shard)?);
        }
        Ok(findings)
    }

    /// Like [`Self::check_all`], for one shard. Everything that was ever read must have been read before.
    ///
    /// # Errors
    /// When a read fails.
    pub fn check_shard(&self, wire: &mut Wire, shard: &str) -> Outcome<Findings> {
        let mut findings = Findings::default();
        let Some(known) = self.shards.get(shard) else { return Ok(findings) };
        let mut book = Book::default();
        wire.read_after(&self.stream, shard, None, |record| {
            book.check(&record, &mut findings.wrong);
        })?;
        if book.records < known.records {
            findings.lost.push(format!(
                "{shard}: {} of {} records",
                known.records - book.records,
                known.records
            ));
        } else if (book.records, book.chain) != (known.records, known.chain) {
            findings.wrong.push(format!("{shard} reads otherwise than before"));
        }
        Ok(findings)
    }

    pub fn shards(&self) -> impl Iterator<Item = &str> {
        self.shards.keys().map(String::as_str)
    }
}

impl Findings {
    pub fn merge(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.wrong.extend(other.wrong);
    }
}
