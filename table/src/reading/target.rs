//! What is read: a table's items in the order of their keys, or the entries of one of its indexes in theirs.

use bytes::Bytes;
use millstream_model::Timestamp;

use crate::error::{Error, Result};
use crate::index::Index;
use crate::key::{KeyRole, KeySchema};
use crate::keyspace::{INDEX_ENTRY, ITEM, part_prefix, table_prefix};
use crate::meta::{Status, TableMeta};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) meta: &'a TableMeta,
    /// Absent: the table itself.
    pub(crate) index: Option<&'a Index>,
    pub(crate) is_global: bool,
}

impl<'a> Target<'a> {
    /// # Errors
    ///
    /// When there is no such index, or it cannot be read yet, or not consistently.
    pub(crate) fn find(
        meta: &'a TableMeta,
        index: Option<&str>,
        is_consistent: bool,
        now: Timestamp,
    ) -> Result<Self> {
        let Some(name) = index else { return Ok(Self { meta, index: None, is_global: false }) };
        let no_index = || Error::Validation(format!("The table does not have the specified index: {name}"));
        let Some(global) = meta.global_index(name) else {
            let local = meta.local_indexes.iter().find(|index| index.name == name);
            return Ok(Self { meta, index: Some(local.ok_or_else(no_index)?), is_global: false });
        };
        if is_consistent {
            let text = "Consistent reads are not supported on global secondary indexes";
            return Err(Error::Validation(text.to_owned()));
        }
        match global.status(now) {
            None | Some(Status::Deleting) => Err(no_index()),
            Some(Status::Creating) => {
                let text = format!("Cannot read from backfilling global secondary index: {name}");
                Err(Error::Validation(text))
            }
            Some(Status::Active | Status::Updating) => {
                Ok(Self { meta, index: Some(&global.index), is_global: true })
            }
        }
    }

    /// The keys that give the order.
    pub(crate) fn keys(&self) -> &'a KeySchema {
        self.index.map_or(&self.meta.keys, |index| &index.keys)
    }

    pub(crate) fn role(&self) -> KeyRole {
        if self.index.is_some() { KeyRole::Index } else { KeyRole::Table }
    }

    /// Whether what is read has the attribute.
    pub(crate) fn shows(&self, attribute: &str) -> bool {
        self.index.is_none_or(|index| index.shows(attribute, &self.meta.keys))
    }

    /// The name of the index, if it has a capacity of its own.
    pub(crate) fn global_name(&self) -> Option<&'a str> {
        self.index.filter(|_| self.is_global).map(|index| index.name.as_str())
    }

    /// What all keys in storage begin with.
    pub(crate) fn prefix(&self) -> Bytes {
        match self.index {
            None => table_prefix(ITEM, self.meta.uid),
            Some(index) => part_prefix(INDEX_ENTRY, self.meta.uid, index.uid),
        }
    }
}
