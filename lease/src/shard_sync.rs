//! Which leases there should be for the shards there are: KCL's rules, as a pure decision.
//!
//! A new application begins where it was told to; one that runs only adds what would otherwise be missed. A child's
//! lease is made when its parents are done, or by whoever reads their end; until then the parent stands for it. Reading
//! a child waits for its parents in any case ([`waits_for`]).

mod hash_ranges;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use millstream_model::HashKeyRange;

use crate::checkpoint::{Checkpoint, Position};
use crate::lease::{Lease, StreamOfLease};
use crate::names::{LeaseKey, ShardName, StreamIdentifier};

pub use self::hash_ranges::{Hole, HoleWatch, hole};

/// A shard, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    pub name: ShardName,
    /// None, one after a split, two after a merge.
    pub parents: Vec<ShardName>,
    /// `None` where shards have no ranges (DynamoDB Streams).
    pub hash_range: Option<HashKeyRange>,
    pub is_open: bool,
}

/// Where an application begins that has processed nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialPosition {
    TrimHorizon,
    #[default]
    Latest,
    /// Milliseconds since the epoch.
    AtTimestamp(u64),
}

impl InitialPosition {
    /// What leases begin with. The time is in the application's configuration, not in its leases.
    #[must_use]
    pub fn checkpoint(self) -> Checkpoint {
        match self {
            Self::TrimHorizon => Checkpoint::TRIM_HORIZON,
            Self::Latest => Checkpoint::LATEST,
            Self::AtTimestamp(_) => Checkpoint::AT_TIMESTAMP,
        }
    }
}

/// A lease to be made, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Creation {
    pub lease: Lease,
    pub reason: CreationReason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreationReason {
    /// There were no leases at all.
    NewApplication,
    /// Neither this shard nor one that it comes from has a lease.
    Unknown,
    /// A shard that comes from this one would wait for it and has another parent with a lease.
    OtherParent { child: ShardName },
    /// All its parents were processed to their end, and whoever did that left no lease for it.
    ParentsEnded,
    /// A shard that was processed to its end names it.
    ShardEnd { parent: ShardName },
}

impl fmt::Display for CreationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewApplication => write!(f, "the application is new"),
            Self::Unknown => write!(f, "no lease stands for this shard"),
            Self::OtherParent { child } => write!(f, "{child} would wait for it"),
            Self::ParentsEnded => write!(f, "its parents were processed and it had no lease"),
            Self::ShardEnd { parent } => write!(f, "it continues {parent}, which was processed"),
        }
    }
}

/// Why a listing cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistent {
    /// The shards of a new application leave out a part of the hash keys: the listing was made during a reshard.
    #[error("the listed shards leave out the hash keys {0}")]
    Hole(Hole),
    #[error("shard {child} is listed although its parent {parent} is open")]
    OpenParent { child: ShardName, parent: ShardName },
}

/// The leases to make. `shards` are those at the initial position for a new application ([`selects_position`]), all of
/// them otherwise. `stream` is set where one table serves many; `leases` are this stream's.
pub fn plan(
    shards: &[Shard],
    leases: &[Lease],
    initial: InitialPosition,
    stream: Option<&StreamIdentifier>,
) -> Result<Vec<Creation>, Inconsistent> {
    if leases.is_empty() {
        return new_application(shards, initial, stream);
    }
    let shards: HashMap<_, _> = shards.iter().map(|shard| (&shard.name, shard)).collect();
    for child in shards.values() {
        let open = |parent: &&ShardName| shards.get(parent).is_some_and(|parent| parent.is_open);
        if let Some(parent) = child.parents.iter().find(open) {
            return Err(Inconsistent::OpenParent { child: child.name.clone(), parent: parent.clone() });
        }
    }
    let leases = leases.iter().map(|lease| (lease.shard(), lease)).collect();
    let mut sync = Sync { shards, leases, covered: HashMap::new(), initial, stream, found: BTreeMap::new() };
    let mut names: Vec<_> = sync.shards.values().filter(|shard| shard.is_open).copied().collect();
    names.sort_by(|a, b| a.name.cmp(&b.name));
    names.into_iter().for_each(|shard| sync.look_at(shard));
    Ok(sync.found.into_values().collect())
}

