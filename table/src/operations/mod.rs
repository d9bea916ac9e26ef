//! What can be asked of [`crate::Tables`], a file for each operation or family of operations.

pub(crate) mod backups;
pub(crate) mod batch_get;
pub(crate) mod batch_write;
pub(crate) mod conditions;
pub(crate) mod create_table;
pub(crate) mod delete_item;
pub(crate) mod delete_table;
pub(crate) mod deliveries;
pub(crate) mod describe;
pub(crate) mod destinations;
pub(crate) mod get_item;
mod policies;
pub(crate) mod put_item;
pub(crate) mod query;
pub(crate) mod read_spec;
pub(crate) mod scan;
pub(crate) mod schema;
pub(crate) mod stream_records;
pub(crate) mod streams;
pub(crate) mod tags;
pub(crate) mod time_to_live;
pub(crate) mod transact_get;
pub(crate) mod transact_write;
pub(crate) mod update_item;
pub(crate) mod update_table;
pub(crate) mod write_item;
