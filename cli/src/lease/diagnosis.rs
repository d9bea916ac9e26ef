//! Why a lease has no owner, or its shard is not getting on: a pure conclusion from what was seen.
//!
//! Who should get a lease is asked of the same plan that a leader carries out, with KCL's settings. What the fleet's
//! own settings are is not in any table, so only leases that are free are planned; how a fleet balances is its own.

use std::collections::BTreeMap;
use std::time::Duration;

use millstream_lease::assignment::{self, AssignmentSettings, Move, Snapshot};
use millstream_lease::shard_sync::{self, InitialPosition, Shard};
use millstream_lease::{Lease, LeaseKey, ShardName, StreamIdentifier, cleanup};

use super::findings::Finding;
use super::fleet::Fleet;
use super::lag::Lag;
use super::sighting::{Sighting, State};

/// A run in which the plan gives away what is free and does not balance.
const RUN: u64 = 1;

/// Everything that conclusions are drawn from.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    seen: &'a Sighting,
    fleet: &'a Fleet,
    lags: &'a BTreeMap<LeaseKey, Lag>,
    moves: Vec<Move>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(seen: &'a Sighting, fleet: &'a Fleet, lags: &'a BTreeMap<LeaseKey, Lag>) -> Self {
        let settings = AssignmentSettings::default();
        let reports: Vec<_> = fleet.reports.iter().filter(|report| fleet.is_alive(&report.worker)).collect();
        let watch = (&seen.leases, seen.failover);
        let mut snapshot =
            Snapshot::new(&seen.listing.leases, watch, &seen.handoffs, &reports, settings.smoothing);
        snapshot.run = RUN;
        Self { seen, fleet, lags, moves: assignment::plan(&snapshot, &settings) }
    }

    /// All that can be said about a lease, the most important first.
    pub(super) fn of_lease(&self, lease: &Lease) -> Vec<Finding> {
        let state = self.seen.state(lease);
        let mut found = self.standing(lease, state);
        if state == State::Finished {
            return found;
        }
        found.extend(self.parents(lease));
        if lease.checkpoint.position.is_initial() {
            found.push(Finding::NothingProcessed { begins_at: lease.checkpoint.to_string() });
        }
        let pending = lease.pending.as_ref();
        found.extend(pending.map(|pending| Finding::Pending { checkpoint: pending.checkpoint.to_string() }));
        if state == State::Held && !found.iter().any(|found| matches!(found, Finding::WaitsForParent { .. }))
        {
            let stood = self.seen.stood_still_for(lease).map(|watched| watched.as_secs_f64());
            let millis_behind = self.lags.get(&lease.key).and_then(Lag::millis);
            // Where everything was processed, there is nowhere to move to.
            let stood = stood.filter(|_| millis_behind != Some(0));
            found.extend(stood.map(|watched_secs| Finding::NoProgress { watched_secs, millis_behind }));
        }
        found.extend(self.lag(lease));
        if matches!(state, State::Unowned | State::Expired) {
            found.extend(self.who_should_have(lease));
        }
        found
    }

    /// How the lease stands, and what is wrong with that.
    fn standing(&self, lease: &Lease, state: State) -> Vec<Finding> {
        let by = lease.holder().map(ToString::to_string).unwrap_or_default();
        let unchanged_secs = self.seen.silent_for(lease).as_secs_f64();
        let first = match state {
            State::Finished => {
                let mut found = vec![Finding::Finished];
                found.extend(self.removal(lease));
                return found;
            }
            State::Unowned => Finding::Unowned,
            State::Owned => Finding::Owned { by },
            State::Held => Finding::Held { by },
            State::Silent => {
                Finding::Silent { by, unchanged_secs, failover_secs: self.seen.failover.as_secs_f64() }
            }
            State::Expired => Finding::Expired { by, unchanged_secs },
            State::InHandoff => self.handoff(lease, by),
        };
        let mut found = vec![first];
        let is_silent = matches!(state, State::Silent | State::Expired);
        if let Some(holder) = lease.holder().filter(|holder| is_silent && !self.fleet.is_alive(holder)) {
            let member = self.fleet.workers.get(holder);
            let reported_secs_ago = member.and_then(|member| member.reported_secs_ago);
            if self.fleet.is_led {
                found.push(Finding::HolderGone { by: holder.to_string(), reported_secs_ago });
            }
        }
        found
    }

    fn handoff(&self, lease: &Lease, from: String) -> Finding {
        let to = lease.owner.as_ref().map(ToString::to_string);
        match self.seen.handoffs.overdue(&lease.key) {
            Some(waited) => Finding::HandoffOverdue { from, to, watched_secs: waited.as_secs_f64() },
            None => {
                let watched = self.seen.watched_for();
                Finding::InHandoff { from, to, watched_secs: watched.as_secs_f64() }
            }
        }
    }

    fn removal(&self, lease: &Lease) -> Option<Finding> {
        let leases = of_stream(&self.seen.listing.leases, stream_of(lease));
        let removal =
            cleanup::plan(&leases, None).into_iter().find(|removal| removal.lease.key == lease.key)?;
        Some(Finding::Removable { reason: removal.reason.to_string() })
    }

    fn parents(&self, lease: &Lease) -> Vec<Finding> {
        let leases = of_stream(&self.seen.listing.leases, stream_of(lease));
        let waits = |parent: &ShardName| {
            let parent = leases.iter().find(|other| other.shard() == *parent)?;
            Some(Finding::WaitsForParent {
                parent: parent.shard().to_string(),
                checkpoint: parent.checkpoint.to_string(),
                owner: parent.holder().map(ToString::to_string),
            })
        };
        shard_sync::waits_for(lease, &leases).into_iter().filter_map(waits).collect()
    }

    fn lag(&self, lease: &Lease) -> Option<Finding> {
        Some(match self.lags.get(&lease.key)? {
            Lag::Behind(Duration::ZERO) => Finding::CaughtUp,
            lag @ Lag::Behind(_) => Finding::Behind { millis: lag.millis().unwrap_or_default() },
            Lag::Unknown(why) => Finding::LagUnknown { why: why.clone() },
            Lag::Refused(why) => Finding::CheckpointRefused { why: why.clone() },
            Lag::NoSuchShard => Finding::ShardGone,
        })
    }

    fn who_should_have(&self, lease: &Lease) -> Vec<Finding> {
        let alive = self.fleet.alive().count();
        if alive == 0 {
            return vec![Finding::NoWorkers];
        }
        if !self.fleet.is_led {
            return vec![Finding::WillBeTaken { workers: alive }];
        }
        let mut found: Vec<_> = self.leader().into_iter().collect();
        let planned = self.moves.iter().find(|planned| planned.lease == lease.key);
        found.push(match planned {
            Some(planned) => {
                Finding::WillGoTo { worker: planned.to.to_string(), reason: planned.reason.to_string() }
            }
            None => Finding::NobodyMayTakeIt,
        });
        found
    }

    /// What is wrong with the leader of a fleet that has one.
    pub(super) fn leader(&self) -> Option<Finding> {
        if !self.fleet.is_led {
            return None;
        }
        let Some(lock) = self.fleet.lock.as_ref().filter(|lock| !lock.is_released) else {
            return Some(Finding::NoLeader);
        };
        let member = self.fleet.workers.get(&lock.owner);
        (!self.fleet.is_alive(&lock.owner)).then(|| Finding::LeaderGone {
            leader: lock.owner.to_string(),
            reported_secs_ago: member.and_then(|member| member.reported_secs_ago),
            lock_secs: lock.lease_duration.as_secs(),
        })
    }
}

