//! Who does what, at random.

use std::collections::BTreeMap;

use millstream_runtime::{Entropy, SeededEntropy};

use crate::model::{Answer, Operation};
use crate::stage::{ITEMS, Stage};

const OPERATIONS: u64 = 10;
const CUTS: u64 = 2;

/// The choices of one actor.
pub(crate) struct Dice(SeededEntropy);

impl Dice {
    pub(crate) fn of(seed: u64, actor: u64) -> Self {
        Self(SeededEntropy::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(actor)))
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let entropy: &dyn Entropy = &self.0;
        entropy.next_u64() % end
    }

    async fn dawdle(&mut self, most: u64) {
        for _ in 0..self.below(most + 1) {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) async fn client(stage: Stage, mut dice: Dice) {
    let mut thread = None;
    let mut seen = BTreeMap::new();
    for _ in 0..OPERATIONS {
        dice.dawdle(6).await;
        let item = dice.below(ITEMS);
        let known = seen.get(&item).copied().unwrap_or_default();
        let new = dice.below(1000);
        let operation = match dice.below(8) {
            0 => Operation::PutIfAbsent(new),
            1 => Operation::Add(1 + dice.below(5)),
            2 => Operation::DeleteIf(known),
            3..=5 => Operation::CompareAndSet { old: known, new },
            _ => Operation::Read,
        };
        match (stage.act(&mut thread, item, operation).await, operation) {
            (Some(Answer::Found(Some(value)) | Answer::Sum(value)), _)
            | (
                Some(Answer::Done),
                Operation::PutIfAbsent(value) | Operation::CompareAndSet { new: value, .. },
            ) => {
                seen.insert(item, value);
            }
            _ => {}
        }
    }
    *stage.busy.lock() -= 1;
}

/// Cuts the power and denies what was stored, now and then.
pub(crate) async fn break_things(stage: Stage, mut dice: Dice) {
    for _ in 0..CUTS {
        dice.dawdle(60).await;
        match dice.below(3) {
            0 => {
                stage.backend.faults.answer_uncertain(true);
                dice.dawdle(10).await;
                stage.backend.faults.answer_uncertain(false);
            }
            _ => {
                let kept = usize::try_from(dice.below(3)).unwrap();
                stage.cut_power(dice.below(u64::MAX), kept).await;
            }
        }
    }
    *stage.busy.lock() -= 1;
}
