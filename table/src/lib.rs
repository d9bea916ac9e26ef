//! Tables of items as DynamoDB has them, on ordered bytes.
//!
//! A pure core, from an item and what is asked of it to an answer: values, keys, expressions, capacity. Around
//! it [`Tables`], which keeps tables in a slot of storage. No wire format is known: no JSON, no HTTP. Texts of
//! errors are those that AWS sends, since clients show and compare them.

mod arn;
mod background;
mod capacity;
mod catalog;
mod change_log;
mod change_table;
mod condition;
mod consumed;
mod counts;
mod error;
mod expression;
mod index;
mod item;
mod item_locks;
mod key;
mod keyspace;
mod live_table;
mod meta;
mod mutation;
mod number;
mod operations;
mod projection;
mod reading;
mod recovery;
mod settings;
mod store;
mod stream;
mod tables;
mod throttle;
mod update;
mod value;
mod write;

#[cfg(test)]
mod generators;
#[cfg(test)]
mod tests;

pub use arn::{InvalidTableArn, TableArn, TableName};
pub use capacity::{Capacity, Consistency, IndexChange};
pub use change_log::{Cause, Change, ChangeKind};
pub use consumed::{Access, Consumed};
pub use error::{CancellationCode, CancellationReason, Error, Result, ThrottlingReason};
pub use expression::legacy;
pub use expression::{
    Action, ActionKind, Comparator, Condition, Element, ExpressionKind, KeyCondition, KeyConditions, KeyTest,
    Operand, Parameters, Path, Projection, RangeCondition, SetOperand, SetValue, Spelling, Substitutions,
    Update, invalid_value,
};
pub use index::{GlobalIndex, Index, IndexProjection};
pub use item::{CorruptItem, Item, SIZE_MAX as ITEM_SIZE_MAX, check_depth};
pub use key::{ByteRange, HASH_MAX, Key, KeyElement, KeyRole, KeySchema, KeyType, KeyValue, RANGE_MAX};
pub use meta::{
    BillingMode, DestinationStatus, ExpiryStatus, KinesisDestination, OnDemandThroughput,
    PointInTimeRecovery, Policy, Precision, ServerSideEncryption, Status, StreamView, TableClass, TableMeta,
    TableStream, Throughput, TimeToLive, Units,
};
pub use number::{DIGITS_MAX, EXPONENT_MAX, EXPONENT_MIN, Number, NumberError};
pub use operations::backups::{ContinuousBackups, RecoveryWindow};
pub use operations::batch_get::{BatchGet, BatchGetItems, BatchGotItems};
pub use operations::batch_write::{BatchWrite, BatchWrittenItems, WriteRequest};
pub use operations::conditions::{ConditionSpec, Placeholders, ProjectionSpec};
pub use operations::create_table::{CreateTable, EncryptionSpec, StreamSpec};
pub use operations::delete_item::DeleteItem;
pub use operations::deliveries::{DeliveredChange, Delivery};
pub use operations::describe::{AccountLimits, NAMES_MAX, TableDescription, TableNames};
pub use operations::destinations::DestinationDescription;
pub use operations::get_item::{GetItem, GotItem};
pub use operations::put_item::PutItem;
pub use operations::query::Query;
pub use operations::read_spec::{FilterSpec, ReadSpec};
pub use operations::scan::Scan;
pub use operations::schema::{GlobalIndexSpec, IndexSpec, KeyPart, KeySchemaElement, ProjectionType};
pub use operations::stream_records::{RECORDS_MAX, StreamRecords, StreamStart};
pub use operations::streams::{DescribeStream, STREAMS_MAX, StreamDescription, StreamShard, StreamsPage};
pub use operations::tags::TagsPage;
pub use operations::time_to_live::TimeToLiveDescription;
pub use operations::transact_get::{TransactGet, TransactGotItems};
pub use operations::transact_write::{
    TransactAction, TransactWrite, TransactWriteItems, TransactWrittenItems,
};
pub use operations::update_item::{UpdateItem, UpdateSpec};
pub use operations::update_table::{GlobalIndexChange, GlobalIndexUpdate, UpdateTable};
pub use operations::write_item::{CollectionMetrics, ReturnValues, WrittenItem};
pub use reading::page::ItemsPage;
pub use reading::selection::Select;
pub use settings::{Delays, Settings, ThroughputLimits};
pub use stream::arn::StreamArn;
pub use stream::iterator::stream_of_iterator;
pub use stream::record::StreamRecord;
pub use tables::Tables;
pub use value::{DEPTH_MAX, Type, Value};
