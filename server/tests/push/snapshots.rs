//! Snapshots whose receivers stop taking them.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};

use super::*;

/// As many are sent at once.
const SAVES_MAX: usize = 4;
/// Longer than a receiver may do nothing.
const STALLED: Duration = Duration::from_secs(61);

/// The head of an answer, and the connection that the rest comes by.
async fn save(world: &World) -> (Client, Response<Incoming>) {
    let mut client = Client::connect(world.server.admin_address(), Http::One).await;
    let request = Request::post("/admin/snapshot").header("host", "localhost").body(Full::<Bytes>::default());
    let response = soon(client.ask(request.unwrap())).await;
    (client, response)
}

/// For longer than is waited. A moment before, so that all that fits on its way is there.
async fn nothing_is_taken(world: &World) {
    a_moment().await;
    world.clock.advance(STALLED);
    a_moment().await;
}

/// Whether it ended as it should.
async fn is_whole(response: Response<Incoming>) -> bool {
    let mut body = response.into_body();
    while let Some(piece) = soon(body.frame()).await {
        if piece.is_err() {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn a_receiver_who_stops_is_given_up_and_nobody_takes_the_rest_for_all() {
    let mut world = World::new().await;
    for number in 0..40 {
        world.put(&vec![number; 1024 * 1024 - 1]).await;
    }
    let (_client, response) = save(&world).await;
    assert!(is_whole(response).await);
    let mut stalled = Vec::new();
    for _ in 0..SAVES_MAX {
        let (client, response) = save(&world).await;
        assert_eq!(response.status(), 200);
        stalled.push((client, response));
    }
    let (_client, refused) = save(&world).await;
    assert_eq!(refused.status(), 409);
    let mut status = refused.status();
    while status != 200 {
        nothing_is_taken(&world).await;
        status = save(&world).await.1.status();
    }
    // One of them made room. On a busy machine others may have had something on its way until then.
    for _ in 0..5 {
        nothing_is_taken(&world).await;
    }
    for (_client, response) in stalled {
        assert!(!is_whole(response).await);
    }
}
