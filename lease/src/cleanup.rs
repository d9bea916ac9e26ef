//! Which leases of finished shards can go. Too early, and a shard would be read again or its children from nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::lease::Lease;
use crate::names::ShardName;

/// A lease to be removed, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    pub lease: Lease,
    pub reason: RemovalReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalReason {
    /// It is at its end, its parents' leases are gone, and all shards that continue it are being processed.
    Finished,
    /// The stream does not have this shard any more, with or without its records having been read.
    ShardGone,
}

impl fmt::Display for RemovalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "the shards that continue it are being processed",
            Self::ShardGone => "the stream does not have the shard any more",
        })
    }
}

/// The leases to remove. `leases` are those of one stream. `known` are all shards that the stream has, if they were
/// just listed completely; without them only finished leases go.
#[must_use]
pub fn plan(leases: &[Lease], known: Option<&BTreeSet<ShardName>>) -> Vec<Removal> {
    let by_shard: BTreeMap<_, _> = leases.iter().map(|lease| (lease.shard(), lease)).collect();
    // Shards of a stream that lists none at all are not believed to be gone.
    let known = known.filter(|known| !known.is_empty());
    let why = |lease: &Lease| {
        let orphaned = lease.parents.iter().all(|parent| !by_shard.contains_key(parent));
        let continued = !lease.children.is_empty()
            && lease.children.iter().all(|child| by_shard.get(child).is_some_and(|child| has_begun(child)));
        if lease.is_finished() && orphaned && continued {
            return Some(RemovalReason::Finished);
        }
        let gone = known.is_some_and(|known| !known.contains(&lease.shard()));
        // Whoever holds it finds out for itself that the shard is gone, and ends it.
        (gone && orphaned && (lease.is_finished() || lease.holder().is_none()))
            .then_some(RemovalReason::ShardGone)
    };
    let removal = |lease: &Lease| why(lease).map(|reason| Removal { lease: lease.clone(), reason });
    leases.iter().filter_map(removal).collect()
}

fn has_begun(lease: &Lease) -> bool {
    !lease.checkpoint.position.is_initial()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkpoint::Checkpoint;

    fn lease(name: &str, parents: &[&str], children: &[&str], checkpoint: Checkpoint) -> Lease {
        let mut lease = Lease::new(name.parse().unwrap(), checkpoint);
        lease.parents = parents.iter().map(|name| name.parse().unwrap()).collect();
        lease.children = children.iter().map(|name| name.parse().unwrap()).collect();
        lease
    }

    fn begun() -> Checkpoint {
        Checkpoint::at("5".parse().unwrap(), 0)
    }

    fn removed(leases: &[Lease], known: Option<&[&str]>) -> Vec<(String, RemovalReason)> {
        let known = known.map(|known| known.iter().map(|name| name.parse().unwrap()).collect());
        let removals = plan(leases, known.as_ref());
        removals.into_iter().map(|r| (r.lease.key.to_string(), r.reason)).collect()
    }

    #[test]
    fn a_parent_stays_until_all_children_have_begun() {
        let mut leases = [
            lease("p", &[], &["a", "b"], Checkpoint::SHARD_END),
            lease("a", &["p"], &[], begun()),
            lease("b", &["p"], &[], Checkpoint::TRIM_HORIZON),
        ];
        assert_eq!(removed(&leases, None), []);
        leases[2].checkpoint = begun();
        assert_eq!(removed(&leases, None), [("p".to_owned(), RemovalReason::Finished)]);
        assert_eq!(removed(&leases[..2], None), [], "a child has no lease");
        leases[0].children.clear();
        assert_eq!(removed(&leases, None), [], "its children are not known");
    }

    #[test]
    fn the_older_goes_first() {
        let leases = [
            lease("g", &[], &["p"], Checkpoint::SHARD_END),
            lease("p", &["g"], &["a"], Checkpoint::SHARD_END),
            lease("a", &["p"], &[], begun()),
        ];
        assert_eq!(removed(&leases, None), [("g".to_owned(), RemovalReason::Finished)]);
        assert_eq!(removed(&leases[1..], None), [("p".to_owned(), RemovalReason::Finished)]);
    }

    #[test]
    fn what_the_stream_lost_goes_when_nobody_has_it() {
        let mut leases = [lease("x", &[], &[], begun()), lease("y", &[], &[], begun())];
        assert_eq!(removed(&leases, Some(&["y"])), [("x".to_owned(), RemovalReason::ShardGone)]);
        assert_eq!(removed(&leases, Some(&[])), [], "an empty listing proves nothing");
        leases[0].owner = Some("w".parse().unwrap());
        assert_eq!(removed(&leases, Some(&["y"])), []);
    }

    proptest! {
        /// In a chain of shards, removing again and again leaves the one that is being read and never one before its
        /// parent.
        #[test]
        fn a_chain_ends_with_its_tip(length in 1_usize..12, tip_begun: bool) {
            let name = |index: usize| format!("s{index:03}");
            let mut leases: Vec<_> = (0..length)
                .map(|index| {
                    let parents: Vec<String> = index.checked_sub(1).map(name).into_iter().collect();
                    let children: Vec<String> = (index + 1 < length).then(|| name(index + 1)).into_iter().collect();
                    let last = if tip_begun { begun() } else { Checkpoint::TRIM_HORIZON };
                    let checkpoint = if index + 1 == length { last } else { Checkpoint::SHARD_END };
                    let (parents, children): (Vec<_>, Vec<_>) =
                        (parents.iter().map(String::as_str).collect(), children.iter().map(String::as_str).collect());
                    lease(&name(index), &parents, &children, checkpoint)
                })
                .collect();
            for _ in 0..length {
                let gone = plan(&leases, None);
                prop_assert!(gone.len() <= 1);
                for removal in gone {
                    prop_assert_eq!(&removal.lease.key, &leases[0].key);
                    leases.remove(0);
                }
            }
            let stays = if tip_begun { 1 } else { length.min(2) };
            prop_assert_eq!(leases.len(), stays);
        }
    }
}
