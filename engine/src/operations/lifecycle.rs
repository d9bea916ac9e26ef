//! CreateStream, DeleteStream and the retention calls: whatever changes a stream as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_model::{HashKeyRange, Span, StreamArn, limits as aws};
use millstream_storage::{Priority, WriteSet};
use prost::Message;

use super::capacity::check_distribution;
use super::tags::check_tags;
use crate::call_limits::Call;
use crate::capacity::{Distribution, StreamCapacity};
use crate::encryption::keyring::Keyring;
use crate::encryption::state::Encryption;
use crate::engine::{Control, Engine, Found, Grave, Inner};
use crate::error::{Error, Result};
use crate::keyspace::shard_row::{ShardMeta, ShardState, shard_key};
use crate::keyspace::store_row::{StoreRow, store_key};
use crate::keyspace::stream_row::{self, stream_key};
use crate::keyspace::{GRAVE, stream_prefix};
use crate::monitoring::ShardMetricSet;
use crate::rolling_day::RollingDay;
use crate::shard::Shard;
use crate::stream::{Mode, Phase, Stream, StreamMeta, StreamStatus};

/// A CreateStream call.
#[derive(Clone, Debug)]
pub struct CreateStream {
    pub arn: StreamArn,
    /// Required for a provisioned stream, ignored for an on-demand one.
    pub shard_count: Option<u32>,
    /// Absent: provisioned if a shard count is given, else on demand.
    pub mode: Option<Mode>,
    pub tags: BTreeMap<String, String>,
    /// 1 to 10 MiB; 1 MiB if absent.
    pub record_kib_max: Option<u32>,
    /// MiB a second that an on-demand stream is kept ready for; 0 for none.
    pub warm_mib: u32,
    pub distribution: Distribution,
}

/// Who wants a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Creator {
    /// Throttled as AWS throttles callers, and made to wait as configured.
    Caller,
    Operator,
}

impl Engine {
    pub async fn create_stream(&self, call: CreateStream) -> Result<()> {
        self.create(call, Creator::Caller).await
    }

    /// Creates a stream of the operator's, which is ACTIVE at once whatever the configured delay. What AWS limits in
    /// callers does not apply: how often they create streams, and how many of these are CREATING at the same time.
    pub async fn create_operators_stream(&self, call: CreateStream) -> Result<()> {
        self.create(call, Creator::Operator).await
    }

    async fn create(&self, call: CreateStream, creator: Creator) -> Result<()> {
        self.carry_through("creation of a stream", move |engine| async move {
            engine.inner.create_stream(call, creator).await
        })
        .await
    }

    /// Hides the stream at once, or after the configured delay; its records are removed soon after. A stream
    /// that has consumers is not deleted.
    pub async fn delete_stream(&self, arn: &StreamArn) -> Result<()> {
        self.delete(arn, false).await
    }

    /// As [`Self::delete_stream`]; the stream's consumers go with it.
    pub async fn delete_stream_and_consumers(&self, arn: &StreamArn) -> Result<()> {
        self.delete(arn, true).await
    }

    async fn delete(&self, arn: &StreamArn, with_consumers: bool) -> Result<()> {
        let arn = arn.clone();
        self.carry_through("deletion of a stream", move |engine| async move {
            engine.inner.delete(&arn, with_consumers).await
        })
        .await
    }

    /// Keeps records longer from now on. What has expired stays hidden.
    pub async fn increase_retention(&self, arn: &StreamArn, hours: i64) -> Result<()> {
        let arn = arn.clone();
        self.carry_through("increase of a retention period", move |engine| async move {
            engine.inner.increase_retention(&arn, hours).await
        })
        .await
    }

    /// Hides what is older than the new period at once, and gives its space back.
    pub async fn decrease_retention(&self, arn: &StreamArn, hours: i64) -> Result<()> {
        let arn = arn.clone();
        self.carry_through("decrease of a retention period", move |engine| async move {
            engine.inner.decrease_retention(&arn, hours).await
        })
        .await
    }
}

const DEFAULT_RECORD_KIB: u32 = 1024;

