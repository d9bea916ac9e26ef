//! The choices of one actor, all of which follow from a seed.

use millstream_runtime::{Entropy, SeededEntropy};

pub(super) struct Dice(SeededEntropy);

impl Dice {
    /// Actors of one run have dice of their own, so that one who rolls more often does not change the others' luck.
    pub(super) fn of(seed: u64, actor: u64) -> Self {
        // Neighbouring seeds would otherwise roll the same numbers, one place apart.
        let scattered = |number| (&SeededEntropy::new(number) as &dyn Entropy).next_u64();
        Self(SeededEntropy::new(scattered(scattered(seed) ^ actor)))
    }

    pub(super) fn wide(&mut self) -> u128 {
        let entropy: &dyn Entropy = &self.0;
        u128::from_le_bytes(entropy.bytes())
    }

    /// Below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let entropy: &dyn Entropy = &self.0;
        entropy.next_u64() % end
    }

    pub(super) fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    /// Lets others go first for a while.
    pub(super) async fn dawdle(&mut self, most: u64) {
        for _ in 0..self.below(most + 1) {
            tokio::task::yield_now().await;
        }
    }
}
