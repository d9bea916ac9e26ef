//! The engine as a whole, on storage in memory and on a manual clock.

mod consumers;
mod dry_runs;
mod consumers;
