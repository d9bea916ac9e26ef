//! A stop while subscriptions run.

use super::*;

#[tokio::test]
async fn a_stop_ends_subscriptions_and_waits_for_none() {
    for http in BOTH {
        let mut world = World::new().await;
        let mut subscriptions = Vec::new();
        for name in ["a", "b"] {
            let app = world.consumer(name).await;
            let mut client = world.client(http).await;
            let events = soon(subscribe(&mut client, &app, "LATEST")).await;
            subscriptions.push((client, events));
        }
        world.put(b"last").await;
        for (_, events) in &mut subscriptions {
            assert_eq!(data(&soon(events.event()).await), [b"last"]);
        }
        let World { server, control, .. } = world;
        drop(control);
        // The clock stands still, so no deadline of the stop passes.
        soon(server.stop()).await.unwrap();
        for (_, mut events) in subscriptions {
            assert!(soon(events.next()).await.is_none(), "a clean end");
        }
    }
}
