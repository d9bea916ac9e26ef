//! Replacing shards by others while writers and readers go on.
//!
//! [`plan`] decides, without a clock or storage, which shards end and which begin; [`hand_over`] carries a plan out.
//! A plan takes effect at one moment: before it every hash key belongs to the old shards, after it to the new ones,
//! and a record is acknowledged by exactly one of them. Which plans a caller may ask for is not decided here.

pub(crate) mod hand_over;
pub(crate) mod plan;
