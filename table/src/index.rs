//! Secondary indexes: which items are in one, and what of them it shows.

use millstream_model::{Span, Timestamp};

use crate::item::Item;
use crate::key::KeySchema;
use crate::keyspace::IndexUid;
use crate::meta::{OnDemandThroughput, Status, Throughput, Units};

/// An index over items of one table, local or global.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub(crate) uid: IndexUid,
    pub name: String,
    pub keys: KeySchema,
    pub projection: IndexProjection,
}

/// The attributes that an index shows besides the keys of table and index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexProjection {
    All,
    KeysOnly,
    Include(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalIndex {
    pub index: Index,
    pub throughput: Throughput,
    pub limits: OnDemandThroughput,
    pub warm: Option<Units>,
    pub(crate) phase: IndexPhase,
}

/// What an index is doing, as it is persisted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IndexPhase {
    #[default]
    Steady,
    /// With its table, so there is nothing to fill it with.
    Creating(Span),
    /// Items that were there before it are being put into it; at least until the span is over.
    Filling(Span),
    Updating(Span),
    /// Gone at its end.
    Deleting(Span),
}

impl GlobalIndex {
    /// `None` once a deletion is over.
    pub fn status(&self, now: Timestamp) -> Option<Status> {
        match self.phase {
            IndexPhase::Filling(_) => Some(Status::Creating),
            IndexPhase::Creating(span) if span.is_on(now) => Some(Status::Creating),
            IndexPhase::Updating(span) if span.is_on(now) => Some(Status::Updating),
            IndexPhase::Deleting(span) if span.is_on(now) => Some(Status::Deleting),
            IndexPhase::Deleting(_) => None,
            _ => Some(Status::Active),
        }
    }

    /// Whether items that were there before the index are still being put into it.
    pub fn is_filling(&self) -> bool {
        matches!(self.phase, IndexPhase::Filling(_))
    }
}

impl Index {
    /// What the index shows of an item that is in it.
    pub fn project(&self, item: &Item, table: &KeySchema) -> Item {
        match &self.projection {
            IndexProjection::All => item.clone(),
            IndexProjection::KeysOnly => self.project_named(item, table, &[]),
            IndexProjection::Include(names) => self.project_named(item, table, names),
        }
    }

    /// Whether the index shows an attribute of the items that are in it.
    pub fn shows(&self, name: &str, table: &KeySchema) -> bool {
        let is_key = self.keys.has(name) || table.has(name);
        match &self.projection {
            IndexProjection::All => true,
            IndexProjection::KeysOnly => is_key,
            IndexProjection::Include(names) => is_key || names.iter().any(|included| included == name),
        }
    }

    fn project_named(&self, item: &Item, table: &KeySchema, names: &[String]) -> Item {
        let keys = self.keys.elements().chain(table.elements()).map(|element| &element.name);
        let shown = keys.chain(names).filter_map(|name| Some((name.clone(), item.get(name)?.clone())));
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyElement, KeyType};
    use crate::value::Value;

    fn keys(name: &str) -> KeySchema {
        KeySchema { hash: vec![KeyElement { name: name.to_owned(), kind: KeyType::S }], range: Vec::new() }
    }

    #[test]
    fn projections_show_keys_and_what_they_include() {
        let item: Item = ["id", "owner", "a", "b"].into_iter().map(|name| (name, Value::from(1))).collect();
        let shown = |projection| {
            let index = Index { uid: 1, name: "i".to_owned(), keys: keys("owner"), projection };
            let shown = index.project(&item, &keys("id"));
            assert!(item.iter().all(|(name, _)| index.shows(name, &keys("id")) == shown.contains(name)));
            shown.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(shown(IndexProjection::All), ["a", "b", "id", "owner"]);
        assert_eq!(shown(IndexProjection::KeysOnly), ["id", "owner"]);
        assert_eq!(
            shown(IndexProjection::Include(vec!["b".to_owned(), "z".to_owned()])),
            ["b", "id", "owner"]
        );
    }
}