impl Inner {
    async fn create_stream(&self, call: CreateStream, creator: Creator) -> Result<()> {
        if creator == Creator::Caller {
            self.admit(Call::CreateStream, &call.arn)?;
        }
        check_tags(&call.arn, &call.tags)?;
        let (mode, shard_count) = self.mode_and_shards(&call)?;
        check_distribution(&call.arn, mode, call.distribution)?;
        let mut control = self.control.lock().await;
        if let Some(gone) = self.check_name_is_free(&call.arn)? {
            self.bury(&mut control, &gone).await?;
        }
        if call.warm_mib > 0 {
            self.check_warm(&call.arn, mode, call.warm_mib, Error::InvalidArgument)?;
        }
        self.check_shard_quota(&call.arn, shard_count)?;
        if mode == Mode::OnDemand {
            self.check_on_demand_quota(&call.arn)?;
        }
        if creator == Creator::Caller {
            self.check_creating(&call.arn)?;
        }
        if shard_count > aws::SHARDS_PER_STREAM_MAX {
            return Err(Error::InvalidArgument(format!(
                "ShardCount {shard_count} is more than a stream may have, which is {}.",
                aws::SHARDS_PER_STREAM_MAX
            )));
        }
        let now = self.now();
        let delay = match creator {
            Creator::Caller => self.settings.delays.create,
            Creator::Operator => Duration::ZERO,
        };
        let meta = StreamMeta {
            uid: control.store.next_stream_uid,
            created: now,
            mode,
            phase: Span::starting(now, delay).map_or(Phase::Steady, Phase::Creating),
            retention_hours: aws::RETENTION_HOURS_MIN,
            horizon_floor: millstream_model::Timestamp::EPOCH,
            tags: call.tags,
            record_kib_max: call.record_kib_max.unwrap_or(DEFAULT_RECORD_KIB),
            next_shard: shard_count,
            count_updates: RollingDay::default(),
            monitored: ShardMetricSet::EMPTY,
            policy: None,
            capacity: StreamCapacity {
                warm_mib: call.warm_mib,
                distribution: call.distribution,
                ..StreamCapacity::default()
            },
            encryption: Encryption::default(),
        };
        self.create(&mut control, call.arn, meta, shard_count).await
    }

    async fn delete(&self, arn: &StreamArn, with_consumers: bool) -> Result<()> {
        self.admit(Call::DeleteStream, arn)?;
        let mut control = self.control.lock().await;
        let found = self.find(arn)?;
        if !with_consumers && found.stream.consumers.count(found.now) > 0 {
            return Err(has_consumers(arn));
        }
        match Span::starting(found.now, self.settings.delays.delete) {
            None => self.bury(&mut control, &found.stream).await?,
            Some(_) if found.status == StreamStatus::Deleting => {}
            Some(span) => {
                let change = |meta: &mut StreamMeta| meta.phase = Phase::Deleting(span);
                self.change(&found, Priority::Reclaim, change).await?;
                found.stream.end_subscriptions();
            }
        }
        self.janitor.notify_one();
        Ok(())
    }

    async fn increase_retention(&self, arn: &StreamArn, hours: i64) -> Result<()> {
        self.admit(Call::IncreaseStreamRetentionPeriod, arn)?;
        let _control = self.control.lock().await;
        let found = self.find_active(arn)?;
        let present = found.meta.retention_hours;
        let hours = check_retention(hours)?;
        if hours < present {
            return Err(Error::InvalidArgument(format!(
                "Requested retention period ({hours} hours) for stream {} can not be shorter than existing \
                 retention period ({present} hours). Use DecreaseRetentionPeriod API.",
                arn.name
            )));
        }
        self.change_retention(&found, Priority::Normal, hours).await
    }

