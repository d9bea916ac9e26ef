//! Faults that were asked for, as clients meet them.

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Calls of GetRecords that are carried out at once; the others wait for them.
const AT_ONCE: usize = 16;

/// Time passes until the output is there.
async fn as_time_passes<F: Future>(clock: &ManualClock, future: F) -> F::Output {
    let pass = async {
        loop {
            clock.advance(Duration::from_millis(100));
            a_moment().await;
        }
    };
    tokio::select! {
        output = soon(future) => output,
        () = pass => unreachable!(),
    }
}

/// What comes before a cut arrives, however soon the cut comes after it.
#[tokio::test]
async fn a_subscription_breaks_off_where_it_was_asked_to_and_not_before() {
    let large = vec![b'x'; 200_000];
    for http in BOTH {
        for (rule, data, whole, torn) in [
            (json!({"cut_after_events": 0}), &b"small"[..], 0, 0),
            (json!({"cut_after_events": 1}), b"small", 1, 0),
            (json!({"cut_after_events": 1}), &large, 1, 0),
            (json!({"cut_after_bytes": 10}), b"small", 0, 10),
            (json!({"cut_after_bytes": 100_000}), &large, 0, 100_000),
        ] {
            let mut world = World::new().await;
            let app = world.consumer("app").await;
            world.put(data).await;
            world.fault(rule).await;
            let mut client = world.client(http).await;
            // All of this comes while time stands still, and so before the break.
            let mut events = soon(subscribe(&mut client, &app, "TRIM_HORIZON")).await;
            for _ in 0..whole {
                assert_eq!(self::data(&soon(events.event()).await), [data]);
            }
            soon(events.read_torn(torn)).await;
            assert_eq!(as_time_passes(&world.clock, events.broken_off()).await, torn);
        }
    }
}

#[tokio::test]
async fn a_subscription_that_does_not_begin_uses_up_no_rule() {
    let mut world = World::new().await;
    let app = world.consumer("app").await;
    let mut client = world.client(Http::Two).await;
    let held = soon(subscribe(&mut client, &app, "LATEST")).await;
    world.fault(json!({"cut_after_events": 0, "times": 1})).await;
    let mut other = world.client(Http::Two).await;
    let (status, answer) = soon(other.subscribe(&subscribe_body(&app, "LATEST"))).await.err().unwrap();
    assert_eq!((status, &answer["__type"]), (400, &json!("ResourceInUseException")));
    assert_eq!(world.seen().await, [0]);
    drop(held);
    world.clock.advance(Duration::from_secs(5));
    let events = soon(subscribe(&mut other, &app, "LATEST")).await;
    assert_eq!(as_time_passes(&world.clock, events.broken_off()).await, 0);
    assert_eq!(world.seen().await, [1]);
}

#[tokio::test]
async fn calls_that_are_held_back_hold_up_no_others() {
    let mut world = World::new().await;
    world.call("CreateStream", json!({"StreamName": "clicks", "ShardCount": 1})).await;
    let mut iterators = Vec::new();
    for stream in ["orders", "clicks"] {
        let start = json!({"StreamName": stream, "ShardId": SHARD, "ShardIteratorType": "LATEST"});
        let answer = world.call("GetShardIterator", start).await;
        iterators.push(json!({"ShardIterator": answer["ShardIterator"]}));
    }
    world.fault(json!({"operation": "GetRecords", "stream": "orders", "latency_ms": 1000})).await;
    let held = AT_ONCE + 1;
    let mut clients = Vec::new();
    for _ in 0..held {
        clients.push(world.client(Http::One).await);
    }
    let mut slow =
        Box::pin(join_all(clients.iter_mut().map(|client| client.call("GetRecords", &iterators[0]))));
    let mut control = world.client(Http::Two).await;
    let others = async {
        while world.seen().await != [held as u64] {
            a_moment().await;
        }
        control.call("GetRecords", &iterators[1]).await
    };
    let (status, answer) = tokio::select! {
        answer = soon(others) => answer,
        _ = &mut slow => panic!("time stands still"),
    };
    assert_eq!((status, &answer["Records"]), (200, &json!([])));
    world.clock.advance(Duration::from_secs(1));
    assert!(soon(slow).await.iter().all(|(status, _)| *status == 200));
}

#[tokio::test]
async fn a_reset_that_is_refused_resets_nothing() {
    let world = World::new().await;
    let admin = world.server.admin_address();
    world.fault(json!({"operation": "ListStreams", "error": "internal"})).await;
    client::post(admin, "/admin/clock", &json!({"frozen": true})).await;
    let mut loading = TcpStream::connect(admin).await.unwrap();
    let head =
        "POST /admin/snapshot/load HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    loading.write_all(head.as_bytes()).await.unwrap();
    // It is told to go on when its body is read, and so when the snapshot is being loaded.
    let mut told = [0; 12];
    soon(loading.read_exact(&mut told)).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100");
    let refused = client::post(admin, "/admin/reset", &Json::Null).await;
    assert_eq!(refused["error"], "A snapshot is being loaded already.");
    assert_eq!(world.seen().await, [0]);
    let clock = client::get(admin, "/admin/clock").await;
    assert!(clock.contains("\"frozen\":true"), "{clock}");
}
