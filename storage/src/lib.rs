//! Ordered bytes: atomic batches, scans, explicit durability.
//!
//! A [`Slot`] is the unit of ownership: one ordered key space with one writer. Writing and being durable
//! are two steps: [`Slot::commit`] orders a batch, [`Commit::durable`] waits until it survives a power
//! cut, and reads show only what is durable. What the bytes mean is not known here: no records, no
//! streams, no time.

#[cfg(feature = "anchor")]
#[cfg_attr(not(feature = "rocksdb"), allow(dead_code))] // its fuzzer keeps no files
mod anchor;
mod commit;
mod error;
mod export;
pub mod faulty;
pub mod manual_disk;
pub mod memory;
#[cfg(feature = "rocksdb")]
pub mod rocksdb;
mod settle;
mod slot;
mod write_set;

#[cfg(all(any(test, fuzzing), feature = "anchor"))]
pub mod fuzzing;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use commit::{Commit, Durable};
pub use error::{Error, ErrorKind, Result};
pub use export::Export;
pub use settle::settle;
pub use slot::{Backend, Entries, Entry, KeyRange, Marks, ScanOptions, Slot, SlotId};
pub use write_set::{Expect, Priority, WriteSet};
