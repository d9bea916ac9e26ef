//! What can be said about a lease, each in one sentence and as data.

use std::fmt;

use serde::Serialize;

/// One thing that was found out. Ages and times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "finding", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Finding {
    /// Nothing is to be done any more.
    Finished,
    /// The finished lease goes when its leader looks next.
    Removable {
        reason: String,
    },
    /// One look does not tell more.
    Owned {
        by: String,
    },
    /// And renewed it while it was watched.
    Held {
        by: String,
    },
    Silent {
        by: String,
        unchanged_secs: f64,
        failover_secs: f64,
    },
    Expired {
        by: String,
        unchanged_secs: f64,
    },
    Unowned,
    InHandoff {
        from: String,
        to: Option<String>,
        watched_secs: f64,
    },
    HandoffOverdue {
        from: String,
        to: Option<String>,
        watched_secs: f64,
    },
    /// Whoever has it gives no report of being there.
    HolderGone {
        by: String,
        reported_secs_ago: Option<u64>,
    },
    WaitsForParent {
        parent: String,
        checkpoint: String,
        owner: Option<String>,
    },
    NothingProcessed {
        begins_at: String,
    },
    Pending {
        checkpoint: String,
    },
    NoProgress {
        watched_secs: f64,
        millis_behind: Option<u64>,
    },
    Behind {
        millis: u64,
    },
    CaughtUp,
    LagUnknown {
        why: String,
    },
    /// Nobody can read on from the checkpoint.
    CheckpointRefused {
        why: String,
    },
    ShardGone,
    NoWorkers,
    NoLeader,
    LeaderGone {
        leader: String,
        reported_secs_ago: Option<u64>,
        lock_secs: u64,
    },
    /// What a leader with KCL's settings decides by what was seen.
    WillGoTo {
        worker: String,
        reason: String,
    },
    NobodyMayTakeIt,
    /// Workers of KCL 1.x and 2.x take what is free, each for itself.
    WillBeTaken {
        workers: usize,
    },
    /// The shard has no lease, and it is time for one.
    NeverSynced {
        reason: String,
    },
    /// The shard has no lease, and needs none before its parents are done.
    NotYetNeeded {
        parents: Vec<String>,
    },
    Unreadable {
        problem: String,
    },
}

impl Finding {
    /// Whether somebody should look at it: the shard is not being processed, or might not be for long.
    pub(super) fn is_trouble(&self) -> bool {
        !matches!(
            self,
            Self::Finished
                | Self::Removable { .. }
                | Self::Owned { .. }
                | Self::Held { .. }
                | Self::InHandoff { .. }
                | Self::NothingProcessed { .. }
                | Self::Pending { .. }
                | Self::Behind { .. }
                | Self::CaughtUp
                | Self::LagUnknown { .. }
                | Self::NotYetNeeded { .. }
                // Nobody may have put anything.
                | Self::NoProgress { millis_behind: None, .. }
        )
    }
}

