//! The choices of one actor, all of which follow from a seed.

use millstream_runtime::{Entropy, SeededEntropy};

#[derive(Debug)]
pub(crate) struct Dice(SeededEntropy);

impl Dice {
    /// Actors of one run have dice of their own, so that one who rolls more often does not change the others' luck.
    pub(crate) fn of(seed: u64, actor: u64) -> Self {
        // Neighbouring seeds would otherwise roll the same numbers, one place apart.
        let scattered = |number| (&SeededEntropy::new(number) as &dyn Entropy).next_u64();
        Self(SeededEntropy::new(scattered(scattered(seed) ^ actor)))
    }

    /// Below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let entropy: &dyn Entropy = &self.0;
        entropy.next_u64() % end
    }

    pub(crate) fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap()
    }

    pub(crate) fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}
