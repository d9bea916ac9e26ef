//! SplitShard, MergeShards and UpdateShardCount: what a caller may ask for, in AWS's order of checks.

use std::sync::Arc;

use millstream_model::{HashKey, ShardId, StreamArn, limits as aws};

use crate::call_limits::Call;
use crate::engine::{Engine, Found, Inner};
use crate::error::{Error, Result};
use crate::reshard::plan::Planner;
use crate::rolling_day::RollingDay;
use crate::shard::Shard;
use crate::stream::{Mode, StreamMeta};

/// What UpdateShardCount answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatedCount {
    pub arn: StreamArn,
    /// Open shards before.
    pub before: u32,
    pub target: u32,
}

/// Where a shard is to be split: where its upper half begins, and how the caller wrote that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitPoint {
    /// `None` lies above every shard.
    at: Option<HashKey>,
    text: String,
}

impl SplitPoint {
    /// A decimal number without leading zeros. One that no hash key reaches lies above every shard.
    #[must_use]
    pub fn from_number(text: &str) -> Self {
        Self { at: text.parse().ok(), text: text.to_owned() }
    }
}

impl From<HashKey> for SplitPoint {
    fn from(at: HashKey) -> Self {
        Self { at: Some(at), text: at.to_string() }
    }
}

impl Engine {
    /// Splits an open shard in two. Shard ids are read as leniently as AWS reads them.
    pub async fn split_shard(
        &self,
        arn: &StreamArn,
        shard_id: &str,
        at: impl Into<SplitPoint>,
    ) -> Result<()> {
        let at = at.into();
        self.inner.admit(Call::SplitShard, arn)?;
        let id = parse_id(arn, shard_id)?;
        let arn = arn.clone();
        self.carry_through("split", |engine| async move {
            let inner = &engine.inner;
            let _control = inner.control.lock().await;
            let found = inner.find_provisioned(&arn)?;
            let shard = found.shard_to_replace(id)?;
            inner.check_shard_quota(&arn, 1)?;
            check_is_open(&found, &shard)?;
            let at = check_split(&found, &shard, &at)?;
            let mut planner = found.planner();
            planner.split(at);
            inner.reshard(&found, &planner.finish(), |_| {}).await
        })
        .await
    }

    /// Merges two open shards of which the first ends where the second begins.
    pub async fn merge_shards(&self, arn: &StreamArn, lower_id: &str, upper_id: &str) -> Result<()> {
        self.inner.admit(Call::MergeShards, arn)?;
        let (lower_id, upper_id) = (parse_id(arn, lower_id)?, parse_id(arn, upper_id)?);
        let arn = arn.clone();
        self.carry_through("merge", |engine| async move {
            let inner = &engine.inner;
            let _control = inner.control.lock().await;
            let found = inner.find_provisioned(&arn)?;
            let (lower, upper) = (found.shard_to_replace(lower_id)?, found.shard_to_replace(upper_id)?);
            check_is_open(&found, &lower)?;
            check_is_open(&found, &upper)?;
            check_merge(&found, &lower, &upper)?;
            let mut planner = found.planner();
            planner.merge(lower.meta().range.start(), upper.meta().range.start());
            inner.reshard(&found, &planner.finish(), |_| {}).await
        })
        .await
    }

    /// Splits and merges until the hash key space is divided evenly among so many shards, all at one moment.
    pub async fn update_shard_count(&self, arn: &StreamArn, target: u32) -> Result<UpdatedCount> {
        self.inner.admit(Call::UpdateShardCount, arn)?;
        let arn = arn.clone();
        self.carry_through("update of a shard count", move |engine| async move {
            let inner = &engine.inner;
            let _control = inner.control.lock().await;
            let found = inner.find_provisioned(&arn)?;
            let before = found.open_shards();
            let count_updates = inner.check_target(&found, before, target)?;
            let mut planner = found.planner();
            planner.make_uniform(target);
            let note = |meta: &mut StreamMeta| meta.count_updates = count_updates;
            inner.reshard(&found, &planner.finish(), note).await?;
            Ok(UpdatedCount { arn, before, target })
        })
        .await
    }
}

impl Inner {
    /// The stream, if it is ACTIVE and its shards are its owner's business.
    fn find_provisioned(&self, arn: &StreamArn) -> Result<Found> {
        let found = self.find_active(arn)?;
        if found.meta.mode == Mode::Provisioned {
            return Ok(found);
        }
        let StreamArn { account, name, .. } = arn;
        Err(Error::Validation(format!(
            "Request is invalid. Stream {name} under account {account} is in On-Demand mode."
        )))
    }

