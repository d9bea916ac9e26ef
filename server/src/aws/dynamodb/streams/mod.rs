//! DynamoDB Streams: the changes of a table, as shards that are read by iterators.

pub mod generated;
