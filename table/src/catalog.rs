//! The tables in memory, by name and by uid.
//!
//! Only tables that are persisted are in here, and a table is removed once its deletion is persisted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use millstream_model::{AccountId, Region};
use parking_lot::RwLock;

use crate::arn::TableArn;
use crate::keyspace::TableUid;
use crate::live_table::LiveTable;

#[derive(Debug, Default)]
pub(crate) struct Catalog(RwLock<All>);

#[derive(Debug, Default)]
struct All {
    by_arn: BTreeMap<TableArn, Arc<LiveTable>>,
    by_uid: HashMap<TableUid, Arc<LiveTable>>,
}

impl Catalog {
    pub(crate) fn insert(&self, table: Arc<LiveTable>) {
        let mut all = self.0.write();
        all.by_uid.insert(table.uid, table.clone());
        all.by_arn.insert(table.arn.clone(), table);
    }

    pub(crate) fn remove(&self, table: &LiveTable) {
        let mut all = self.0.write();
        all.by_uid.remove(&table.uid);
        all.by_arn.remove(&table.arn);
    }

    pub(crate) fn by_arn(&self, arn: &TableArn) -> Option<Arc<LiveTable>> {
        self.0.read().by_arn.get(arn).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<LiveTable>> {
        self.0.read().by_arn.values().cloned().collect()
    }

    /// The tables of an account in a region, by name.
    pub(crate) fn of(&self, account: &AccountId, region: &Region) -> Vec<Arc<LiveTable>> {
        let all = self.0.read();
        let of_owner = |table: &&Arc<LiveTable>| table.arn.account == *account && table.arn.region == *region;
        all.by_arn.values().filter(of_owner).cloned().collect()
    }
}
