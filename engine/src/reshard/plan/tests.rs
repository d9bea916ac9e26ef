//! Whatever is planned, the shards tile the key space and have a lineage that clients can follow.

use millstream_model::{SequenceNumber, Timestamp};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);

fn uniform(shard_count: u32) -> Vec<ShardMeta> {
    let ranges = HashKeyRange::uniform(shard_count).zip(0..);
    ranges.map(|(range, index)| ShardMeta::root(index, range, NOW)).collect()
}

/// The shards that are open after a plan, by range, of those that were open before and the new ones.
fn open_after(before: &[ShardMeta], plan: &Plan) -> Vec<ShardMeta> {
    let new = plan.open_at(NOW, |_| NOW);
    let stay = before.iter().filter(|shard| !plan.closing.contains(&shard.index)).copied();
    let mut open: Vec<_> =
        stay.chain(new.iter().filter(|shard| shard.closed.is_none()).map(|shard| shard.meta)).collect();
    open.sort_by_key(|shard| shard.range.start());
    open
}

fn assert_tiles(open: &[ShardMeta]) {
    assert_eq!(open.first().unwrap().range.start(), HashKey::MIN);
    assert_eq!(open.last().unwrap().range.end(), HashKey::MAX);
    for pair in open.windows(2) {
        assert_eq!(pair[0].range.end().0 + 1, pair[1].range.start().0);
    }
}

/// Every shard that ends has one child or two, which cover it; every new one has parents that end.
fn assert_lineage(before: &[ShardMeta], plan: &Plan) {
    let new = plan.open_at(NOW, |_| NOW);
    let all: HashMap<_, _> = before
        .iter()
        .copied()
        .chain(new.iter().map(|shard| shard.meta))
        .map(|shard| (shard.index, shard))
        .collect();
    let mut children: HashMap<ShardIndex, Vec<ShardMeta>> = HashMap::new();
    for child in new.iter().map(|shard| shard.meta) {
        for parent in child.lineage.parents() {
            children.entry(parent).or_default().push(child);
            let parent = all[&parent];
            let start = |shard: ShardMeta| SequenceNumber::shard_start(shard.index, shard.created.as_secs());
            assert!(
                start(child)
                    > SequenceNumber::shard_end(parent.index, parent.created.as_secs(), NOW.as_secs())
            );
        }
    }
    let ends = plan
        .closing
        .iter()
        .chain(new.iter().filter(|shard| shard.closed.is_some()).map(|shard| &shard.meta.index));
    for parent in ends.map(|index| all[index]) {
        match children[&parent.index].as_slice() {
            [lower, upper] => {
                assert_eq!(
                    (lower.range.start(), upper.range.end()),
                    (parent.range.start(), parent.range.end())
                );
                assert_eq!(
                    (lower.lineage, upper.lineage),
                    (Lineage::SplitOf(parent.index), Lineage::SplitOf(parent.index))
                );
            }
            [merged] => assert!(
                merged.range.contains(parent.range.start()) && merged.range.contains(parent.range.end())
            ),
            other => panic!("{} children", other.len()),
        }
    }
    let open_or_ended = all.len() - open_after(before, plan).len();
    assert_eq!(children.len(), open_or_ended);
}

#[test]
fn a_doubling_splits_each_shard_once_and_a_halving_merges_each_pair() {
    let before = uniform(4);
    let mut planner = Planner::new(before.iter().copied(), 4);
    planner.make_uniform(8);
    let plan = planner.finish();
    assert_eq!((plan.closing.len(), plan.opening.len(), plan.passing.len(), plan.next_shard), (4, 8, 0, 12));
    let mut planner = Planner::new(before.iter().copied(), 4);
    planner.make_uniform(2);
    let plan = planner.finish();
    assert_eq!((plan.closing.len(), plan.opening.len(), plan.passing.len()), (4, 2, 0));
}

#[test]
fn nothing_is_done_where_nothing_is_wanted() {
    let before = uniform(3);
    let mut planner = Planner::new(before.iter().copied(), 3);
    planner.make_uniform(3);
    planner.split(before[1].range.start());
    planner.merge(before[1].range.start(), before[0].range.start());
    planner.merge(before[0].range.start(), before[2].range.start());
    let plan = planner.finish();
    assert!(plan.closing.is_empty() && plan.opening.is_empty());
}

proptest! {
    #[test]
    fn any_count_is_reached_from_any_other(from in 1_u32..40, to in 1_u32..40) {
        let before = uniform(from);
        let mut planner = Planner::new(before.iter().copied(), from);
        planner.make_uniform(to);
        let plan = planner.finish();
        let open = open_after(&before, &plan);
        prop_assert!(open.iter().map(|shard| shard.range).eq(HashKeyRange::uniform(to)));
        assert_lineage(&before, &plan);
    }

    #[test]
    fn any_splits_and_merges_tile(from in 1_u32..10, steps in prop::collection::vec((any::<u128>(), any::<bool>()), 0..40),
                                  to in 1_u32..20) {
        let before = uniform(from);
        let mut planner = Planner::new(before.iter().copied(), from);
        for (place, is_split) in steps {
            if is_split {
                planner.split(HashKey(place));
            } else {
                let starts: Vec<_> = planner.open.keys().copied().collect();
                let lower = place as usize % starts.len();
                planner.merge(starts[lower], starts[(lower + 1) % starts.len()]);
            }
        }
        assert_tiles(&open_after(&before, &planner.clone().finish()));
        assert_lineage(&before, &planner.clone().finish());
        planner.make_uniform(to);
        let plan = planner.finish();
        prop_assert!(open_after(&before, &plan).iter().map(|shard| shard.range).eq(HashKeyRange::uniform(to)));
        assert_lineage(&before, &plan);
    }
}
