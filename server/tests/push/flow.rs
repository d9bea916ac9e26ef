//! Readers who do not read, beside others who do.

use super::*;

const MIB: usize = 1024 * 1024;

/// So many records of a mebibyte, each of its own kind.
async fn put_many(world: &mut World, count: u8) {
    for number in 0..count {
        world.put(&vec![number; MIB - 1]).await;
    }
}

async fn take(events: &mut Events, count: u8) {
    for number in 0..count {
        let event = soon(events.event()).await;
        let [record] = data(&event).try_into().unwrap();
        assert!(record.len() == MIB - 1 && record.iter().all(|byte| *byte == number), "{number}");
    }
}

#[tokio::test]
async fn a_stalled_subscriber_holds_up_nobody_on_its_connection() {
    let mut world = World::new().await;
    let (slow, quick) = (world.consumer("slow").await, world.consumer("quick").await);
    let mut client = world.client(Http::Two).await;
    let mut stalled = soon(subscribe(&mut client, &slow, "LATEST")).await;
    let mut reader = soon(subscribe(&mut client, &quick, "LATEST")).await;
    for round in 0..3 {
        put_many(&mut world, 10).await;
        take(&mut reader, 10).await;
        // Requests on the same connection go on, too.
        let (status, summary) =
            soon(client.call("DescribeStreamSummary", &json!({"StreamName": "orders"}))).await;
        assert_eq!(
            (status, &summary["StreamDescriptionSummary"]["ConsumerCount"]),
            (200, &json!(2)),
            "{round}"
        );
    }
    for _ in 0..3 {
        take(&mut stalled, 10).await;
    }
}

#[tokio::test]
async fn a_stalled_connection_holds_up_no_other() {
    for http in BOTH {
        let mut world = World::new().await;
        let (slow, quick) = (world.consumer("slow").await, world.consumer("quick").await);
        let (mut first, mut second) = (world.client(http).await, world.client(http).await);
        let mut stalled = soon(subscribe(&mut first, &slow, "LATEST")).await;
        let mut reader = soon(subscribe(&mut second, &quick, "LATEST")).await;
        put_many(&mut world, 40).await;
        take(&mut reader, 40).await;
        take(&mut stalled, 40).await;
    }
}

/// What waits for a stalled reader is what its transport holds and an event or two, not all that came.
#[tokio::test]
async fn a_stalled_subscriber_is_brought_no_more_than_fits() {
    for http in BOTH {
        let mut world = World::new().await;
        let app = world.consumer("app").await;
        let mut client = world.client(http).await;
        let mut stalled = soon(subscribe(&mut client, &app, "LATEST")).await;
        put_many(&mut world, 60).await;
        a_moment().await;
        let taken = world.records_taken("app").await;
        assert!(
            (1..=25).contains(&taken),
            "{taken} records of a mebibyte were taken for a reader who does not read"
        );
        take(&mut stalled, 60).await;
    }
}

/// What the server itself keeps for a reader who does not read, whatever the network holds.
#[tokio::test]
async fn a_subscriber_without_a_window_costs_an_event_or_two() {
    const WINDOW: u32 = 1024;
    let mut world = World::new().await;
    let (slow, quick) = (world.consumer("slow").await, world.consumer("quick").await);
    let mut client = Client::with_window(world.server.address(), WINDOW).await;
    let mut stalled = soon(subscribe(&mut client, &slow, "LATEST")).await;
    let mut reader = soon(subscribe(&mut client, &quick, "LATEST")).await;
    put_many(&mut world, 30).await;
    take(&mut reader, 30).await;
    let taken = world.records_taken("slow").await;
    assert!((1..=2).contains(&taken), "{taken} records were taken for a reader who does not read");
    take(&mut stalled, 30).await;
}

#[tokio::test]
async fn a_client_who_goes_leaves_the_place_at_once() {
    for http in BOTH {
        let mut world = World::new().await;
        let app = world.consumer("app").await;
        let mut client = world.client(http).await;
        for _ in 0..3 {
            let events = soon(subscribe(&mut client, &app, "LATEST")).await;
            drop(events);
            if http == Http::One {
                // There is no other way to tell.
                client = world.client(http).await;
            }
            // It takes a moment until the server hears of it.
            soon(async {
                while let Err((status, answer)) = client.subscribe(&subscribe_body(&app, "LATEST")).await {
                    assert_eq!((status, &answer["__type"]), (400, &json!("ResourceInUseException")));
                }
            })
            .await;
            client = world.client(http).await;
            a_moment().await;
        }
    }
}

/// Connections without requests are ended after 75 seconds; this one has a request, however little happens on it.
#[tokio::test]
async fn a_quiet_subscription_keeps_its_connection() {
    for http in BOTH {
        let mut world = World::new().await;
        let app = world.consumer("app").await;
        let mut client = world.client(http).await;
        let mut events = soon(subscribe(&mut client, &app, "LATEST")).await;
        for _ in 0..59 {
            world.clock.advance(Duration::from_secs(5));
            assert_eq!(soon(events.event()).await["Records"], json!([]));
        }
        world.clock.advance(Duration::from_secs(5));
        assert!(soon(events.next()).await.is_none());
    }
}

/// While a test has frozen the server's clock, heartbeats come by the machine's, and nothing ends.
#[tokio::test]
async fn a_frozen_clock_cuts_no_subscription() {
    for http in BOTH {
        let mut world = World::new().await;
        let app = world.consumer("app").await;
        let admin = world.server.admin_address();
        client::post(admin, "/admin/clock", &json!({"frozen": true})).await;
        let mut client = world.client(http).await;
        let mut events = soon(subscribe(&mut client, &app, "LATEST")).await;
        // Longer than a subscription lives, and than a connection is kept of whose stream nothing is taken.
        for _ in 0..100 {
            world.clock.advance(Duration::from_secs(6));
            assert_eq!(soon(events.event()).await["Records"], json!([]));
        }
        // The one there was has been idle for too long.
        world.control = world.client(Http::Two).await;
        world.put(b"data").await;
        assert_eq!(data(&soon(events.event()).await), [b"data"]);
        client::post(admin, "/admin/clock", &json!({"advance_ms": 300_000})).await;
        assert!(soon(events.next()).await.is_none());
    }
}
