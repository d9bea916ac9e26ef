//! First requests that are none, requests that are out of place, and floods.

use millstream_proto::v1::join_request::Request;
use millstream_proto::v1::{InitialPosition, LeaveRequest, ReleaseRequest};
use prost_types::Timestamp;
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
    let world = World::new().await;
    let invalid = (Code::InvalidArgument, "InvalidArgumentException");
    let missing = (Code::NotFound, "ResourceNotFoundException");
    let in_the_future = JoinStart {
        initial_position: Some(InitialPosition::AtTimestamp.into()),
        initial_timestamp: Some(Timestamp { seconds: 200_000_000_000, nanos: 0 }),
        ..start()
    };
    for (first, (code, exception)) in [
        (None, invalid),
        (Some(Request::Leave(LeaveRequest {})), invalid),
        (Some(Request::Start(JoinStart::default())), invalid),
        (Some(Request::Start(JoinStart { application_name: Some("a/b".to_owned()), ..start() })), invalid),
        (Some(Request::Start(JoinStart { window_bytes: Some(1), ..start() })), invalid),
        (Some(Request::Start(JoinStart { streams: vec!["orders".to_owned(); 2], ..start() })), invalid),
        (Some(Request::Start(in_the_future)), invalid),
        (Some(Request::Start(JoinStart { application_name: Some("a".repeat(129)), ..start() })), invalid),
        (Some(Request::Start(JoinStart { streams: vec!["nothing".to_owned()], ..start() })), missing),
    ] {
        let shown = format!("{first:?}");
        let status = refusal(&world, first).await;
        assert_eq!((status.code(), reason(&status).as_str()), (code, exception), "{shown}: {status:?}");
    }
}

#[tokio::test]
async fn there_are_as_many_members_as_the_configuration_says() {
    let world = World::with(|settings| settings.memory.group_members = 2).await;
    let first = Member::join(&world, start()).await;
    let _second = Member::join(&world, start()).await;
    let status = refusal(&world, Some(Request::Start(start()))).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    first.leave();
    first.end(&world).await.1.unwrap();
    Member::join(&world, start()).await;
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
    let never_given = Request::Release(ReleaseRequest { assignment_id: Some(2) });
    for wrong in [Some(Request::Start(start())), Some(never_given), None] {
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
async fn a_flood_of_members_is_over_when_it_is_over() {
    let mut world = World::new().await;
    for round in 0..300 {
        let named = JoinStart { worker_id: (round % 3 == 0).then(|| "same".to_owned()), ..start() };
        let first = (round % 4 != 0).then_some(Request::Start(named));
        drop(Member::call(&world, first).await);
    }
    world.wait(Duration::from_secs(30)).await;
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
