//! What Query and Scan have in common: what they go through, from where to where, and what they show of it.
//!
//! Planning is pure and comes first: [`target`], [`selection`], [`place`]. Then [`page`] reads, in bounded
//! steps, one page of what was planned. How calls spell their wishes is in `operations`.

pub(crate) mod page;
pub(crate) mod place;
pub(crate) mod range;
pub(crate) mod selection;
pub(crate) mod target;
