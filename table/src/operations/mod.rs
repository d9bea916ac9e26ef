//! What can be asked of [`crate::Tables`], a file for each operation or family of operations.

pub mod conditions;
pub mod create_table;
pub mod delete_item;
pub mod delete_table;
pub mod describe;
pub mod get_item;
pub mod put_item;
pub mod schema;
pub mod tags;
pub mod update_item;
pub mod write_item;
