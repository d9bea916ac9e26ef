//! What the threads of a slot do together, driven from behind the trait.

use std::fs;
use std::time::Duration;

use millstream_runtime::SystemClock;

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_store_found_damaged_when_there_is_room_again_fails_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let slot = RocksSlot::open(directory.path().into(), &Settings::default(), None).unwrap();
    let mut ended = slot.ended();
    fs::write(directory.path().join("CURRENT"), "no manifest has this name").unwrap();
    slot.shared.health.out_of_space();
    let clock = SystemClock::shared();
    let ended = clock.timeout(LIMIT, ended.wait_for(Option::is_some)).await.unwrap().unwrap().clone();
    assert!(matches!(ended, Some(Error::Corrupt { .. })), "{ended:?}");
}
