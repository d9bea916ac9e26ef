//! ListStreams and ListShards, with their filters and pages.

use millstream_model::{AccountId, Region, StreamArn, Timestamp, limits};
use prost::Message;

use super::describe::{ShardDescription, describe_shard};
use crate::call_limits::Call;
use crate::engine::{Engine, Found, not_found};
use crate::error::{Error, Result};
use crate::shard::Shard;
use crate::stream::{Mode, StreamStatus};
use crate::token::{Page, invalid_page};

/// One stream of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedStream {
    pub arn: StreamArn,
    pub status: StreamStatus,
    pub mode: Mode,
    pub created: Timestamp,
}

#[derive(Clone, Debug)]
pub struct StreamsPage {
    pub streams: Vec<ListedStream>,
    /// Absent at the end.
    pub next_token: Option<String>,
}

/// Which shards of a stream to list, by when they were open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ShardFilter {
    /// All that are not expired.
    #[default]
    FromTrimHorizon,
    /// Those that were open at the trim horizon.
    AtTrimHorizon,
    /// Those that are open now.
    AtLatest,
    /// Those that were open at that time.
    AtTimestamp(Timestamp),
    /// Those that were open at that time or later.
    FromTimestamp(Timestamp),
    /// Those with a higher id.
    AfterShardId(String),
}

/// Where a listing of shards starts.
#[derive(Clone, Debug)]
pub enum ShardsFrom<'a> {
    Start {
        arn: &'a StreamArn,
        filter: ShardFilter,
        after: Option<String>,
        /// Must be the stream's, if given; seconds count.
        stream_created: Option<Timestamp>,
    },
    /// Where the page before ended.
    Token(&'a str),
}

/// A ListShards call.
#[derive(Clone, Debug)]
pub struct ListShards<'a> {
    pub from: ShardsFrom<'a>,
    /// 1 to 10,000, of which AWS gives at most 1,000.
    pub shards_max: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct ShardsPage {
    pub shards: Vec<ShardDescription>,
    /// Absent at the end.
    pub next_token: Option<String>,
}

/// Where a listing of streams goes on, and whose streams they are.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamsToken {
    #[prost(string, tag = "1")]
    after: String,
    #[prost(string, tag = "2")]
    account: String,
    #[prost(string, tag = "3")]
    region: String,
}

impl Page for StreamsToken {
    const KIND: &'static [u8] = b"ListStreams";
}

/// Where a listing of shards goes on, and by which filter.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ShardsToken {
    #[prost(uint32, tag = "1")]
    pub(crate) stream_uid: u32,
    #[prost(string, tag = "2")]
    pub(crate) after: String,
    #[prost(uint32, tag = "3")]
    pub(crate) filter: u32,
    #[prost(uint64, tag = "4")]
    pub(crate) filter_millis: u64,
}

impl Page for ShardsToken {
    const KIND: &'static [u8] = b"ListShards";
}

impl Engine {
    /// The streams of an account in a region by name, after `after` or where a token says.
    pub fn list_streams(
        &self,
        account: &AccountId,
        region: &Region,
        after: Option<&str>,
        token: Option<&str>,
        streams_max: Option<usize>,
    ) -> Result<StreamsPage> {
        self.inner.admit_account(Call::ListStreams, account, region)?;
        let now = self.inner.now();
        let after = match token {
            Some(token) => {
                let token: StreamsToken = self.inner.sealer.open_page(token, now)?;
                if token.account != account.as_str() || token.region != region.as_str() {
                    return Err(invalid_page());
                }
                Some(token.after)
            }
            None => after.map(str::to_owned),
        };
        let page = streams_max.unwrap_or(limits::LIST_STREAMS_PAGE_MAX).min(limits::LIST_STREAMS_PAGE_MAX);
        let all = self.inner.catalog.of(account, region);
        let mut rest = all.iter().filter_map(|stream| {
            let meta = stream.meta();
            let is_after = after.as_deref().is_none_or(|after| stream.arn.name.as_str() > after);
            let status = meta.status(now).filter(|_| is_after)?;
            Some(ListedStream { arn: stream.arn.clone(), status, mode: meta.mode, created: meta.created })
        });
        let streams: Vec<_> = rest.by_ref().take(page).collect();
        let next_token = match (streams.last(), rest.next()) {
            (Some(last), Some(_)) => {
                let token = StreamsToken {
                    after: last.arn.name.to_string(),
                    account: account.to_string(),
                    region: region.to_string(),
                };
                Some(self.inner.sealer.seal_page(&token, now)?)
            }
            _ => None,
        };
        Ok(StreamsPage { streams, next_token })
    }

