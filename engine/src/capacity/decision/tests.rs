//! Streams under any load: bounds, tiling, an end of all change, and no change that is taken back.

use proptest::prelude::*;

use super::*;

const SHARD: ShardCapacity = ShardCapacity { bytes: Some(1_000_000), records: Some(1_000) };
const SHARDS_MAX: u32 = 300;

/// Bytes a second that are written to each of equal parts of the hash keys, and to single hash keys.
#[derive(Clone, Debug)]
struct Load {
    parts: Vec<u64>,
    keys: Vec<(u128, u64)>,
}

impl Load {
    fn even(bytes: u64) -> Self {
        Self { parts: vec![bytes], keys: Vec::new() }
    }

    fn on(&self, range: &HashKeyRange) -> Rate {
        let of_keys = self.keys.iter().filter(|(key, _)| range.contains(HashKey(*key)));
        let bytes = of_keys.map(|(_, bytes)| *bytes).sum::<u64>() + self.of_parts(range);
        Rate { bytes, records: bytes / 1000 }
    }

    fn of_parts(&self, range: &HashKeyRange) -> u64 {
        let parts = HashKeyRange::uniform(u32::try_from(self.parts.len()).unwrap());
        parts.zip(&self.parts).map(|(part, bytes)| share(range, &part, *bytes)).sum()
    }
}

/// What of a part's bytes falls into the range. A hash key's place is good to 2^-40 of the whole.
fn share(range: &HashKeyRange, part: &HashKeyRange, bytes: u64) -> u64 {
    let (start, end) = (range.start().max(part.start()), range.end().min(part.end()));
    if start > end {
        return 0;
    }
    let (common, whole) = ((end.0 - start.0) >> 88, ((part.end().0 - part.start().0) >> 88).max(1));
    u64::try_from(u128::from(bytes) * common / whole).unwrap()
}

/// A stream that is looked at again and again under a load.
#[derive(Clone, Debug)]
struct Simulated {
    ranges: Vec<HashKeyRange>,
    peak: Rate,
    warm_shards: u32,
}

impl Simulated {
    fn of_shards(count: u32) -> Self {
        let ranges = HashKeyRange::uniform(count).collect();
        Self { ranges, peak: Rate::default(), warm_shards: 0 }
    }

    /// One look, and what comes of it.
    fn look(&mut self, load: &Load, may_shrink: bool) -> Vec<Step> {
        let observe = |range: &HashKeyRange| {
            let rate = SHARD.bound(load.on(range), aws::ON_DEMAND_HEADROOM);
            Observed { range: *range, rate, day_peak: Some(rate) }
        };
        let shards: Vec<_> = self.ranges.iter().map(observe).collect();
        let total = shards.iter().fold(Rate::default(), |total, shard| total.plus(shard.rate));
        self.peak = self.peak.max(total);
        let Self { peak, warm_shards, .. } = *self;
        let snapshot =
            Snapshot { shards, capacity: SHARD, peak, warm_shards, shards_max: SHARDS_MAX, may_shrink };
        let before = self.ranges.len();
        let steps = decide(&snapshot);
        steps.iter().for_each(|step| self.take(step.kind));
        self.check(before);
        steps
    }

    fn take(&mut self, step: Kind) {
        match step {
            Kind::Split(at) => {
                let place = self.ranges.iter().position(|range| range.contains(at)).unwrap();
                let whole = self.ranges[place];
                let lower = HashKeyRange::new(whole.start(), HashKey(at.0 - 1)).unwrap();
                self.ranges.splice(place..=place, [lower, HashKeyRange::new(at, whole.end()).unwrap()]);
            }
            Kind::Merge(lower, upper) => {
                let place = self.ranges.iter().position(|range| range.start() == lower).unwrap();
                assert_eq!(self.ranges[place + 1].start(), upper);
                let merged = HashKeyRange::new(lower, self.ranges[place + 1].end()).unwrap();
                self.ranges.splice(place..=place + 1, [merged]);
            }
        }
    }

    fn check(&self, before: usize) {
        let shards = self.ranges.len();
        assert!(shards <= 2 * before && 2 * shards >= before, "from {before} to {shards} at once");
        assert!(shards <= (SHARDS_MAX as usize).max(before));
        if shards < before {
            let floor = shards_needed(SHARD, self.peak).max(self.warm_shards).max(4);
            assert!(shards >= floor as usize, "{shards} shards, but {floor} are needed");
        }
        assert_eq!(self.ranges[0].start(), HashKey::MIN);
        assert_eq!(self.ranges[shards - 1].end(), HashKey::MAX);
        assert!(self.ranges.windows(2).all(|pair| pair[0].end().0 + 1 == pair[1].start().0));
    }

    /// Looks until nothing is left to do.
    fn settle(&mut self, load: &Load) {
        for _ in 0..200 {
            if self.look(load, true).is_empty() {
                return;
            }
        }
        panic!("no end of changes: {} shards under {load:?}", self.ranges.len());
    }
}

fn any_load() -> impl Strategy<Value = Load> {
    let bytes = || prop_oneof![Just(0), 0..2_000_000_u64, 0..40_000_000_u64];
    let keys = prop::collection::vec((any::<u128>(), bytes()), 0..4);
    (prop::collection::vec(bytes(), 1..9), keys).prop_map(|(parts, keys)| Load { parts, keys })
}

