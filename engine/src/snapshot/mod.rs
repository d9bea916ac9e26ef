//! Everything a store holds, as one sequence of bytes: saved from a running store, and read back into one.
//!
//! [`format`](mod@format) says what the bytes are, [`save`] makes them, [`load`] checks them and stages what they hold. What a
//! key or a row means is not known here, so that whatever the engine comes to keep is saved as well. That the
//! present content is exchanged for the staged one is [`crate::live`]'s business.

pub(crate) mod format;
mod load;
mod save;
mod staged;

pub(crate) use load::Staging;
pub use load::{Loaded, SnapshotSource};
pub use save::Saved;