    pub fn list_shards(&self, call: ListShards<'_>) -> Result<ShardsPage> {
        let (found, filter, after) = self.resolve_listing(call.from)?;
        self.inner.admit(Call::ListShards, &found.stream.arn)?;
        if matches!(found.status, StreamStatus::Creating | StreamStatus::Deleting) {
            return Err(Error::stream_not_active(&found.stream.arn, found.status));
        }
        let page = call.shards_max.unwrap_or(limits::LIST_SHARDS_PAGE_MAX).min(limits::LIST_SHARDS_PAGE_MAX);
        let shards = found.stream.shards();
        let is_after =
            |shard: &Shard| after.as_deref().is_none_or(|after| shard.id().to_string().as_str() > after);
        let unexpired = shards.unexpired(found.horizon());
        let matching = unexpired.filter(|shard| matches(&filter, shard, &found));
        let mut rest = matching.filter(|shard| is_after(shard));
        let listed: Vec<_> = rest.by_ref().take(page).map(|shard| describe_shard(shard)).collect();
        let next_token = match (listed.last(), rest.next()) {
            (Some(last), Some(_)) => {
                let token = encode_token(found.stream.uid, &filter, last.id.to_string());
                Some(self.inner.sealer.seal_page(&token, found.now)?)
            }
            _ => None,
        };
        Ok(ShardsPage { shards: listed, next_token })
    }

    fn resolve_listing(&self, from: ShardsFrom<'_>) -> Result<(Found, ShardFilter, Option<String>)> {
        let inner = &self.inner;
        match from {
            ShardsFrom::Start { arn, filter, after, stream_created } => {
                let found = inner.find(arn)?;
                let created = found.meta.created.as_secs();
                if stream_created.is_some_and(|named| named.as_secs() != created) {
                    return Err(not_found(arn));
                }
                let after = match &filter {
                    ShardFilter::AfterShardId(id) => after.max(Some(id.clone())),
                    _ => after,
                };
                Ok((found, filter, after))
            }
            ShardsFrom::Token(token) => {
                let now = inner.now();
                let token: ShardsToken = inner.sealer.open_page(token, now)?;
                let stream = inner.catalog.by_uid(token.stream_uid);
                let found = stream.and_then(|stream| {
                    let meta = stream.meta();
                    let status = meta.status(now)?;
                    Some(Found { stream, meta, status, now })
                });
                let found = found.ok_or_else(|| {
                    Error::ResourceNotFound(
                        "The stream that NextToken was made for does not exist.".to_owned(),
                    )
                })?;
                let filter = decode_filter(&token).ok_or_else(invalid_page)?;
                Ok((found, filter, Some(token.after)))
            }
        }
    }
}

/// A shard's life is half open, from its creation up to but not including its end, so that at any moment
/// the shards of a stream tile the hash key space.
fn matches(filter: &ShardFilter, shard: &Shard, found: &Found) -> bool {
    // A time before the stream means its first shards, and one before the horizon those of the horizon.
    let oldest = found.horizon().max(found.meta.created);
    match filter {
        ShardFilter::FromTrimHorizon | ShardFilter::AfterShardId(_) => true,
        ShardFilter::AtTrimHorizon => shard.was_open_at(oldest),
        ShardFilter::AtLatest => shard.closed().is_none(),
        ShardFilter::AtTimestamp(time) => shard.was_open_at((*time).max(oldest)),
        ShardFilter::FromTimestamp(time) => shard.closed().is_none_or(|closed| closed >= (*time).max(oldest)),
    }
}

pub(crate) fn encode_token(stream_uid: u32, filter: &ShardFilter, after: String) -> ShardsToken {
    let (filter, time) = match filter {
        // Where to go on says all that the last one means.
        ShardFilter::FromTrimHorizon | ShardFilter::AfterShardId(_) => (0, Timestamp::EPOCH),
        ShardFilter::AtTrimHorizon => (1, Timestamp::EPOCH),
        ShardFilter::AtLatest => (2, Timestamp::EPOCH),
        ShardFilter::AtTimestamp(time) => (3, *time),
        ShardFilter::FromTimestamp(time) => (4, *time),
    };
    ShardsToken { stream_uid, after, filter, filter_millis: time.as_millis() }
}

pub(crate) fn decode_filter(token: &ShardsToken) -> Option<ShardFilter> {
    let time = Timestamp::from_millis(token.filter_millis);
    match token.filter {
        0 => Some(ShardFilter::FromTrimHorizon),
        1 => Some(ShardFilter::AtTrimHorizon),
        2 => Some(ShardFilter::AtLatest),
        3 => Some(ShardFilter::AtTimestamp(time)),
        4 => Some(ShardFilter::FromTimestamp(time)),
        _ => None,
    }
}
