use millstream_client::NewRecord;
use millstream_client::Record;
use millstream_client::aggregation::{Deaggregation, UserRecord};
use millstream_model::Timestamp;
use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);
const HOW: Filling = Filling {
    aggregates: true,
    count_max: 5,
    size_max: 400,
    buffered_time: Duration::from_millis(100),
    grace: Duration::from_millis(20),
    ttl: Duration::from_secs(30),
};

/// What a record of the stream holds.
fn members(record: &NewRecord) -> Vec<UserRecord> {
    let record = Record {
        sequence_number: "1".parse().unwrap(),
        approximate_arrival: Timestamp::from_millis(0),
        partition_key: record.partition_key.clone(),
        data: record.data.clone(),
    };
    Deaggregation::default().take_apart(record).map(Result::unwrap).collect()
}

fn numbers(parcel: &mut Parcel) -> Vec<u32> {
    let record = parcel.take_record();
    let number = |member: UserRecord| u32::from_be_bytes(member.data[..4].try_into().unwrap());
    let numbers = members(&record).into_iter().map(number).collect();
    parcel.restore(record);
    numbers
}

struct Scene {
    lane: Lane,
    flushes: Arc<Flushes>,
    now: Duration,
    pushed: u32,
}

impl Scene {
    fn new(is_ordered: bool) -> Self {
        Self { lane: Lane::new(is_ordered), flushes: Arc::default(), now: Duration::from_secs(1), pushed: 0 }
    }

    /// A record with so many bytes beside its number. Gives when to look.
    fn push(&mut self, bytes: usize) -> Option<Duration> {
        let mut data = self.pushed.to_be_bytes().to_vec();
        data.resize(4 + bytes, b'x');
        self.pushed += 1;
        let member = MemberRef { partition_key: "key", explicit_hash_key: None, data: &data, tags: &[] };
        let (_, wake) = self.lane.push(member, self.now, self.now, &HOW, &self.flushes);
        wake
    }

    fn take(&mut self) -> Option<Parcel> {
        self.lane.take(self.now, |_| true)
    }
}

#[test]
fn a_container_is_due_in_time_and_together_with_those_of_other_lanes() {
    let (mut one, mut other) = (Scene::new(false), Scene::new(false));
    other.now += MS * 7;
    let (due, others) = (one.push(1).unwrap(), other.push(1).unwrap());
    assert_eq!(due, others, "they began within one grace");
    assert!(due > one.now + MS * 80 && due <= one.now + MS * 100, "{due:?}");
    one.now = due - MS;
    let readiness = one.lane.look(one.now, &HOW);
    assert_eq!((readiness.is_ready, readiness.wake), (false, Some(due)));
    one.now = due;
    let readiness = one.lane.look(one.now, &HOW);
    assert!(readiness.is_ready && readiness.is_pressing);
    assert_eq!(numbers(&mut one.take().unwrap()), [0]);
}

#[test]
fn what_is_full_waits_a_little_for_company() {
    let mut scene = Scene::new(false);
    for _ in 0..4 {
        scene.push(1);
    }
    let due = scene.push(1).unwrap();
    assert!(due > scene.now && due <= scene.now + HOW.grace);
    let readiness = scene.lane.look(scene.now, &HOW);
    assert!(readiness.is_ready && !readiness.is_pressing);
    assert!(scene.lane.look(due, &HOW).is_pressing);
}

#[test]
fn without_an_order_what_waits_to_be_tried_again_holds_up_nobody() {
    let mut scene = Scene::new(false);
    scene.push(395);
    scene.push(395);
    let mut first = scene.take().unwrap();
    first.not_before = scene.now + MS * 50;
    scene.lane.put_back(first);
    scene.lane.landed();
    assert_eq!(numbers(&mut scene.take().unwrap()), [1]);
    assert!(scene.take().is_none());
    assert_eq!(scene.lane.look(scene.now, &HOW).wake, Some(scene.now + MS * 50));
    scene.now += MS * 50;
    assert!(scene.lane.look(scene.now, &HOW).is_pressing);
    assert_eq!(numbers(&mut scene.take().unwrap()), [0]);
}

