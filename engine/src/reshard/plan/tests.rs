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

/// The open shards are those of a stream that is created with so many, but for a few keys at their ends.
fn is_uniform(open: &[ShardMeta], shard_count: u32) -> bool {
    let near = |(shard, target): (&ShardMeta, HashKeyRange)| {
        shard.range.start().0.abs_diff(target.start().0) <= NEAR
    };
    open.len() == shard_count as usize && open.iter().zip(HashKeyRange::uniform(shard_count)).all(near)
}

/// A plan that makes the open shards so many, and what they are then.
fn made_uniform(before: &[ShardMeta], shard_count: u32) -> (Plan, Vec<ShardMeta>) {
    let next = before.iter().map(|shard| shard.index + 1).max().unwrap();
    let mut planner = Planner::new(before.iter().copied(), next);
    planner.make_uniform(shard_count);
    let plan = planner.finish();
    let open = open_after(before, &plan);
    (plan, open)
}

/// How many shards end, begin, and do both.
fn numbers(plan: &Plan) -> [usize; 3] {
    [plan.closing.len(), plan.opening.len(), plan.passing.len()]
}

#[test]
fn a_doubling_splits_each_shard_once_and_a_halving_merges_each_pair() {
    for count in 1..100 {
        let shards = count as usize;
        let (plan, doubled) = made_uniform(&uniform(count), 2 * count);
        assert_eq!(numbers(&plan), [shards, 2 * shards, 0], "{count}");
        let (plan, _) = made_uniform(&doubled, count);
        assert_eq!(numbers(&plan), [2 * shards, shards, 0], "{count}");
        let (plan, _) = made_uniform(&uniform(2 * count), count);
        assert_eq!(numbers(&plan), [2 * shards, shards, 0], "{count}");
    }
}

#[test]
fn a_shard_that_is_cut_off_beside_a_place_is_merged_again() {
    let mut planner = Planner::new(uniform(2).into_iter(), 2);
    planner.split(HashKey(1));
    planner.split(HashKey((1 << 127) - 1));
    planner.split(HashKey((1 << 127) + 1));
    let open = open_after(&uniform(2), &planner.finish());
    assert_eq!(open.len(), 5);
    let (_, open) = made_uniform(&open, 4);
    assert!(is_uniform(&open, 4), "{open:?}");
    assert_tiles(&open);
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
        let (plan, open) = made_uniform(&before, to);
        prop_assert!(is_uniform(&open, to));
        assert_tiles(&open);
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
        let open = open_after(&before, &plan);
        prop_assert!(is_uniform(&open, to));
        assert_tiles(&open);
        assert_lineage(&before, &plan);
    }
}
