//! How often the calls of the control plane may be made: figures, and the buckets that enforce them.
//!
//! AWS counts most calls by account and region, some by stream. A bucket is there only while it is not full,
//! so that what was never called, or long ago, costs nothing. Calls on shards are limited next door, with the
//! shards.

use std::collections::HashMap;
use std::time::Duration;

use millstream_model::{AccountId, Region, StreamArn, StreamName, limits as aws};
use millstream_runtime::TokenBucket;
use parking_lot::Mutex;

use crate::error::{Error, Result};

/// Declares the calls, in which scope they are counted, and how many AWS lets through in a second.
macro_rules! calls {
    ($($field:ident, $call:ident, $scope:ident, $per_second:expr;)*) => {
        /// Calls that are let through in a second. `None` means no limit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct CallLimits {
            $(pub $field: Option<u64>,)*
        }

        impl CallLimits {
            /// The quotas of AWS.
            pub const AWS: Self = Self { $($field: Some($per_second),)* };

            /// Nothing is limited.
            pub const OFF: Self = Self { $($field: None,)* };

            fn per_second(&self, call: Call) -> Option<u64> {
                match call { $(Call::$call => self.$field,)* }
            }
        }

        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Call { $($call,)* }

        impl Call {
            fn scope(self) -> Scope {
                match self { $(Self::$call => Scope::$scope,)* }
            }
        }
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// All calls of an account in a region together.
    Account,
    /// The calls that name one stream.
    Stream,
}

calls! {
    create_stream, CreateStream, Account, aws::CONTROL_CALLS_PER_SECOND;
    delete_stream, DeleteStream, Account, aws::CONTROL_CALLS_PER_SECOND;
    describe_stream, DescribeStream, Account, aws::DESCRIBE_STREAM_CALLS_PER_SECOND;
    describe_stream_summary, DescribeStreamSummary, Account, aws::DESCRIBE_STREAM_SUMMARY_CALLS_PER_SECOND;
    list_streams, ListStreams, Account, aws::CONTROL_CALLS_PER_SECOND;
    list_shards, ListShards, Stream, aws::LIST_SHARDS_CALLS_PER_SECOND;
    describe_limits, DescribeLimits, Account, aws::DESCRIBE_LIMITS_CALLS_PER_SECOND;
    add_tags_to_stream, AddTagsToStream, Account, aws::CONTROL_CALLS_PER_SECOND;
    remove_tags_from_stream, RemoveTagsFromStream, Account, aws::CONTROL_CALLS_PER_SECOND;
    list_tags_for_stream, ListTagsForStream, Account, aws::CONTROL_CALLS_PER_SECOND;
    tag_resource, TagResource, Account, aws::CONTROL_CALLS_PER_SECOND;
    untag_resource, UntagResource, Account, aws::CONTROL_CALLS_PER_SECOND;
    list_tags_for_resource, ListTagsForResource, Account, aws::CONTROL_CALLS_PER_SECOND;
    put_resource_policy, PutResourcePolicy, Account, aws::CONTROL_CALLS_PER_SECOND;
    get_resource_policy, GetResourcePolicy, Account, aws::CONTROL_CALLS_PER_SECOND;
    delete_resource_policy, DeleteResourcePolicy, Account, aws::CONTROL_CALLS_PER_SECOND;
    enable_enhanced_monitoring, EnableEnhancedMonitoring, Stream, aws::CONTROL_CALLS_PER_SECOND;
    disable_enhanced_monitoring, DisableEnhancedMonitoring, Stream, aws::CONTROL_CALLS_PER_SECOND;
    register_stream_consumer, RegisterStreamConsumer, Stream, aws::CONTROL_CALLS_PER_SECOND;
    deregister_stream_consumer, DeregisterStreamConsumer, Stream, aws::CONTROL_CALLS_PER_SECOND;
    describe_stream_consumer, DescribeStreamConsumer, Stream, aws::DESCRIBE_STREAM_CONSUMER_CALLS_PER_SECOND;
    list_stream_consumers, ListStreamConsumers, Stream, aws::CONTROL_CALLS_PER_SECOND;
    increase_stream_retention_period, IncreaseStreamRetentionPeriod, Stream, aws::CONTROL_CALLS_PER_SECOND;
    decrease_stream_retention_period, DecreaseStreamRetentionPeriod, Stream, aws::CONTROL_CALLS_PER_SECOND;
    split_shard, SplitShard, Account, aws::CONTROL_CALLS_PER_SECOND;
    merge_shards, MergeShards, Account, aws::CONTROL_CALLS_PER_SECOND;
    update_shard_count, UpdateShardCount, Account, aws::UPDATE_SHARD_COUNT_CALLS_PER_SECOND;
    update_stream_mode, UpdateStreamMode, Account, aws::CONTROL_CALLS_PER_SECOND;
    update_stream_warm_throughput, UpdateStreamWarmThroughput, Account, aws::CONTROL_CALLS_PER_SECOND;
    update_max_record_size, UpdateMaxRecordSize, Account, aws::CONTROL_CALLS_PER_SECOND;
    update_stream_record_distribution_strategy, UpdateStreamRecordDistributionStrategy, Account,
        aws::CONTROL_CALLS_PER_SECOND;
    describe_account_settings, DescribeAccountSettings, Account, aws::CONTROL_CALLS_PER_SECOND;
    update_account_settings, UpdateAccountSettings, Account, aws::CONTROL_CALLS_PER_SECOND;
}

/// Whose calls are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Caller {
    call: Call,
    account: AccountId,
    region: Region,
    stream: Option<StreamName>,
}

