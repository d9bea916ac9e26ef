//! UpdateStreamMode, UpdateStreamWarmThroughput, UpdateMaxRecordSize and UpdateStreamRecordDistributionStrategy.

use millstream_model::{StreamArn, limits as aws};
use millstream_storage::Priority;

use crate::account::CommitmentStatus;
use crate::call_limits::Call;
use crate::capacity::decision::shards_needed;
use crate::capacity::demand::Demand;
use crate::capacity::{Distribution, ShardCapacity, WarmThroughput};
use crate::engine::{Engine, Found, Inner};
use crate::error::{Error, Result};
use crate::rolling_day::RollingDay;
use crate::stream::{Mode, StreamMeta};

impl Engine {
    /// Switches a stream to the other mode, at most twice within 24 hours. Its shards stay, but for more that
    /// `warm_mib`, MiB a second for a stream that is to be on demand, needs.
    pub async fn update_stream_mode(&self, arn: &StreamArn, mode: Mode, warm_mib: u32) -> Result<()> {
        self.inner.admit(Call::UpdateStreamMode, arn)?;
        let arn = arn.clone();
        self.carry_through("switch of a mode", move |engine| async move {
            let inner = &engine.inner;
            let _control = inner.control.lock().await;
            let found = inner.find_active(&arn)?;
            let switches = inner.check_switch(&found, mode)?;
            if warm_mib > 0 {
                inner.check_warm(&arn, mode, warm_mib, Error::Validation)?;
            }
            let (open, capacity) = (found.open_shards(), inner.shard_capacity());
            let target = open.max(capacity.shards_for_mib(warm_mib));
            let now = found.now;
            let switch = |meta: &mut StreamMeta| {
                meta.mode = mode;
                meta.capacity.mode_switches = switches;
                meta.capacity.warm_mib = warm_mib;
                meta.capacity.demand = match mode {
                    Mode::Provisioned => Demand::default(),
                    Mode::OnDemand => Demand::of_capacity(now, capacity.of_shards(open)),
                };
            };
            inner.resize(&found, target, switch).await?;
            inner.note_mode(&found, mode);
            Ok(())
        })
        .await
    }

    /// Keeps an on-demand stream ready for so many MiB a second from now on. It grows to that at once. To ask for less
    /// than before gives back what neither that nor the last hour's peak needs; to ask for as much, as whoever tries
    /// again does, changes nothing. Answers with the throughput before the change, as AWS does, which has yet to make
    /// it then.
    pub async fn update_warm_throughput(&self, arn: &StreamArn, warm_mib: u32) -> Result<WarmThroughput> {
        self.inner.admit(Call::UpdateStreamWarmThroughput, arn)?;
        let arn = arn.clone();
        self.carry_through("update of a warm throughput", move |engine| async move {
            let inner = &engine.inner;
            let _control = inner.control.lock().await;
            let found = inner.find_active(&arn)?;
            inner.check_warm(&arn, found.meta.mode, warm_mib, Error::Validation)?;
            let (open, capacity) = (found.open_shards(), inner.shard_capacity());
            let described = WarmThroughput { target_mib: warm_mib, current_mib: capacity.mib_of(open) };
            if warm_mib == found.meta.capacity.warm_mib {
                return Ok(described);
            }
            let wanted = capacity.shards_for_mib(warm_mib);
            let mut demand = found.meta.capacity.demand.clone();
            demand.note(found.now, found.stream.glance(capacity, inner.clock.monotonic()));
            let target = if warm_mib > found.meta.capacity.warm_mib {
                open.max(wanted)
            } else {
                demand.forget_all_but_the_last_hour(found.now);
                let needed = shards_needed(capacity, demand.last_hour(found.now));
                wanted.max(needed).max(aws::ON_DEMAND_SHARDS_INITIAL).min(open.max(wanted))
            };
            if target != open {
                demand.scaled = Some(found.now);
            }
            let change = |meta: &mut StreamMeta| {
                meta.capacity.warm_mib = warm_mib;
                meta.capacity.demand = demand;
            };
            inner.resize(&found, target, change).await?;
            Ok(described)
        })
        .await
    }

    /// Changes how large a record may be, 1,024 to 10,240 KiB of data and partition key; whoever knows the wire has
    /// checked that. Larger ones that are there stay.
    pub async fn update_max_record_size(&self, arn: &StreamArn, record_kib_max: u32) -> Result<()> {
        self.inner.admit(Call::UpdateMaxRecordSize, arn)?;
        let arn = arn.clone();
        self.carry_through("update of a record size", move |engine| async move {
            let inner = &engine.inner;
            let _control = inner.control.lock().await;
            let found = inner.find_active(&arn)?;
            let change = |meta: &mut StreamMeta| {
                meta.record_kib_max = record_kib_max;
                inner.begin_update(meta, &found);
            };
            inner.change(&found, Priority::Normal, change).await
        })
        .await
    }

