//! First requests that are none, requests that are out of place, and floods.

use millstream_proto::v1::join_request::Request;
use millstream_proto::v1::{JoinStart, LeaveRequest};
use tonic::{Code, Status};

use super::*;

async fn refusal(world: &World, first: Option<Request>) -> Status {
    let member = Member::call(world, first).await;
    let (heard, ended) = member.end(world).await;
    assert_eq!(heard, []);
    ended.unwrap_err()
}

#[tokio::test]
async fn a_first_request_that_is_wrong_ends_the_call() {
    let mut world = World::new().await;
    let invalid = (Code::InvalidArgument, "InvalidArgumentException");
    let missing = (Code::NotFound, "ResourceNotFoundException");
    for (first, (code, exception)) in [
        (None, invalid),
        (Some(Request::Leave(LeaveRequest {})), invalid),
        (Some(Request::Start(JoinStart::default())), invalid),
        (Some(Request::Start(JoinStart { application_name: Some("a/b".to_owned()), ..start() })), invalid),
        (Some(Request::Start(JoinStart { window_bytes: Some(1), ..start() })), invalid),
        (Some(Request::Start(JoinStart { streams: vec!["orders".to_owned(); 2], ..start() })), invalid),
        (Some(Request::Start(JoinStart { streams: vec!["nothing".to_owned()], ..start() })), missing),
    ] {
        let shown = format!("{first:?}");
        let status = refusal(&world, first).await;
        assert_eq!((status.code(), reason(&status).as_str()), (code, exception), "{shown}: {status:?}");
    }
    // A table that is not of leases.
    assert!(!world.put(b"one").await.is_empty());
}

#[tokio::test]
async fn a_call_without_a_first_request_ends() {
    let world = World::new().await;
    let mut nothing = Member::call_silently(&world).await;
    let status = world.while_time_passes(nothing.next()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let mut closed = Member::call_silently(&world).await;
    closed.close();
    let status = world.while_time_passes(closed.next()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_request_that_is_out_of_place_ends_the_call_and_gives_everything_back() {
    let world = World::new().await;
    for wrong in [Some(Request::Start(start())), None] {
        let mut member = Member::join(&world, start()).await;
        member.assigned(&world).await;
        match wrong {
            Some(request) => member.say(request),
            None => member.say_nothing(),
        }
        let (_, ended) = member.end(&world).await;
        let status = ended.unwrap_err();
        assert_eq!(reason(&status), "InvalidArgumentException", "{status:?}");
    }
    let mut member = Member::join(&world, start()).await;
    let begun = world.clock.monotonic();
    member.assigned(&world).await;
    assert!(world.clock.monotonic() - begun < Duration::from_secs(30), "nobody waits for the failover time");
}

/// Each comes and goes at once, most without a word; the server is none the worse for it.
#[tokio::test]
async fn a_flood_of_members_is_bounded_and_over_when_it_is_over() {
    let mut world = World::new().await;
    for _ in 0..300 {
        drop(Member::call(&world, Some(Request::Start(start()))).await);
    }
    let mut members = Vec::new();
    let mut refused = 0;
    while members.len() < 257 && refused == 0 {
        let application_name = Some(format!("flood-{}", members.len()));
        let start = Request::Start(JoinStart { application_name, retrieval: Some(2), ..start() });
        let mut member = Member::call(&world, Some(start)).await;
        match world.while_time_passes(member.next()).await {
            Ok(joined) => {
                assert!(matches!(joined, Some(Heard::Joined { .. })), "{joined:?}");
                members.push(member);
            }
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                assert_eq!(reason(&status), "LimitExceededException");
                refused += 1;
            }
        }
    }
    assert_eq!(members.len(), 256);
    drop(members);
    world.wait(Duration::from_secs(1)).await;
    world.put(b"one").await;
    let mut member = Member::join(&world, start()).await;
    assert_eq!(member.process(&world, 1).await, ["one"]);
}

#[tokio::test]
async fn a_call_is_counted_under_its_own_name() {
    let world = World::new().await;
    let member = Member::join(&world, start()).await;
    let shown = metrics(&world).await;
    let line = "millstream_requests_total{service=\"millstream\",operation=\"Join\",status=\"200\"} 1";
    assert!(shown.lines().any(|shown| shown == line), "{shown}");
    drop(member);
}

async fn metrics(world: &World) -> String {
    use http_body_util::{BodyExt, Full};
    let client: Client<HttpConnector, Full<bytes::Bytes>> =
        Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let url = format!("http://{}/metrics", world.server.admin_address()).parse().unwrap();
    let body = soon(client.get(url)).await.unwrap().into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}
