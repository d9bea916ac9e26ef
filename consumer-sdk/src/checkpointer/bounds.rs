//! Which checkpoints may be made: a pure decision.

use millstream_lease::Checkpoint;

/// Whether `to` may follow the last checkpoint: not before it, and not behind what was delivered. The end of a shard is
/// stored when the processor says that it has ended, never by a checkpoint.
pub(super) fn permit(to: &Checkpoint, checkpointed: &Checkpoint, delivered: &Checkpoint) -> bool {
    checkpointed <= to && to <= delivered && !to.is_shard_end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(number: u64, sub: u64) -> Checkpoint {
        Checkpoint::at(number.to_string().parse().unwrap(), sub)
    }

    #[test]
    fn the_end_is_nobodys_to_store() {
        assert!(!permit(&Checkpoint::SHARD_END, &Checkpoint::LATEST, &Checkpoint::SHARD_END));
        assert!(permit(&Checkpoint::LATEST, &Checkpoint::LATEST, &Checkpoint::LATEST));
        assert!(permit(&at(3, 1), &Checkpoint::TRIM_HORIZON, &at(3, 1)));
        assert!(!permit(&at(3, 2), &Checkpoint::TRIM_HORIZON, &at(3, 1)));
    }

    proptest! {
        #[test]
        fn what_is_permitted_never_goes_back_nor_ahead(
            requests in proptest::collection::vec((0_u64..20, 0_u64..3), 0..30),
            delivered in (0_u64..20, 0_u64..3),
        ) {
            let delivered = at(delivered.0, delivered.1);
            let mut checkpointed = at(0, 0);
            for (number, sub) in requests {
                let to = at(number, sub);
                if permit(&to, &checkpointed, &delivered) {
                    prop_assert!(checkpointed <= to && to <= delivered);
                    checkpointed = to;
                } else {
                    prop_assert!(to < checkpointed || to > delivered);
                }
            }
        }
    }
}