impl fmt::Display for Finding {
    #[allow(clippy::too_many_lines)] // a sentence for each finding
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => write!(f, "its shard was processed to its end, so nobody needs the lease"),
            Self::Removable { reason } => write!(f, "its row can be removed: {reason}"),
            Self::Owned { by } => {
                write!(f, "{by} owns it; whether it renews it shows only to whoever watches")
            }
            Self::Held { by } => write!(f, "{by} holds it and renews it"),
            Self::Silent { by, unchanged_secs, failover_secs } => {
                write!(
                    f,
                    "{by} has not renewed it for {unchanged_secs:.1} s of {failover_secs:.1} s that it may"
                )
            }
            Self::Expired { by, unchanged_secs } => {
                write!(f, "it has expired: {by} has not renewed it for {unchanged_secs:.1} s at least")
            }
            Self::Unowned => write!(f, "it has no owner"),
            Self::InHandoff { from, to, watched_secs } => {
                write!(f, "{from} is to hand it over to {}, for {watched_secs:.1} s at least", somebody(to))
            }
            Self::HandoffOverdue { from, to, watched_secs } => {
                let to = somebody(to);
                write!(
                    f,
                    "{from} has not handed it over to {to} within {watched_secs:.1} s; the leader should end that"
                )
            }
            Self::HolderGone { by, reported_secs_ago } => {
                write!(f, "{by} does not seem to be there: {}", report_age(*reported_secs_ago))
            }
            Self::WaitsForParent { parent, checkpoint, owner } => {
                let owner = owner.as_deref().unwrap_or("no owner");
                write!(f, "it is not read before {parent} is done, which is at {checkpoint} with {owner}")
            }
            Self::NothingProcessed { begins_at } => {
                write!(f, "nothing of it was processed: it begins at {begins_at}")
            }
            Self::Pending { checkpoint } => {
                write!(f, "a checkpoint at {checkpoint} was prepared and not made")
            }
            Self::NoProgress { watched_secs, millis_behind } => {
                f.write_str(&no_progress(*watched_secs, *millis_behind))
            }
            Self::Behind { millis } => {
                write!(f, "its oldest record that was not processed is {} old", seconds(*millis))
            }
            Self::CaughtUp => write!(f, "every record was processed"),
            Self::LagUnknown { why } => write!(f, "how far it is behind is not known: {why}"),
            Self::CheckpointRefused { why } => {
                write!(f, "its checkpoint is no place in the shard, so nobody can read on from it: {why}")
            }
            Self::ShardGone => write!(f, "the stream has no such shard any more, so the lease can go"),
            Self::NoWorkers => write!(f, "no worker is alive who could have it"),
            Self::NoLeader => {
                write!(f, "no worker leads, so nobody gives leases away: the next worker to look will lead")
            }
            Self::LeaderGone { leader, reported_secs_ago, lock_secs } => {
                let report = report_age(*reported_secs_ago);
                write!(
                    f,
                    "{leader} leads and does not seem to be there ({report}): {}",
                    next_leader(*lock_secs)
                )
            }
            Self::WillGoTo { worker, reason } => {
                write!(f, "the leader should give it to {worker} when it looks next, because {reason}")
            }
            Self::NobodyMayTakeIt => f.write_str("no live worker may have more leases"),
            Self::WillBeTaken { workers } => write!(
                f,
                "nobody reports, as before KCL 3.0: one of the {workers} workers should take it within twice the \
                 failover time"
            ),
            Self::NeverSynced { reason } => {
                write!(f, "it has no lease: the next shard sync should make one, because {reason}")
            }
            Self::NotYetNeeded { parents } => {
                write!(f, "it has no lease yet, and gets one when {} ends", parents.join(" and "))
            }
            Self::Unreadable { problem } => write!(f, "its row is no lease that could be read: {problem}"),
        }
    }
}

fn somebody(worker: &Option<String>) -> &str {
    worker.as_deref().unwrap_or("anybody")
}

fn no_progress(watched_secs: f64, millis_behind: Option<u64>) -> String {
    let stands = format!("its checkpoint has not moved for {watched_secs:.1} s");
    match millis_behind {
        None => stands,
        Some(millis) => format!(
            "{stands}, although a record waits for {}: its worker renews it and does not process it, or does not \
             checkpoint",
            seconds(millis)
        ),
    }
}

fn next_leader(lock_secs: u64) -> String {
    format!("another worker leads once the lock was not renewed for {lock_secs} s")
}

fn report_age(secs: Option<u64>) -> String {
    match secs {
        Some(secs) => format!("it last reported {secs} s ago"),
        None => "it does not report".to_owned(),
    }
}

#[allow(clippy::cast_precision_loss)] // shown with one decimal
fn seconds(millis: u64) -> String {
    format!("{:.1} s", millis as f64 / 1000.0)
}
