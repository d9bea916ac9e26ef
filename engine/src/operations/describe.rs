//! DescribeStream, DescribeStreamSummary and DescribeLimits.

use millstream_model::{
    AccountId, HashKeyRange, Region, SequenceNumber, ShardId, StreamArn, Timestamp, limits,
};

use crate::call_limits::Call;
use crate::capacity::{Distribution, WarmThroughput};
use crate::engine::{Engine, Found, Inner};
use crate::error::Result;
use crate::monitoring::ShardMetricSet;
use crate::shard::{Shard, shard_id};
use crate::stream::{Mode, StreamStatus};

/// A stream as callers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamDescription {
    pub arn: StreamArn,
    pub status: StreamStatus,
    pub mode: Mode,
    pub created: Timestamp,
    pub retention_hours: u32,
    pub record_kib_max: u32,
    /// The KMS key that new records are encrypted under, by the name it was given; `None` if they are not.
    pub kms_key_id: Option<String>,
    /// 0 while the stream is being created.
    pub open_shards: usize,
    /// What each shard counts for itself.
    pub monitored: ShardMetricSet,
    pub distribution: Distribution,
    /// Only of on-demand streams of an account that is committed to a minimum throughput.
    pub warm_throughput: Option<WarmThroughput>,
    /// Registered for enhanced fan-out.
    pub consumers: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardDescription {
    pub id: ShardId,
    pub range: HashKeyRange,
    pub starting_sequence_number: SequenceNumber,
    /// Absent while the shard is open.
    pub ending_sequence_number: Option<SequenceNumber>,
    /// The shard that was split, or of two that were merged the lower one.
    pub parent: Option<ShardId>,
    /// Of two shards that were merged the upper one.
    pub adjacent_parent: Option<ShardId>,
}

/// Quotas of an account in a region, and how far they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountLimits {
    pub shards_max: u32,
    pub open_shards: usize,
    pub on_demand_streams: usize,
    pub on_demand_streams_max: u32,
}

impl Engine {
    pub fn describe_stream_summary(&self, arn: &StreamArn) -> Result<StreamDescription> {
        self.inner.admit(Call::DescribeStreamSummary, arn)?;
        Ok(self.inner.describe(&self.inner.find(arn)?))
    }

    /// The stream, a page of its shards after the id `after` (compared as text, as AWS does), and whether
    /// there are more.
    pub fn describe_stream(
        &self,
        arn: &StreamArn,
        after: Option<&str>,
        shards_max: Option<usize>,
    ) -> Result<(StreamDescription, Vec<ShardDescription>, bool)> {
        self.inner.admit(Call::DescribeStream, arn)?;
        let found = self.inner.find(arn)?;
        let page =
            shards_max.unwrap_or(limits::DESCRIBE_STREAM_PAGE_MAX).min(limits::DESCRIBE_STREAM_PAGE_MAX);
        let shards = found.stream.shards();
        let unexpired = shards.unexpired(found.horizon());
        let visible = unexpired.filter(|_| found.status != StreamStatus::Creating);
        let mut rest =
            visible.filter(|shard| after.is_none_or(|after| shard.id().to_string().as_str() > after));
        let shards = rest.by_ref().take(page).map(|shard| describe_shard(shard)).collect();
        Ok((self.inner.describe(&found), shards, rest.next().is_some()))
    }

    pub fn describe_limits(&self, account: &AccountId, region: &Region) -> Result<AccountLimits> {
        self.inner.admit_account(Call::DescribeLimits, account, region)?;
        let settings = &self.inner.settings.limits;
        let (open_shards, on_demand_streams) = self.inner.used(account, region);
        Ok(AccountLimits {
            shards_max: settings.shards_per_account.unwrap_or(UNLIMITED),
            open_shards,
            on_demand_streams,
            on_demand_streams_max: settings.on_demand_streams_per_account.unwrap_or(UNLIMITED),
        })
    }
}

/// What stands for "no limit" where the API wants a number: the model's maximum.
const UNLIMITED: u32 = 1_000_000;

impl Inner {
    /// Open shards, and on-demand streams, of an account in a region.
    pub(crate) fn used(&self, account: &AccountId, region: &Region) -> (usize, usize) {
        let now = self.now();
        let streams = self.catalog.of(account, region);
        let present = streams.iter().filter(|stream| stream.meta().status(now).is_some());
        present.fold((0, 0), |(shards, on_demand), stream| {
            let is_on_demand = stream.meta().mode == Mode::OnDemand;
            (shards + stream.shards().routing.open_shards(), on_demand + usize::from(is_on_demand))
        })
    }

    fn describe(&self, found: &Found) -> StreamDescription {
        let Found { stream, meta, status, now } = found;
        let StreamArn { account, region, .. } = &stream.arn;
        let is_creating = *status == StreamStatus::Creating;
        let is_advantage = meta.mode == Mode::OnDemand && self.is_advantage(account, region);
        StreamDescription {
            arn: stream.arn.clone(),
            status: *status,
            mode: meta.mode,
            created: meta.created,
            retention_hours: meta.retention_hours,
            record_kib_max: meta.record_kib_max,
            kms_key_id: meta.encryption.key_id.clone(),
            open_shards: if is_creating { 0 } else { stream.shards().routing.open_shards() },
            monitored: meta.monitored,
            consumers: stream.consumers.count(*now),
            distribution: meta.capacity.distribution,
            warm_throughput: is_advantage.then(|| WarmThroughput {
                target_mib: meta.capacity.warm_mib,
                current_mib: self.shard_capacity().mib_of(found.open_shards()),
            }),
        }
    }
}

pub(crate) fn describe_shard(shard: &Shard) -> ShardDescription {
    let mut parents = shard.meta().lineage.parents().map(shard_id);
    ShardDescription {
        id: shard.id(),
        range: shard.meta().range,
        starting_sequence_number: shard.starting_sequence_number(),
        ending_sequence_number: shard.ending_sequence_number(),
        parent: parents.next(),
        adjacent_parent: parents.next(),
    }
}