/// Whether shards should be listed as of the initial position: only for an application without leases.
#[must_use]
pub fn selects_position(leases: &[Lease]) -> bool {
    leases.is_empty()
}

fn new_application(
    shards: &[Shard],
    initial: InitialPosition,
    stream: Option<&StreamIdentifier>,
) -> Result<Vec<Creation>, Inconsistent> {
    if let Some(hole) = hole(shards.iter().filter_map(|shard| shard.hash_range)) {
        return Err(Inconsistent::Hole(hole));
    }
    let create = |shard| {
        let lease = lease_for(shard, initial.checkpoint(), stream);
        Creation { lease, reason: CreationReason::NewApplication }
    };
    Ok(shards.iter().map(create).collect())
}

fn lease_for(shard: &Shard, checkpoint: Checkpoint, stream: Option<&StreamIdentifier>) -> Lease {
    let name = &shard.name;
    let key = stream.map_or_else(|| LeaseKey::of_shard(name), |stream| stream.lease_key(name));
    let mut lease = Lease::new(key, checkpoint);
    lease.parents = shard.parents.iter().cloned().collect();
    lease.hash_range = shard.hash_range;
    lease.stream = stream.map(|stream| StreamOfLease { stream: stream.clone(), shard: name.clone() });
    lease
}

struct Sync<'a> {
    shards: HashMap<&'a ShardName, &'a Shard>,
    leases: HashMap<ShardName, &'a Lease>,
    covered: HashMap<&'a ShardName, bool>,
    initial: InitialPosition,
    stream: Option<&'a StreamIdentifier>,
    found: BTreeMap<ShardName, Creation>,
}

impl<'a> Sync<'a> {
    fn look_at(&mut self, open: &'a Shard) {
        if self.leases.contains_key(&open.name) {
            return;
        }
        if self.is_covered(open) {
            self.descend(open);
        } else if matches!(self.initial, InitialPosition::Latest) {
            self.create(open, self.initial.checkpoint(), CreationReason::Unknown);
        } else {
            self.create_oldest(open, &CreationReason::Unknown);
        }
    }

    /// Whether a lease stands for this shard: its own, or one of a shard that it comes from. Without recursion,
    /// because a stream's ancestry may be long.
    fn is_covered(&mut self, shard: &'a Shard) -> bool {
        let mut left = vec![(shard, false)];
        while let Some((shard, parents_known)) = left.pop() {
            if self.covered.contains_key(&shard.name) {
                continue;
            }
            if self.leases.contains_key(&shard.name) {
                self.covered.insert(&shard.name, true);
            } else if parents_known {
                let covered =
                    self.listed_parents(shard).any(|parent| self.covered.get(&parent.name) == Some(&true));
                self.covered.insert(&shard.name, covered);
            } else {
                left.push((shard, true));
                let parents: Vec<_> = self.listed_parents(shard).collect();
                left.extend(parents.into_iter().map(|parent| (parent, false)));
            }
        }
        self.covered.get(&shard.name) == Some(&true)
    }