    /// Gives the updates within a day, with this one.
    fn check_target(&self, found: &Found, before: u32, target: u32) -> Result<RollingDay> {
        let limits = &self.settings.limits;
        let most =
            limits.shards_per_account.unwrap_or(aws::SHARDS_PER_STREAM_MAX).min(aws::SHARDS_PER_STREAM_MAX);
        let most = match limits.count_updates_per_day {
            Some(_) => most.min(aws::UPDATE_SHARD_COUNT_TARGET_MAX),
            None => most,
        };
        if target > most {
            return Err(Error::LimitExceeded(format!(
                "Target shard count or number of open shards cannot be greater than {most}. Current open shard count: \
                 {before}, Target shard count: {target}"
            )));
        }
        let is_limited = limits.count_updates_per_day.is_some();
        let bounds =
            [(target > before.saturating_mul(2), "up over double"), (target * 2 < before, "down below half")];
        if let Some((_, what)) = bounds.into_iter().find(|(is_beyond, _)| is_limited && *is_beyond) {
            return Err(Error::InvalidArgument(format!(
                "UpdateShardCount cannot scale {what} your current open shard count. Current open shard count: {before} \
                 Target shard count: {target}"
            )));
        }
        let updates_max = limits.count_updates_per_day;
        let updates = found.meta.count_updates.admit(updates_max, found.now).ok_or_else(|| {
            let (StreamArn { account, name, .. }, limit) = (&found.stream.arn, updates_max.unwrap_or_default());
            Error::LimitExceeded(format!(
                "The shard count of stream {name} under account {account} was updated {limit} times within 24 hours, \
                 which is the limit."
            ))
        })?;
        self.check_shard_quota(&found.stream.arn, target.saturating_sub(before))?;
        Ok(updates)
    }
}

impl Found {
    pub(crate) fn planner(&self) -> Planner {
        let shards = self.stream.shards();
        Planner::new(shards.routing.open().map(|shard| *shard.meta()), self.meta.next_shard)
    }

    pub(crate) fn open_shards(&self) -> u32 {
        u32::try_from(self.stream.shards().routing.open_shards()).unwrap_or(u32::MAX)
    }

    fn shard_to_replace(&self, id: ShardId) -> Result<Arc<Shard>> {
        let shard = self.stream.shard(id, self.horizon());
        shard.ok_or_else(|| Error::could_not_find_shard(&id, &self.stream.arn))
    }
}

fn parse_id(arn: &StreamArn, text: &str) -> Result<ShardId> {
    ShardId::parse_lenient(text).ok_or_else(|| Error::could_not_find_shard(&text, arn))
}

fn check_is_open(found: &Found, shard: &Shard) -> Result<()> {
    if shard.closed().is_none() {
        return Ok(());
    }
    let StreamArn { account, name, .. } = &found.stream.arn;
    Err(Error::InvalidArgument(format!(
        "Shard {} in stream {name} under account {account} has already been merged or split, and thus is not eligible \
         for merging or splitting.",
        shard.id()
    )))
}

/// Both children must be wider than one hash key, and so as AWS computes it.
fn check_split(found: &Found, shard: &Shard, SplitPoint { at, text }: &SplitPoint) -> Result<HashKey> {
    let (start, end) = (shard.meta().range.start(), shard.meta().range.end());
    if let Some(at) = *at
        && at.0 > start.0.saturating_add(1)
        && at < end
    {
        return Ok(at);
    }
    let StreamArn { account, name, .. } = &found.stream.arn;
    Err(Error::InvalidArgument(format!(
        "NewStartingHashKey {text} used in SplitShard() on shard {} in stream {name} under account {account} is not both \
         greater than one plus the shard's StartingHashKey {start} and less than the shard's EndingHashKey {end}.",
        shard.id()
    )))
}

fn check_merge(found: &Found, lower: &Shard, upper: &Shard) -> Result<()> {
    if lower.meta().range.end().0.checked_add(1) == Some(upper.meta().range.start().0) {
        return Ok(());
    }
    let StreamArn { account, name, .. } = &found.stream.arn;
    Err(Error::InvalidArgument(format!(
        "Shards {} and {} in stream {name} under account {account} are not an adjacent pair of shards eligible for \
         merging",
        lower.id(),
        upper.id()
    )))
}