/// The open shards of a stream that have no lease, and why that is. `leases` are those of that stream.
pub(super) fn of_missing(
    shards: &[Shard],
    leases: &[Lease],
    stream: Option<&StreamIdentifier>,
) -> Vec<(ShardName, Finding)> {
    let open: Vec<_> = shards.iter().filter(|shard| shard.is_open).collect();
    let listed: Vec<Shard> =
        if leases.is_empty() { open.iter().copied().cloned().collect() } else { shards.to_vec() };
    let unleased = open.iter().filter(|shard| leases.iter().all(|lease| lease.shard() != shard.name));
    match shard_sync::plan(&listed, leases, InitialPosition::Latest, stream) {
        Err(inconsistent) => {
            let reason = format!("{inconsistent}, which holds it up");
            unleased
                .map(|shard| (shard.name.clone(), Finding::NeverSynced { reason: reason.clone() }))
                .collect()
        }
        Ok(creations) => {
            let created = |shard: &Shard| creations.iter().find(|made| made.lease.shard() == shard.name);
            let why = |shard: &Shard| match created(shard) {
                Some(creation) => Finding::NeverSynced { reason: creation.reason.to_string() },
                None => {
                    Finding::NotYetNeeded { parents: shard.parents.iter().map(ToString::to_string).collect() }
                }
            };
            unleased.map(|shard| (shard.name.clone(), why(shard))).collect()
        }
    }
}

/// The leases of one stream; of the one that the table serves for `None`.
pub(super) fn of_stream(leases: &[Lease], stream: Option<&StreamIdentifier>) -> Vec<Lease> {
    leases.iter().filter(|lease| stream_of(lease) == stream).cloned().collect()
}

fn stream_of(lease: &Lease) -> Option<&StreamIdentifier> {
    lease.stream.as_ref().map(|of| &of.stream)
}

#[cfg(test)]
mod tests;