    fn listed_parents(&self, shard: &'a Shard) -> impl Iterator<Item = &'a Shard> {
        shard.parents.iter().filter_map(|parent| self.shards.get(parent).copied())
    }

    /// A covered shard without a lease gets one from its parents in time, if they can: fills what is missing between
    /// it and them.
    fn descend(&mut self, shard: &'a Shard) {
        let (mut left, mut seen) = (vec![shard], BTreeSet::new());
        while let Some(shard) = left.pop() {
            if self.leases.contains_key(&shard.name) || !seen.insert(&shard.name) {
                continue;
            }
            let parents: Vec<_> = self.listed_parents(shard).collect();
            let ended =
                |parent: &&Shard| self.leases.get(&parent.name).is_some_and(|lease| lease.is_finished());
            if !parents.is_empty() && parents.iter().all(ended) {
                self.create(shard, Checkpoint::TRIM_HORIZON, CreationReason::ParentsEnded);
                continue;
            }
            for parent in parents {
                if self.is_covered(parent) {
                    left.push(parent);
                } else if matches!(self.initial, InitialPosition::Latest) {
                    let reason = CreationReason::OtherParent { child: shard.name.clone() };
                    self.create(parent, self.initial.checkpoint(), reason);
                } else {
                    self.create_oldest(parent, &CreationReason::OtherParent { child: shard.name.clone() });
                }
            }
        }
    }

    /// Leases for the oldest listed shards that this one comes from; the rest follows from their ends.
    fn create_oldest(&mut self, shard: &'a Shard, reason: &CreationReason) {
        let (mut left, mut seen) = (vec![shard], BTreeSet::new());
        while let Some(shard) = left.pop() {
            if !seen.insert(&shard.name) {
                continue;
            }
            let parents: Vec<_> = self.listed_parents(shard).collect();
            if parents.is_empty() {
                self.create(shard, self.initial.checkpoint(), reason.clone());
            }
            left.extend(parents);
        }
    }

    fn create(&mut self, shard: &Shard, checkpoint: Checkpoint, reason: CreationReason) {
        let lease = lease_for(shard, checkpoint, self.stream);
        self.found.entry(shard.name.clone()).or_insert(Creation { lease, reason });
    }
}

/// What the end of a shard leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum AtShardEnd {
    /// These leases are to be made, then the end may be stored.
    Create(Vec<Creation>),
    /// A merged shard's other parent has no lease yet, so that its lease would be read too early.
    WaitFor { child: ShardName, parent: ShardName },
}

/// The leases to make when `ended` was read to its end and `children` continue it. A child of two parents is made when
/// both have leases or neither has; it begins at its oldest record.
#[must_use]
pub fn at_shard_end(ended: &Lease, children: &[Shard], leases: &[Lease]) -> AtShardEnd {
    let known: BTreeSet<_> = leases.iter().map(Lease::shard).collect();
    let parent = ended.shard();
    let mut creations = Vec::new();
    for child in children {
        if known.contains(&child.name) {
            continue;
        }
        let missing = child.parents.iter().find(|other| **other != parent && !known.contains(*other));
        if let Some(missing) = missing {
            return AtShardEnd::WaitFor { child: child.name.clone(), parent: missing.clone() };
        }
        let stream = ended.stream.as_ref().map(|stream| &stream.stream);
        let lease = lease_for(child, Checkpoint::TRIM_HORIZON, stream);
        creations.push(Creation { lease, reason: CreationReason::ShardEnd { parent: parent.clone() } });
    }
    AtShardEnd::Create(creations)
}

/// The parents that have to be processed to their end before this shard may be read. Parents without a lease are past.
#[must_use]
pub fn waits_for<'a>(lease: &'a Lease, leases: &[Lease]) -> Vec<&'a ShardName> {
    // What was begun goes on: its parents were done when it began.
    if matches!(lease.checkpoint.position, Position::At(_) | Position::ShardEnd) {
        return Vec::new();
    }
    let unfinished: BTreeSet<_> = leases
        .iter()
        .filter(|other| !other.is_finished() && same_stream(lease, other))
        .map(Lease::shard)
        .collect();
    lease.parents.iter().filter(|parent| unfinished.contains(*parent)).collect()
}

fn same_stream(a: &Lease, b: &Lease) -> bool {
    a.stream.as_ref().map(|stream| &stream.stream) == b.stream.as_ref().map(|stream| &stream.stream)
}

#[cfg(test)]
mod tests;
