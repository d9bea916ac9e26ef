//! Whoever splits and merges, and looks after each change whether the open shards still tile.

use aws_sdk_kinesis::types::{Shard, ShardFilter, ShardFilterType};
use millstream_tests::random::Random;

use crate::{STREAM, Storm};

const SHARDS_MAX: usize = 16;

pub(crate) async fn reshard(storm: &Storm, changes: u64, random: &mut Random) {
    for _ in 0..changes {
        let shards = open_shards(storm).await;
        let place = usize::try_from(random.below(shards.len() as u64)).unwrap_or(0);
        let is_merge = shards.len() == SHARDS_MAX || (shards.len() > 1 && random.below(2) == 0);
        if is_merge {
            merge(storm, &shards[place.min(shards.len() - 2)..]).await;
        } else {
            split(storm, &shards[place], random).await;
        }
    }
    open_shards(storm).await;
}

async fn merge(storm: &Storm, neighbours: &[Shard]) {
    let call = storm.client.merge_shards().stream_name(STREAM);
    let call =
        call.shard_to_merge(neighbours[0].shard_id()).adjacent_shard_to_merge(neighbours[1].shard_id());
    call.send().await.unwrap();
}

async fn split(storm: &Storm, shard: &Shard, random: &mut Random) {
    let (start, end) = range(shard);
    let at = start
        + 2
        + u128::from(random.below(u64::MAX)) % (end - start - 3).min(u128::from(u64::MAX)).max(1)
            * ((end - start) >> 64).max(1);
    let call = storm.client.split_shard().stream_name(STREAM).shard_to_split(shard.shard_id());
    call.new_starting_hash_key(at.min(end - 1).to_string()).send().await.unwrap();
}

fn range(shard: &Shard) -> (u128, u128) {
    let range = shard.hash_key_range().unwrap();
    (range.starting_hash_key().parse().unwrap(), range.ending_hash_key().parse().unwrap())
}

/// By range. Fails when they do not tile the hash key space.
async fn open_shards(storm: &Storm) -> Vec<Shard> {
    let latest = ShardFilter::builder().r#type(ShardFilterType::AtLatest).build().unwrap();
    let listed = storm.client.list_shards().stream_name(STREAM).shard_filter(latest).send().await.unwrap();
    let mut shards = listed.shards().to_vec();
    shards.sort_by_key(|shard| range(shard).0);
    assert_eq!((range(&shards[0]).0, range(shards.last().unwrap()).1), (0, u128::MAX));
    assert!(shards.windows(2).all(|pair| range(&pair[0]).1 + 1 == range(&pair[1]).0));
    shards
}