proptest! {
    #[test]
    fn any_load_comes_to_rest_within_bounds(load in any_load(), shards in 1_u32..40, warm in 0_u32..20) {
        let mut stream = Simulated { warm_shards: warm, ..Simulated::of_shards(shards) };
        stream.settle(&load);
        let needed = shards_needed(SHARD, stream.peak).max(warm).min(SHARDS_MAX);
        prop_assert!(stream.ranges.len() >= needed as usize);
        // Whatever is still too busy is so because of few keys, or because there is no room.
        let narrowest = u128::MAX / NARROWEST / stream.ranges.len() as u128;
        let is_full = stream.ranges.len() >= SHARDS_MAX as usize;
        for range in &stream.ranges {
            let is_hot = SHARD.load_permille(load.on(range)) > HOT_PERMILLE;
            prop_assert!(!is_hot || is_full || width(range) < narrowest, "{range:?}");
        }
    }

    #[test]
    fn under_a_steady_load_what_was_merged_stays_merged(load in any_load(), shards in 1_u32..40) {
        let mut stream = Simulated::of_shards(shards);
        let mut merged: Vec<HashKeyRange> = Vec::new();
        for _ in 0..200 {
            let before = stream.ranges.clone();
            for step in stream.look(&load, true) {
                match step.kind {
                    Kind::Split(at) => {
                        let split = before.iter().find(|range| range.contains(at)).unwrap();
                        prop_assert!(!merged.contains(split), "{split:?} is split again");
                    }
                    Kind::Merge(lower, _) => {
                        merged.push(*stream.ranges.iter().find(|range| range.start() == lower).unwrap());
                    }
                }
            }
        }
    }

    #[test]
    fn a_step_names_a_shard_once(load in any_load(), shards in 2_u32..40, may_shrink: bool) {
        let mut stream = Simulated::of_shards(shards);
        let before = stream.ranges.clone();
        let touched = stream.look(&load, may_shrink).into_iter().flat_map(|step| match step.kind {
            Kind::Split(at) => vec![before.iter().position(|range| range.contains(at)).unwrap()],
            Kind::Merge(a, b) => [a, b].map(|key| before.iter().position(|range| range.start() == key).unwrap()).to_vec(),
        });
        let mut touched: Vec<_> = touched.collect();
        let count = touched.len();
        touched.sort_unstable();
        touched.dedup();
        prop_assert_eq!(touched.len(), count);
    }
}

#[test]
fn a_doubled_load_is_followed_at_once() {
    let mut stream = Simulated::of_shards(4);
    for megabytes in [2, 4, 8, 16, 32, 40] {
        stream.look(&Load::even(megabytes * 1_000_000), true);
        let takes = stream.ranges.len() as u64;
        assert!(takes >= 2 * megabytes, "{takes} shards for {megabytes} MB/s");
    }
}

#[test]
fn one_key_makes_few_shards() {
    for key in [0, 1 << 60, u128::MAX / 3, u128::MAX] {
        let mut stream = Simulated::of_shards(4);
        stream.settle(&Load { parts: vec![0], keys: vec![(key, 50_000_000)] });
        assert!(stream.ranges.len() <= 12, "{} shards for one key", stream.ranges.len());
    }
}

#[test]
fn an_idle_stream_is_halved_down_to_where_it_began() {
    let mut stream = Simulated::of_shards(64);
    let idle = Load::even(1_000);
    assert_eq!(stream.look(&idle, false), []);
    let counts: Vec<_> = std::iter::from_fn(|| {
        let steps = stream.look(&idle, true);
        assert!(steps.iter().all(|step| step.reason == Reason::Spare { needed: 4 }));
        (!steps.is_empty()).then_some(stream.ranges.len())
    })
    .collect();
    assert_eq!(counts, [32, 16, 8, 4]);
    assert!(stream.ranges.iter().copied().eq(HashKeyRange::uniform(4)));
}

#[test]
fn what_thirty_days_and_warmth_need_is_kept() {
    let mut stream = Simulated::of_shards(64);
    stream.peak = Rate { bytes: 5_500_000, records: 9_000 };
    stream.settle(&Load::even(0));
    assert_eq!(stream.ranges.len(), 18);
    stream.warm_shards = 40;
    stream.settle(&Load::even(0));
    assert_eq!(stream.ranges.len(), 40);
}

#[test]
fn a_shard_that_was_not_seen_for_a_day_is_not_merged() {
    let observed = |range, day_peak| Observed { range, rate: Rate::default(), day_peak };
    let ranges: Vec<_> = HashKeyRange::uniform(8).collect();
    let shards = ranges
        .iter()
        .zip(0..)
        .map(|(range, place)| observed(*range, (place != 3).then_some(Rate::default())));
    let snapshot = Snapshot {
        shards: shards.collect(),
        capacity: SHARD,
        peak: Rate::default(),
        warm_shards: 0,
        shards_max: SHARDS_MAX,
        may_shrink: true,
    };
    let third = ranges[3].start();
    let steps = decide(&snapshot);
    assert_eq!(steps.len(), 3);
    assert!(steps.iter().all(|step| !matches!(step.kind, Kind::Merge(a, b) if a == third || b == third)));
}

#[test]
fn records_count_as_bytes_do() {
    let range = HashKeyRange::FULL;
    let rate = Rate { bytes: 0, records: 501 };
    let shard = Observed { range, rate, day_peak: None };
    let snapshot = Snapshot {
        shards: vec![shard],
        capacity: SHARD,
        peak: rate,
        warm_shards: 0,
        shards_max: 10,
        may_shrink: false,
    };
    let split = Kind::Split(HashKey(1 << 127));
    assert_eq!(decide(&snapshot), [Step { kind: split, reason: Reason::Hot { load_permille: 501 } }]);
    assert_eq!(decide(&Snapshot { shards_max: 1, ..snapshot }), []);
}
