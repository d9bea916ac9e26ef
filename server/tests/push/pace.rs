//! As many consumers as a stream may have, with the limits of AWS.

use super::*;

const MIB: usize = 1024 * 1024;
const CONSUMERS: usize = 20;
const SECOND: Duration = Duration::from_secs(1);

/// Twenty consumers are brought 2 MiB a second each, at the same time, whatever the others read.
#[tokio::test]
async fn twenty_consumers_each_have_a_pace_of_their_own() {
    let mut world = World::limited(LimitsPreset::Aws).await;
    let mut consumers = Vec::new();
    for number in 0..CONSUMERS {
        world.clock.advance(SECOND);
        consumers.push(world.consumer(&format!("c{number}")).await);
    }
    world.clock.advance(SECOND);
    let one_more = json!({"StreamARN": stream_arn(), "ConsumerName": "one-more"});
    let (status, refused) = world.control.call("RegisterStreamConsumer", &one_more).await;
    assert_eq!((status, &refused["__type"]), (400, &json!("LimitExceededException")), "{refused}");
    for number in 0..9 {
        world.clock.advance(SECOND);
        world.put(&vec![number; MIB - 1]).await;
    }

    let mut subscriptions = Vec::new();
    for (consumer, http) in consumers.iter().zip(BOTH.into_iter().cycle()) {
        let mut client = world.client(http).await;
        let events = soon(subscribe(&mut client, consumer, "TRIM_HORIZON")).await;
        subscriptions.push((client, events));
    }
    // The first one does not read.
    let (_stalled, readers) = subscriptions.split_first_mut().unwrap();
    // A second's worth was saved up, and one record may go ahead of its time.
    let mut expected = 0;
    for records in [3, 2, 2, 2] {
        for (_, events) in readers.iter_mut() {
            for number in expected..expected + records {
                let event = soon(events.event()).await;
                let [record] = data(&event).try_into().unwrap();
                assert!(record.len() == MIB - 1 && record.iter().all(|byte| *byte == number), "{number}");
            }
        }
        expected += records;
        a_moment().await;
        for number in 1..CONSUMERS {
            assert_eq!(world.records_taken(&format!("c{number}")).await, u32::from(expected));
        }
        world.clock.advance(SECOND);
    }
}
