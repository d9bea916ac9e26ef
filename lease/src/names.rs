//! How leases, workers and shards are called.
//!
//! Text that is never empty, because the lease table cannot hold empty text where these stand. Shards are not
//! `model`'s: a lease table may be that of any stream, also of one whose shard ids have another form.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Text that may not be empty was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {0} may not be empty")]
pub struct EmptyName(&'static str);

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = EmptyName;

            fn from_str(text: &str) -> Result<Self, EmptyName> {
                if text.is_empty() { Err(EmptyName($what)) } else { Ok(Self(text.into())) }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A worker of the fleet. Must differ between processes that run at the same time.
    WorkerId, "worker id"
);
name!(
    /// The key of a lease's row: the shard's id, or for one stream of many `account:stream:epoch:shardId`.
    LeaseKey, "lease key"
);
name!(
    /// A shard's id, as whoever serves the stream gave it.
    ShardName, "shard id"
);

/// Which stream a lease belongs to where one table serves many, as KCL serialises it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamIdentifier {
    pub account: String,
    pub stream: String,
    /// When the stream was created, in seconds since the epoch; 0 where nobody asked. Tells a stream from one of the
    /// same name that was deleted.
    pub creation_epoch: u64,
}

/// Not of the form `account:stream:epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stream identifier has the form account:stream:creationEpoch")]
pub struct InvalidStreamIdentifier;

impl StreamIdentifier {
    /// The key of this stream's lease for a shard.
    #[must_use]
    pub fn lease_key(&self, shard: &ShardName) -> LeaseKey {
        LeaseKey(format!("{self}:{shard}").into())
    }
}

impl fmt::Display for StreamIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.account, self.stream, self.creation_epoch)
    }
}

impl FromStr for StreamIdentifier {
    type Err = InvalidStreamIdentifier;

    fn from_str(text: &str) -> Result<Self, InvalidStreamIdentifier> {
        let mut parts = text.split(':');
        let (Some(account), Some(stream), Some(epoch), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidStreamIdentifier);
        };
        let creation_epoch = epoch.parse().map_err(|_| InvalidStreamIdentifier)?;
        if account.is_empty() || stream.is_empty() {
            return Err(InvalidStreamIdentifier);
        }
        Ok(Self { account: account.to_owned(), stream: stream.to_owned(), creation_epoch })
    }
}

impl LeaseKey {
    /// The key of a shard's lease in the table of a single stream.
    #[must_use]
    pub fn of_shard(shard: &ShardName) -> Self {
        Self(shard.0.clone())
    }
}

impl ShardName {
    /// The shard that a key of a single stream's table names.
    #[must_use]
    pub fn of_key(key: &LeaseKey) -> Self {
        Self(key.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_many_streams_name_stream_and_shard() {
        let stream: StreamIdentifier = "123456789012:orders:1700000000".parse().unwrap();
        let shard: ShardName = "shardId-000000000003".parse().unwrap();
        let key = stream.lease_key(&shard);
        assert_eq!(key.as_str(), "123456789012:orders:1700000000:shardId-000000000003");
        for text in ["", "a:b", "a:b:c", ":b:1", "a::1", "a:b:1:d"] {
            assert!(text.parse::<StreamIdentifier>().is_err(), "{text}");
        }
    }
}