    async fn decrease_retention(&self, arn: &StreamArn, hours: i64) -> Result<()> {
        self.admit(Call::DecreaseStreamRetentionPeriod, arn)?;
        let _control = self.control.lock().await;
        let found = self.find_active(arn)?;
        let present = found.meta.retention_hours;
        let hours = check_retention(hours)?;
        if hours > present {
            return Err(Error::InvalidArgument(format!(
                "Requested retention period ({hours} hours) for stream {} can not be longer than existing \
                 retention period ({present} hours). Use IncreaseRetentionPeriod API.",
                arn.name
            )));
        }
        self.change_retention(&found, Priority::Reclaim, hours).await?;
        self.janitor.notify_one();
        Ok(())
    }

    /// Fails if a stream of this name is there; gives one whose deletion is over but that is still known.
    fn check_name_is_free(&self, arn: &StreamArn) -> Result<Option<Arc<Stream>>> {
        match self.catalog.by_arn(arn) {
            Some(stream) if stream.meta().status(self.now()).is_some() => Err(Error::ResourceInUse(format!(
                "Stream {} under account {} already exists.",
                arn.name, arn.account
            ))),
            other => Ok(other),
        }
    }

    /// How many shards the stream begins with.
    fn mode_and_shards(&self, call: &CreateStream) -> Result<(Mode, u32)> {
        match (call.mode, call.shard_count) {
            (Some(Mode::OnDemand), _) | (None, None) => {
                let warm = self.shard_capacity().shards_for_mib(call.warm_mib);
                Ok((Mode::OnDemand, warm.max(aws::ON_DEMAND_SHARDS_INITIAL)))
            }
            (Some(Mode::Provisioned) | None, Some(shard_count)) => Ok((Mode::Provisioned, shard_count)),
            (Some(Mode::Provisioned), None) => {
                Err(Error::Validation("ShardCount is required for a stream in PROVISIONED mode.".to_owned()))
            }
        }
    }

    /// Fails if so many of the account's streams are CREATING that no other may be.
    fn check_creating(&self, arn: &StreamArn) -> Result<()> {
        let StreamArn { account, region, .. } = arn;
        let limits = &self.settings.limits;
        let now = self.now();
        let streams = self.catalog.of(account, region);
        let creating =
            streams.iter().filter(|stream| stream.meta().status(now) == Some(StreamStatus::Creating));
        if limits.shards_per_account.is_some() && creating.count() >= aws::STREAMS_CREATING_MAX {
            return Err(Error::LimitExceeded(format!(
                "Only {} streams of an account can be in the CREATING state at once.",
                aws::STREAMS_CREATING_MAX
            )));
        }
        Ok(())
    }

    /// Fails if an account may not have another on-demand stream in the stream's region.
    pub(crate) fn check_on_demand_quota(&self, arn: &StreamArn) -> Result<()> {
        let StreamArn { account, region, .. } = arn;
        let (_, on_demand) = self.used(account, region);
        match self.settings.limits.on_demand_streams_per_account {
            Some(limit) if on_demand >= limit as usize => Err(Error::LimitExceeded(format!(
                "This request would exceed the limit on the number of On-Demand streams for the account {account} \
                 in {region}. Current On-Demand streams count: {on_demand}. Limit: {limit}."
            ))),
            _ => Ok(()),
        }
    }

    /// Fails if an account may not have so many more shards in the stream's region.
    pub(crate) fn check_shard_quota(&self, arn: &StreamArn, shard_count: u32) -> Result<()> {
        let StreamArn { account, region, .. } = arn;
        let limits = &self.settings.limits;
        let (open, _) = self.used(account, region);
        if let Some(limit) = limits.shards_per_account
            && open + shard_count as usize > limit as usize
        {
            return Err(Error::LimitExceeded(format!(
                "This request would exceed the shard limit for the account {account} in {region}. Current shard \
                 count for the account: {open}. Limit: {limit}. Number of additional shards that would have \
                 resulted from this request: {shard_count}. Refer to the AWS Service Limits page \
                 (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how \
                 to request higher limits."
            )));
        }
        Ok(())
    }