    /// Changes how an on-demand stream's records find their shard, at once and for new records alone.
    pub async fn update_distribution(&self, arn: &StreamArn, distribution: Distribution) -> Result<()> {
        self.inner.admit(Call::UpdateStreamRecordDistributionStrategy, arn)?;
        let arn = arn.clone();
        self.carry_through("update of a distribution", move |engine| async move {
            let inner = &engine.inner;
            let _control = inner.control.lock().await;
            let found = inner.find_active(&arn)?;
            check_distribution(&arn, found.meta.mode, distribution)?;
            let change = |meta: &mut StreamMeta| meta.capacity.distribution = distribution;
            inner.change(&found, Priority::Normal, change).await
        })
        .await
    }
}

impl Inner {
    pub(crate) fn shard_capacity(&self) -> ShardCapacity {
        ShardCapacity::of(&self.settings.limits)
    }

    /// Fails unless a stream may be kept ready for so much, or for nothing any more if it is 0; `refuse` makes the
    /// exception that the call is refused with.
    pub(crate) fn check_warm(
        &self,
        arn: &StreamArn,
        mode: Mode,
        warm_mib: u32,
        refuse: fn(String) -> Error,
    ) -> Result<()> {
        let StreamArn { account, region, name } = arn;
        if mode == Mode::Provisioned {
            return Err(refuse(format!(
                "WarmThroughputMiBps is not supported for stream {name} under account {account} in Provisioned mode."
            )));
        }
        match self.accounts.commitment(account, region).status(self.now()) {
            CommitmentStatus::Disabled => Err(refuse(format!(
                "WarmThroughputMiBps requires MinimumThroughputBillingCommitment to be enabled for the account {account} \
                 in {region}."
            ))),
            // A stream must not stay warm without it.
            CommitmentStatus::EnabledUntilEarliestAllowedEnd if warm_mib > 0 => Err(refuse(format!(
                "WarmThroughputMiBps cannot be set while MinimumThroughputBillingCommitment is about to end for the \
                 account {account} in {region}."
            ))),
            CommitmentStatus::Enabled | CommitmentStatus::EnabledUntilEarliestAllowedEnd => {
                self.check_warm_quota(warm_mib)
            }
        }
    }

    fn check_warm_quota(&self, warm_mib: u32) -> Result<()> {
        let (capacity, most) = (self.shard_capacity(), self.on_demand_shards_max());
        if capacity.shards_for_mib(warm_mib) <= most {
            return Ok(());
        }
        Err(Error::LimitExceeded(format!(
            "WarmThroughputMiBps cannot be greater than {}. Requested warm throughput: {warm_mib}",
            capacity.mib_of(most)
        )))
    }

    /// The switches of the last 24 hours with this one, unless it may not be made.
    fn check_switch(&self, found: &Found, mode: Mode) -> Result<RollingDay> {
        let arn = &found.stream.arn;
        let StreamArn { account, name, .. } = arn;
        if found.meta.mode == mode {
            return Err(Error::Validation(format!(
                "Request is invalid. Stream {name} under account {account} is already in {} mode.",
                mode.name()
            )));
        }
        let limit = self.settings.limits.mode_switches_per_day;
        let switches = found.meta.capacity.mode_switches.admit(limit, found.now).ok_or_else(|| {
            Error::LimitExceeded(format!(
                "The mode of stream {name} under account {account} was switched {} times within 24 hours, which is the \
                 limit.",
                limit.unwrap_or_default()
            ))
        })?;
        match mode {
            Mode::OnDemand => self.check_on_demand_quota(arn)?,
            Mode::Provisioned => check_distribution(arn, mode, found.meta.capacity.distribution)?,
        }
        Ok(switches)
    }

    /// Divides the hash keys evenly among so many shards, if there are more or fewer now, and changes what else is to
    /// change with it.
    async fn resize(&self, found: &Found, target: u32, change: impl FnOnce(&mut StreamMeta)) -> Result<()> {
        let open = found.open_shards();
        if target == open {
            let change = |meta: &mut StreamMeta| {
                change(meta);
                self.begin_update(meta, found);
            };
            return self.change(found, Priority::Normal, change).await;
        }
        self.check_shard_quota(&found.stream.arn, target.saturating_sub(open))?;
        let mut planner = found.planner();
        planner.make_uniform(target);
        self.reshard(found, &planner.finish(), change).await
    }

    fn begin_update(&self, meta: &mut StreamMeta, found: &Found) {
        meta.begin_update(found.now, self.settings.delays.update);
    }

    /// Begins to see to a stream's growth, or ends that.
    fn note_mode(&self, found: &Found, mode: Mode) {
        match mode {
            Mode::Provisioned => *found.stream.watch.lock() = None,
            Mode::OnDemand => {
                found.stream.watch_anew(self.clock.monotonic());
                self.on_demand_began.notify_one();
            }
        }
    }
}

/// Only an on-demand stream spreads its records by itself.
pub(crate) fn check_distribution(arn: &StreamArn, mode: Mode, distribution: Distribution) -> Result<()> {
    if mode == Mode::OnDemand || distribution == Distribution::UserPartitionKey {
        return Ok(());
    }
    let StreamArn { account, name, .. } = arn;
    Err(Error::InvalidArgument(format!(
        "RecordDistributionStrategy AUTO is not supported for stream {name} under account {account} in Provisioned mode."
    )))
}