#[test]
fn a_lane_that_follows_waits_for_what_is_in_flight_before_it() {
    let (mut old, mut new) = (Scene::new(true), Scene::new(true));
    old.push(395);
    let mut in_flight = old.take().unwrap();
    old.push(395);
    let left = old.lane.retire(old.now, &HOW);
    new.lane.follow(&old.lane);
    left.into_iter().for_each(|parcel| new.lane.inherit(parcel));
    assert!(new.take().is_none() && !new.lane.look(new.now, &HOW).is_ready);
    in_flight.not_before = new.now;
    new.lane.put_back(in_flight);
    old.lane.landed();
    assert_eq!(numbers(&mut new.take().unwrap()), [0]);
    new.lane.landed();
    assert_eq!(numbers(&mut new.take().unwrap()), [1]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Push(usize),
    Pass(u32),
    Take,
    /// The oldest in flight, and whether it is stored.
    Land(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..500).prop_map(Step::Push),
        2 => (0_u32..60).prop_map(Step::Pass),
        3 => Just(Step::Take),
        2 => any::<bool>().prop_map(Step::Land),
    ]
}

proptest! {
    /// Whatever fails, each record is stored once, within the bounds, and in order where there is one.
    #[test]
    fn each_record_comes_out_once(is_ordered: bool, steps in prop::collection::vec(step(), 1..150)) {
        let mut scene = Scene::new(is_ordered);
        let (mut in_flight, mut stored) = (VecDeque::new(), Vec::new());
        let drain = [Step::Pass(1_000), Step::Take, Step::Land(true)];
        let steps: Vec<_> = steps.into_iter().chain(drain.into_iter().cycle().take(900)).collect();
        for step in steps {
            match step {
                Step::Push(bytes) => {
                    let wake = scene.push(bytes);
                    prop_assert!(wake.is_none_or(|wake| wake <= scene.now + HOW.buffered_time));
                }
                Step::Pass(millis) => {
                    scene.now += MS * millis;
                    scene.lane.look(scene.now, &HOW);
                }
                Step::Take => {
                    let Some(mut parcel) = scene.take() else { continue };
                    prop_assert!(!is_ordered || in_flight.is_empty());
                    let count = numbers(&mut parcel).len();
                    prop_assert_eq!(count, parcel.members());
                    prop_assert!(count <= 5 && (parcel.size <= HOW.size_max || count == 1));
                    in_flight.push_back(parcel);
                }
                Step::Land(is_stored) => {
                    let Some(mut parcel) = in_flight.pop_front() else { continue };
                    if is_stored {
                        stored.extend(numbers(&mut parcel));
                    } else {
                        parcel.not_before = scene.now + MS * 30;
                        scene.lane.put_back(parcel);
                    }
                    scene.lane.landed();
                }
            }
        }
        prop_assert!(!is_ordered || stored.is_sorted(), "{:?}", stored);
        stored.sort_unstable();
        prop_assert!(stored.into_iter().eq(0..scene.pushed));
        prop_assert_eq!((scene.lane.queued_bytes, scene.lane.queue.len()), (0, 0));
    }

    #[test]
    fn what_is_too_old_is_taken_out_and_nothing_else(ages in prop::collection::vec(0_u32..60, 1..20)) {
        let mut scene = Scene::new(false);
        let mut arrivals = Vec::new();
        for age in ages {
            scene.now += MS * age * 1_000;
            scene.push(395);
            arrivals.push(scene.now);
        }
        let mut expired = Vec::new();
        scene.lane.expire(scene.now, HOW.ttl, &mut expired);
        let too_old = arrivals.iter().filter(|arrival| **arrival + HOW.ttl <= scene.now).count();
        prop_assert_eq!(expired.len(), too_old);
        prop_assert!(expired.iter().all(|parcel| parcel.oldest + HOW.ttl <= scene.now));
    }
}
