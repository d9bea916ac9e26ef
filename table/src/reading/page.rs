//! Reads one page: items in their order until a limit is reached or nothing is left.
//!
//! Storage is read in steps, each bounded in entries and bytes, and nothing is held but what the page shows. A
//! page ends with the item with which it has evaluated 1 MB or more, as AWS's do: scans of small items cost 128.5 units
//! a page there, half a unit more than 1 MB is.

use millstream_storage::{KeyRange, ScanOptions};

use super::place::Place;
use super::range::behind;
use super::selection::{Selection, Shown};
use super::target::Target;
use crate::arn::TableArn;
use crate::capacity::{Capacity, Consistency};
use crate::consumed::{Access, Consumed};
use crate::error::Result;
use crate::expression::Condition;
use crate::item::Item;
use crate::keyspace::corrupt;
use crate::tables::{Found, Inner};

/// What one page evaluates, but for its last item, in bytes.
const PAGE_BYTES: usize = 1024 * 1024;
/// Entries of one step.
const STEP_ENTRIES: usize = 1_000;

/// What Query and Scan return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemsPage {
    /// Absent if only their number was asked for.
    pub items: Option<Vec<Item>>,
    /// Items that the filter let through.
    pub count: usize,
    /// Items that were evaluated.
    pub scanned: usize,
    /// Where to go on: the keys of the last item that was evaluated. Absent at the end.
    pub last: Option<Item>,
    pub consumed: Consumed,
}

/// What is to be read.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) target: Target<'a>,
    /// Of what is left: a place to start behind is accounted for.
    pub(crate) range: KeyRange,
    pub(crate) is_forward: bool,
    pub(crate) filter: Option<Condition>,
    pub(crate) selection: Selection,
    /// Items to be evaluated, at least 1.
    pub(crate) limit: Option<usize>,
    pub(crate) is_consistent: bool,
}

/// What came of a page so far.
#[derive(Debug)]
struct Progress {
    shown: Vec<Item>,
    count: usize,
    scanned: usize,
    /// Bytes that were evaluated, those of fetched items included.
    bytes: usize,
    /// Of these, bytes of what is read.
    read_bytes: usize,
    fetches: Capacity,
    last: Option<Place>,
}

/// One entry, as found and as the filter sees it.
struct Candidate {
    place: Place,
    found: Item,
    fetched: Option<Item>,
}

impl Inner {
    /// Reads one page, for which the table, or its global index, pays.
    pub(crate) async fn read_page(&self, found: &Found, plan: Plan<'_>) -> Result<ItemsPage> {
        self.admit(found, Access::Read, plan.target.global_name())?;
        let (progress, is_over) = self.read_entries(&plan).await?;
        let consumed = progress.consumed(&found.table.arn, &plan);
        self.charge(&found.table, &found.meta, &consumed)?;
        let last = progress.last.filter(|_| !is_over).map(|place| place.to_item(&plan.target));
        Ok(ItemsPage {
            items: (plan.selection.shown != Shown::Nothing).then_some(progress.shown),
            count: progress.count,
            scanned: progress.scanned,
            last,
            consumed,
        })
    }

    /// What was read, and whether nothing is left.
    async fn read_entries(&self, plan: &Plan<'_>) -> Result<(Progress, bool)> {
        let mut progress = Progress::new();
        let mut range = plan.range.clone();
        while range.start < range.end {
            let left = plan.limit.map_or(STEP_ENTRIES, |limit| limit - progress.scanned);
            let options = ScanOptions {
                entries_max: left.clamp(1, STEP_ENTRIES),
                bytes_max: PAGE_BYTES - progress.bytes,
                reverse: !plan.is_forward,
            };
            let step = self.slot.scan(range.clone(), options).await?;
            for entry in &step.entries {
                let candidate = self.candidate(plan, &entry.key, &entry.value).await?;
                let Some(candidate) = candidate else { continue };
                if !progress.take(candidate, plan) {
                    return Ok((progress, false));
                }
            }
            match step.entries.last() {
                Some(last) if step.more => range = behind(range, &last.key, plan.is_forward),
                _ => return Ok((progress, true)),
            }
        }
        Ok((progress, true))
    }

    /// What an entry stands for; `None` if the table has the item no more, or no more there.
    async fn candidate(&self, plan: &Plan<'_>, key: &[u8], value: &[u8]) -> Result<Option<Candidate>> {
        let found = Item::decode(value)?;
        let place = Place::of(&plan.target, &found).ok_or_else(|| corrupt("an item without its key", key))?;
        if !plan.selection.fetches {
            return Ok(Some(Candidate { place, found, fetched: None }));
        }
        let fetched = self.read_item(plan.target.meta, &place.base).await?;
        let is_there = |item: &Item| Place::of(&plan.target, item).as_ref() == Some(&place);
        Ok(fetched.filter(is_there).map(|fetched| Candidate { place, found, fetched: Some(fetched) }))
    }
}

impl Progress {
    fn new() -> Self {
        Self {
            shown: Vec::new(),
            count: 0,
            scanned: 0,
            bytes: 0,
            read_bytes: 0,
            fetches: Capacity::NONE,
            last: None,
        }
    }

    /// False if the page ended with this item.
    fn take(&mut self, candidate: Candidate, plan: &Plan<'_>) -> bool {
        let Candidate { place, found, fetched } = candidate;
        let size = found.size();
        let bytes = size + fetched.as_ref().map_or(0, Item::size);
        self.bytes += bytes;
        self.read_bytes += size;
        if let Some(fetched) = &fetched {
            self.fetches += Capacity::read(fetched.size(), plan.consistency());
        }
        self.scanned += 1;
        self.last = Some(place);
        let seen = fetched.as_ref().unwrap_or(&found);
        if plan.filter.as_ref().is_none_or(|filter| filter.holds(seen)) {
            self.count += 1;
            match &plan.selection.shown {
                Shown::Nothing => {}
                Shown::AsFound => self.shown.push(found),
                Shown::Whole => self.shown.push(fetched.unwrap_or(found)),
                Shown::Paths(projection) => self.shown.push(projection.apply(seen)),
            }
        }
        self.bytes < PAGE_BYTES && plan.limit.is_none_or(|limit| self.scanned < limit)
    }

    fn consumed(&self, table: &TableArn, plan: &Plan<'_>) -> Consumed {
        let cost = Capacity::read(self.read_bytes, plan.consistency());
        let mut consumed = Consumed::new(table.clone(), Access::Read, self.fetches);
        match plan.target.index {
            None => consumed.base += cost,
            Some(index) if plan.target.is_global => {
                consumed.global_indexes.insert(index.name.clone(), cost);
            }
            Some(index) => {
                consumed.local_indexes.insert(index.name.clone(), cost);
            }
        }
        consumed
    }
}

impl Plan<'_> {
    fn consistency(&self) -> Consistency {
        if self.is_consistent { Consistency::Strong } else { Consistency::Eventual }
    }
}
