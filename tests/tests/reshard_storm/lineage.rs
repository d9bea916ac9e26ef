//! Which shards a reader may read: those without parents, and those whose parents it has read to the end.
//! Children are known from the end of their parents alone, as to the KCL.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_kinesis::types::ChildShard;

#[derive(Debug, Default)]
pub(crate) struct Lineage {
    known: BTreeSet<String>,
    ended: BTreeSet<String>,
    waiting: BTreeMap<String, Vec<String>>,
}

impl Lineage {
    pub(crate) fn starting_with(shards: impl IntoIterator<Item = String>) -> Self {
        Self { known: shards.into_iter().collect(), ..Self::default() }
    }

    /// Gives the shards that may be read from now on.
    pub(crate) fn end(&mut self, shard: &str, children: &[ChildShard]) -> Vec<String> {
        assert!(!children.is_empty(), "{shard} ended without children");
        self.ended.insert(shard.to_owned());
        for child in children {
            assert!(child.parent_shards().iter().any(|parent| parent == shard));
            assert!(child.hash_key_range().is_some());
            if self.known.insert(child.shard_id().to_owned()) {
                self.waiting.insert(child.shard_id().to_owned(), child.parent_shards().to_vec());
            }
        }
        let ended = &self.ended;
        let ready =
            self.waiting.extract_if(.., |_, parents| parents.iter().all(|parent| ended.contains(parent)));
        ready.map(|(shard, _)| shard).collect()
    }
}
