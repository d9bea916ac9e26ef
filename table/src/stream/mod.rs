//! DynamoDB Streams: what readers see of a table's log of changes.
//!
//! A stream has one open shard, and after [`SHARD_LIFETIME`] another one whose parent it is. One is enough because
//! the log of a table is one run of bytes that is written by one process, so that more would not be faster; and
//! it keeps the order of all changes, of which clients may rely on that of each item. Shards end nevertheless,
//! since clients that follow a stream for longer than its retention must be able to forget where it began, and
//! since those who cannot follow a shard to its child had better learn it here than on AWS.
//!
//! Nothing is shown that is not durable, nor anything out of order: readers stop before the first change that
//! is still under way. A stream outlives its table by that retention, as an orphan. Shards and what is trimmed are
//! decided by one task, `background/stream_keeper`; the rows of changes are written with the items, in `mutation`.

use std::time::Duration;

pub(crate) mod arn;
pub(crate) mod iterator;
pub(crate) mod orphans;
pub(crate) mod record;
pub(crate) mod shards;

/// How long a shard takes changes before the next one does.
pub(crate) const SHARD_LIFETIME: Duration = Duration::from_secs(4 * 3600);
/// How long a change can be read, and a stream that was switched off.
pub(crate) const RETENTION: Duration = Duration::from_secs(24 * 3600);