    async fn create(
        &self,
        control: &mut Control,
        arn: StreamArn,
        meta: StreamMeta,
        shard_count: u32,
    ) -> Result<()> {
        let store = StoreRow { next_stream_uid: meta.uid + 1, ..control.store.clone() };
        let mut writes = WriteSet::new();
        writes.expect(stream_key(&arn), None);
        writes.put(store_key(), store.encode_to_vec());
        writes.put(stream_key(&arn), stream_row::encode(&meta));
        let (keys, mut shards) = (Arc::new(Keyring::default()), BTreeMap::new());
        for (range, index) in HashKeyRange::uniform(shard_count).zip(0..) {
            let shard = ShardMeta::root(index, range, meta.created);
            let state = ShardState { meta: shard, closed: None };
            writes.put(shard_key(meta.uid, index), state.encode());
            let shard = Arc::new(Shard::new(meta.uid, shard, keys.clone()));
            // From the start, so that a shard that goes missing is missed.
            writes.mark(shard.uid().mark_name(), shard.tail.lock().end().encode());
            shards.insert(index, shard);
        }
        self.store_change(writes).await?;
        control.store = store;
        let stream = Stream::new(arn, meta, keys, shards);
        let is_on_demand = stream.is_on_demand();
        if is_on_demand {
            stream.watch_anew(self.clock.monotonic());
        }
        self.catalog.insert(stream);
        if is_on_demand {
            self.on_demand_began.notify_one();
        }
        Ok(())
    }

    /// Removes the stream and notes that its data has yet to go.
    pub(crate) async fn bury(&self, control: &mut Control, stream: &Stream) -> Result<()> {
        let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
        writes.delete(stream_key(&stream.arn));
        writes.put(stream_prefix(GRAVE, stream.uid), Bytes::new());
        for shard in stream.shards().all.values() {
            writes.mark(shard.uid().mark_name(), Bytes::new());
        }
        self.store_change(writes).await?;
        self.catalog.remove(stream);
        stream.end_subscriptions();
        control.graves.push(Grave::new(stream.uid));
        self.close_shards(stream).await;
        Ok(())
    }

    /// Persists a change of a stream and shows it.
    pub(crate) async fn change(
        &self,
        found: &Found,
        priority: Priority,
        change: impl FnOnce(&mut StreamMeta),
    ) -> Result<()> {
        self.change_with(found, WriteSet::new().with_priority(priority), change).await
    }

    /// Persists a change of a stream together with other writes, and shows it.
    pub(crate) async fn change_with(
        &self,
        found: &Found,
        mut writes: WriteSet,
        change: impl FnOnce(&mut StreamMeta),
    ) -> Result<()> {
        let mut meta = StreamMeta::clone(&found.meta);
        change(&mut meta);
        writes.put(stream_key(&found.stream.arn), stream_row::encode(&meta));
        self.store_change(writes).await?;
        found.stream.set_meta(meta);
        Ok(())
    }

    async fn change_retention(&self, found: &Found, priority: Priority, hours: u32) -> Result<()> {
        let delay = self.settings.delays.update;
        self.change(found, priority, |meta| {
            meta.horizon_floor = meta.horizon(found.now);
            meta.retention_hours = hours;
            meta.begin_update(found.now, delay);
        })
        .await
    }
}

fn has_consumers(StreamArn { account, name, .. }: &StreamArn) -> Error {
    Error::ResourceInUse(format!(
        "DeleteStream can't delete {account}:{name} because there are consumers associated with this data stream. \
         To delete {name} anyway, set the EnforceConsumerDeletion parameter to true to force the deletion of all \
         the consumers that are associated with it."
    ))
}

fn check_retention(hours: i64) -> Result<u32> {
    let too = |which, limit, word| {
        Err(Error::InvalidArgument(format!(
            "{which} allowed retention period is {limit} hours. Requested retention period ({hours} hours) is too {word}."
        )))
    };
    match u32::try_from(hours) {
        Ok(hours) if hours > aws::RETENTION_HOURS_MAX => too("Maximum", aws::RETENTION_HOURS_MAX, "long"),
        Ok(hours) if hours >= aws::RETENTION_HOURS_MIN => Ok(hours),
        Err(_) if hours > 0 => too("Maximum", aws::RETENTION_HOURS_MAX, "long"),
        _ => too("Minimum", aws::RETENTION_HOURS_MIN, "short"),
    }
}
