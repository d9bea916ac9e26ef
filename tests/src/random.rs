//! Chance with a seed, so that a run that failed can be run again.

use millstream_runtime::{Entropy, SeededEntropy, SystemEntropy};

#[derive(Debug)]
pub struct Random(SeededEntropy);

impl Random {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: u64) -> u64 {
        (&self.0 as &dyn Entropy).next_u64() % end
    }

    /// A number from `range`, which must not be empty.
    pub fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.below(range.end - range.start)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of the items, which must not be none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[usize::try_from(self.below(items.len() as u64)).unwrap_or(0)]
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

/// The seed of this run: `MILLSTREAM_SEED`, else a new one; printed either way.
///
/// # Panics
/// When the variable is no number.
#[must_use]
#[allow(clippy::print_stderr)]
pub fn seed() -> u64 {
    let seed = number_from("MILLSTREAM_SEED")
        .unwrap_or_else(|| <dyn Entropy>::next_u64(&SystemEntropy) % 1_000_000_000);
    eprintln!("seed: MILLSTREAM_SEED={seed}");
    seed
}

/// How many rounds a test runs: `MILLSTREAM_CYCLES`, else what suits every change.
///
/// # Panics
/// When the variable is no number.
#[must_use]
pub fn cycles(usual: u64) -> u64 {
    number_from("MILLSTREAM_CYCLES").unwrap_or(usual)
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}