/// What every caller may still ask.
#[derive(Debug, Default)]
pub(crate) struct CallBuckets(Mutex<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    by_caller: HashMap<Caller, TokenBucket>,
    /// Buckets that may be there before the full ones are looked for and dropped.
    bound: usize,
}

/// Seconds of calls that a caller who was quiet may make at once. AWS states rates and no bursts. With a
/// minute's worth, a test suite that sets itself up is let through, and a loop that polls is not.
const BURST_SECONDS: u64 = 60;
/// Fewer than these are not worth a search.
const BUCKETS_MIN: usize = 4096;

impl CallBuckets {
    /// Lets a call that names a stream through.
    pub(crate) fn admit(
        &self,
        limits: &CallLimits,
        call: Call,
        arn: &StreamArn,
        now: Duration,
    ) -> Result<()> {
        let StreamArn { account, region, name } = arn;
        let stream = (call.scope() == Scope::Stream).then(|| name.clone());
        let caller = Caller { call, account: account.clone(), region: region.clone(), stream };
        if self.0.lock().take(limits, caller, now) {
            return Ok(());
        }
        Err(Error::LimitExceeded(format!("Rate exceeded for stream {name} under account {account}.")))
    }

    /// Lets a call that names no stream through.
    pub(crate) fn admit_account(
        &self,
        limits: &CallLimits,
        call: Call,
        account: &AccountId,
        region: &Region,
        now: Duration,
    ) -> Result<()> {
        let caller = Caller { call, account: account.clone(), region: region.clone(), stream: None };
        if self.0.lock().take(limits, caller, now) {
            return Ok(());
        }
        Err(Error::LimitExceeded(format!("Rate exceeded for account {account}.")))
    }
}

impl Buckets {
    fn take(&mut self, limits: &CallLimits, caller: Caller, now: Duration) -> bool {
        let Some(per_second) = limits.per_second(caller.call) else { return true };
        if self.by_caller.len() >= self.bound.max(BUCKETS_MIN) {
            self.by_caller.retain(|_, bucket| !bucket.is_full(now));
            self.bound = 2 * self.by_caller.len();
        }
        let bucket = self.by_caller.entry(caller);
        let burst = per_second.saturating_mul(BURST_SECONDS);
        bucket.or_insert_with(|| TokenBucket::new(burst, per_second, now)).take(now, 1).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(account: usize, name: &str) -> StreamArn {
        format!("arn:aws:kinesis:us-east-1:{account:012}:stream/{name}").parse().unwrap()
    }

    fn admitted(buckets: &CallBuckets, call: Call, arn: &StreamArn, now: Duration) -> usize {
        (0..100_000).filter(|_| buckets.admit(&CallLimits::AWS, call, arn, now).is_ok()).count()
    }

    #[test]
    fn a_minute_of_calls_is_let_through_at_once_and_then_the_rate() {
        let buckets = CallBuckets::default();
        let orders = arn(1, "orders");
        for (call, per_second) in
            [(Call::CreateStream, 300), (Call::DescribeStream, 600), (Call::DescribeStreamSummary, 1200)]
        {
            assert_eq!(admitted(&buckets, call, &orders, Duration::ZERO), per_second);
        }
        assert_eq!(admitted(&buckets, Call::CreateStream, &orders, Duration::from_millis(199)), 0);
        assert_eq!(admitted(&buckets, Call::CreateStream, &orders, Duration::from_millis(200)), 1);
        assert_eq!(admitted(&buckets, Call::CreateStream, &orders, Duration::from_secs(9)), 44);
    }

    #[test]
    fn accounts_and_some_calls_streams_are_counted_apart() {
        let buckets = CallBuckets::default();
        let (orders, returns, others) = (arn(1, "orders"), arn(1, "returns"), arn(2, "orders"));
        let count = |call, arn| admitted(&buckets, call, arn, Duration::ZERO);
        assert_eq!([&orders, &returns, &others].map(|arn| count(Call::CreateStream, arn)), [300, 0, 300]);
        let retention = Call::IncreaseStreamRetentionPeriod;
        assert_eq!([&orders, &returns, &others].map(|arn| count(retention, arn)), [300, 300, 300]);
        assert_eq!([&orders, &returns].map(|arn| count(Call::ListShards, arn)), [60_000, 60_000]);
    }

    #[test]
    fn the_words_are_those_of_aws() {
        let buckets = CallBuckets::default();
        let limits = CallLimits { describe_stream: Some(0), describe_limits: Some(0), ..CallLimits::OFF };
        let orders = arn(1, "orders");
        assert_eq!(
            buckets.admit(&limits, Call::DescribeStream, &orders, Duration::ZERO),
            Err(Error::LimitExceeded("Rate exceeded for stream orders under account 000000000001.".into()))
        );
        let call = Call::DescribeLimits;
        assert_eq!(
            buckets.admit_account(&limits, call, &orders.account, &orders.region, Duration::ZERO),
            Err(Error::LimitExceeded("Rate exceeded for account 000000000001.".into()))
        );
    }

    #[test]
    fn buckets_that_are_full_again_are_forgotten() {
        let buckets = CallBuckets::default();
        let mut now = Duration::ZERO;
        for account in 0..5 * BUCKETS_MIN {
            now += Duration::from_millis(1);
            let arn = arn(account, "orders");
            assert!(buckets.admit(&CallLimits::AWS, Call::CreateStream, &arn, now).is_ok());
            assert!(buckets.0.lock().by_caller.len() <= BUCKETS_MIN);
        }
        let off = CallBuckets::default();
        assert!(off.admit(&CallLimits::OFF, Call::CreateStream, &arn(1, "orders"), now).is_ok());
        assert!(off.0.lock().by_caller.is_empty());
    }
}
