//! Every limit of Kinesis Data Streams, named, with its unit last. Figures of 2026; the AWS quotas page and
//! the service model are the sources. Which of them are enforced is decided in the engine's settings.

use std::time::Duration;

/// Characters of a stream's or consumer's name.
pub const NAME_CHARS_MAX: usize = 128;

/// Default size of a record (data plus partition key); a stream may raise it to [`RECORD_BYTES_CEILING`].
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// The largest record size that a stream can be configured for.
pub const RECORD_BYTES_CEILING: usize = 10 * 1024 * 1024;
/// Data plus partition keys of one PutRecords call.
pub const PUT_RECORDS_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Entries of one PutRecords call.
pub const PUT_RECORDS_ENTRIES_MAX: usize = 500;
/// UTF-16 code units of a partition key.
pub const PARTITION_KEY_CHARS_MAX: usize = 256;

/// Records of one GetRecords reply.
pub const GET_RECORDS_ENTRIES_MAX: usize = 10_000;
/// Data plus partition keys of one GetRecords reply.
pub const GET_RECORDS_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Write capacity of a shard.
pub const SHARD_WRITE_BYTES_PER_SECOND: u64 = 1024 * 1024;
/// Write capacity of a shard.
pub const SHARD_WRITE_RECORDS_PER_SECOND: u64 = 1000;
/// Bytes that a rested shard takes at once where records may be larger than [`RECORD_BYTES_MAX`] ("bursts up to 10 MiB,
/// while averaging out to 1 MiB per second", developer guide, large records).
pub const SHARD_WRITE_BURST_BYTES: u64 = 10 * 1024 * 1024;
/// Read capacity of a shard, shared by all that poll it.
pub const SHARD_READ_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
/// GetRecords calls on a shard, shared by all that poll it.
pub const SHARD_READ_CALLS_PER_SECOND: u64 = 5;
/// GetShardIterator calls on a shard.
pub const SHARD_ITERATOR_CALLS_PER_SECOND: u64 = 5;

/// What a subscription brings of one shard to one consumer.
pub const SUBSCRIPTION_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
/// SubscribeToShard calls of one consumer for one shard.
pub const SUBSCRIPTION_CALLS_PER_SECOND: u64 = 1;

/// Calls of most operations of the control plane, by account or by stream.
pub const CONTROL_CALLS_PER_SECOND: u64 = 5;
/// DescribeStream calls of an account.
pub const DESCRIBE_STREAM_CALLS_PER_SECOND: u64 = 10;
/// DescribeStreamSummary calls of an account.
pub const DESCRIBE_STREAM_SUMMARY_CALLS_PER_SECOND: u64 = 20;
/// DescribeStreamConsumer calls on a stream.
pub const DESCRIBE_STREAM_CONSUMER_CALLS_PER_SECOND: u64 = 20;
/// DescribeLimits calls of an account.
pub const DESCRIBE_LIMITS_CALLS_PER_SECOND: u64 = 1;
/// UpdateShardCount calls of an account.
pub const UPDATE_SHARD_COUNT_CALLS_PER_SECOND: u64 = 10;
/// ListShards calls on a stream.
pub const LIST_SHARDS_CALLS_PER_SECOND: u64 = 1000;

/// How long a shard iterator can be used.
pub const ITERATOR_LIFETIME: Duration = Duration::from_secs(300);
/// How long a NextToken can be used.
pub const NEXT_TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// How long a subscription lasts.
pub const SUBSCRIPTION_LIFETIME: Duration = Duration::from_secs(300);
/// From when on a subscription gives way to a newer one of the same consumer and shard.
pub const SUBSCRIPTION_TAKEOVER: Duration = Duration::from_secs(5);

/// Consumers on one stream.
pub const CONSUMERS_PER_STREAM: u32 = 20;
/// The same of an on-demand stream of an account that is committed to a minimum throughput.
pub const CONSUMERS_PER_ADVANTAGE_STREAM: u32 = 50;
/// Consumers of one stream that may be in CREATING at once.
pub const CONSUMERS_CREATING_MAX: usize = 5;

/// Retention of a new stream, and the least there is.
pub const RETENTION_HOURS_MIN: u32 = 24;
/// The longest retention, 365 days.
pub const RETENTION_HOURS_MAX: u32 = 8760;

/// Starts of a stream's encryption in 24 hours, and as many stops.
pub const ENCRYPTION_CHANGES_PER_DAY: u32 = 25;

/// Tags on one stream or consumer.
pub const TAGS_MAX: usize = 50;
/// UTF-8 bytes of a resource policy.
pub const RESOURCE_POLICY_BYTES_MAX: usize = 20 * 1024;
/// Open shards in an account and region.
pub const SHARDS_PER_ACCOUNT: u32 = 20_000;
/// Shards of one stream at its creation, whatever the quotas: all of them are made at once, in memory.
pub const SHARDS_PER_STREAM_MAX: u32 = 20_000;
/// UpdateShardCount calls that change a stream, within 24 hours.
pub const COUNT_UPDATES_PER_DAY: u32 = 10;
/// Open shards that UpdateShardCount can be asked for.
pub const UPDATE_SHARD_COUNT_TARGET_MAX: u32 = 10_000;
/// On-demand streams in an account and region.
pub const ON_DEMAND_STREAMS_PER_ACCOUNT: u32 = 50;
/// Shards that an on-demand stream starts with.
pub const ON_DEMAND_SHARDS_INITIAL: u32 = 4;
/// Write capacity that an on-demand stream grows to, and that it can be warmed for: 10 GiB/s, in the three largest
/// regions.
pub const ON_DEMAND_MIB_PER_SECOND_MAX: u32 = 10 * 1024;
/// An on-demand stream's capacity follows the highest write rate of so many days (developer guide, on-demand mode) …
pub const ON_DEMAND_PEAK_DAYS: u64 = 30;
/// … and is so many times that rate, so that traffic may double at once.
pub const ON_DEMAND_HEADROOM: u64 = 2;
/// Within this, an on-demand stream has followed traffic that doubled, and has split a shard that is too busy.
pub const ON_DEMAND_GROWS_WITHIN: Duration = Duration::from_secs(15 * 60);
/// UpdateStreamMode calls that change a stream, within 24 hours.
pub const MODE_SWITCHES_PER_DAY: u32 = 2;
/// How long an account that commits itself to a minimum throughput is bound at least.
pub const COMMITMENT_MIN: Duration = Duration::from_secs(24 * 3600);
/// Streams of an account and region that may be in CREATING at once.
pub const STREAMS_CREATING_MAX: usize = 5;

/// Shards of one DescribeStream page.
pub const DESCRIBE_STREAM_PAGE_MAX: usize = 100;
/// Streams of one ListStreams page.
pub const LIST_STREAMS_PAGE_MAX: usize = 100;
/// Shards of one ListShards page.
pub const LIST_SHARDS_PAGE_MAX: usize = 1000;
/// Consumers of one ListStreamConsumers page.
pub const LIST_STREAM_CONSUMERS_PAGE_MAX: usize = 100;
/// Tags of one ListTagsForStream page.
pub const LIST_TAGS_PAGE_MAX: usize = 50;
