use millstream_runtime::{Entropy, ManualClock, SeededEntropy};

use super::*;
use crate::store::MemoryStore;

const LEASE: Duration = Duration::from_secs(30);

struct Candidate {
    election: Election,
    entropy: SeededEntropy,
}

impl Candidate {
    fn new(name: &str, seed: u64) -> Self {
        let election = Election::new(name.parse().unwrap(), LEASE);
        Self { election, entropy: SeededEntropy::new(seed) }
    }

    async fn run(&mut self, store: &MemoryStore, clock: &ManualClock) -> bool {
        self.election.run_once(store, clock, &self.entropy).await.unwrap()
    }
}

#[tokio::test]
async fn one_leads_until_it_is_silent() {
    let (store, clock) = (MemoryStore::new(), ManualClock::starting_at(Duration::ZERO));
    let (mut a, mut b) = (Candidate::new("a", 1), Candidate::new("b", 2));
    assert!(a.run(&store, &clock).await);
    assert!(!b.run(&store, &clock).await);
    for _ in 0..20 {
        clock.advance(LEASE / 3);
        assert!(a.run(&store, &clock).await);
        assert!(!b.run(&store, &clock).await);
    }
    // Now `a` is frozen.
    clock.advance(LEASE);
    assert!(!a.election.is_leader(clock.monotonic()));
    assert!(!b.run(&store, &clock).await, "b saw the last version just one lease ago");
    clock.advance(Duration::from_millis(1));
    assert!(b.run(&store, &clock).await);
    assert!(!a.run(&store, &clock).await);
}

#[tokio::test]
async fn who_resigns_is_followed_at_once() {
    let (store, clock) = (MemoryStore::new(), ManualClock::starting_at(Duration::ZERO));
    let (mut a, mut b) = (Candidate::new("a", 1), Candidate::new("b", 2));
    assert!(a.run(&store, &clock).await);
    a.election.resign(&store).await.unwrap();
    assert!(b.run(&store, &clock).await);
    assert!(!a.run(&store, &clock).await);
}

#[tokio::test]
async fn a_released_row_of_the_lock_client_is_taken() {
    let (store, clock) = (MemoryStore::new(), ManualClock::starting_at(Duration::ZERO));
    let released = Lock {
        owner: "java".parse().unwrap(),
        lease_duration: Duration::from_secs(120),
        version: "v".to_owned(),
        is_released: true,
        unknown: Row::new(),
    };
    assert!(store.acquire_lock(None, &released).await.unwrap().is_applied());
    assert!(Candidate::new("a", 1).run(&store, &clock).await);
    assert_eq!(store.lock().await.unwrap().unwrap().owner.as_str(), "a");
}

#[test]
fn a_lost_reply_prolongs_nothing_and_is_found_again() {
    let mut election = Election::new("a".parse().unwrap(), LEASE);
    let at = Duration::from_secs;
    let Step::Acquire(first) = election.next(None, at(1), at(1), "1".to_owned()) else { panic!("free") };
    election.wrote(Cas::Applied((*first).clone()), at(1));
    assert_eq!(election.leads_until(), Some(at(31)));
    let Step::Heartbeat(second) = election.next(Some(&first), at(11), at(11), "2".to_owned()) else {
        panic!("held")
    };
    election.may_have_written((*second).clone(), at(11));
    assert_eq!(election.leads_until(), Some(at(31)));
    let step = election.next(Some(&second), at(12), at(12), "3".to_owned());
    assert!(matches!(step, Step::Heartbeat(_)), "{step:?}");
}

#[test]
fn a_lost_reply_to_the_first_write_makes_no_leader() {
    let mut election = Election::new("a".parse().unwrap(), LEASE);
    let at = Duration::from_secs;
    let Step::Acquire(first) = election.next(None, at(5), at(5), "1".to_owned()) else { panic!("free") };
    election.may_have_written((*first).clone(), at(5));
    assert!(!election.is_leader(at(5)));
    assert!(matches!(election.next(Some(&first), at(6), at(6), "2".to_owned()), Step::Heartbeat(_)));
}

#[test]
fn versions_are_uuids() {
    let version = <dyn Entropy>::uuid(&SeededEntropy::new(1));
    assert_eq!(version.len(), 36);
    let dashes = version.char_indices().filter(|(_, c)| *c == '-').map(|(at, _)| at);
    assert!(dashes.eq([8, 13, 18, 23]));
    assert_eq!(version.as_bytes()[14], b'4');
}
