//! What a caller can ask of the engine, one file for each kind of question.

pub(crate) mod account;
pub(crate) mod capacity;
pub(crate) mod consumers;
pub(crate) mod describe;
pub(crate) mod encryption;
pub(crate) mod get;
pub(crate) mod lifecycle;
pub(crate) mod list;
pub(crate) mod monitoring;
pub(crate) mod policies;
pub(crate) mod put;
pub(crate) mod reshard;
pub(crate) mod resource;
pub(crate) mod tags;
pub(crate) mod whereabouts;
