//! How members go: gracefully, suddenly, or because the server wants it.

use millstream_proto::v1::tables_client::TablesClient;
use millstream_proto::v1::{DeleteStreamRequest, DeleteTableRequest};
use tonic::Code;

use super::*;

/// Less than the failover time, which nobody has to wait for.
const SOON: Duration = Duration::from_secs(20);

async fn assigned_soon(world: &World, member: &mut Member) -> String {
    let begun = world.clock.monotonic();
    let assigned = member.assigned(world).await;
    let took = world.clock.monotonic() - begun;
    assert!(took < SOON, "it took {took:?}");
    assigned.checkpoint
}

#[tokio::test]
async fn the_shards_of_a_client_that_vanishes_go_on_at_once_behind_its_last_checkpoint() {
    let mut world = World::new().await;
    let number = world.put(b"one").await;
    let mut first = Member::join(&world, start()).await;
    assert_eq!(first.process(&world, 1).await, ["one"]);
    first.until(&world, |heard| matches!(heard, Heard::Checkpointed(_)).then_some(())).await;
    world.put(b"two").await;
    first.until(&world, |heard| matches!(heard, Heard::Records { .. }).then_some(())).await;
    let mut second = Member::join(&world, start()).await;
    drop(first);
    assert_eq!(assigned_soon(&world, &mut second).await, number);
    assert_eq!(second.process(&world, 1).await, ["two"], "it was not acknowledged");
}

#[tokio::test]
async fn a_client_that_ends_its_requests_gives_back_what_it_has() {
    let mut world = World::new().await;
    let number = world.put(b"one").await;
    let mut first = Member::join(&world, start()).await;
    assert_eq!(first.process(&world, 1).await, ["one"]);
    first.close();
    let (heard, ended) = first.end(&world).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert!(heard.iter().any(|heard| matches!(heard, Heard::Revoked { .. })), "{heard:?}");
    let mut second = Member::join(&world, start()).await;
    assert_eq!(assigned_soon(&world, &mut second).await, number);
}

#[tokio::test]
async fn a_client_that_does_not_finish_a_shard_loses_it_all_the_same() {
    let mut world = World::new().await;
    world.put(b"one").await;
    let mut first = Member::join(&world, JoinStart { handoff_timeout_millis: Some(5_000), ..start() }).await;
    first.until(&world, |heard| matches!(heard, Heard::Records { .. }).then_some(())).await;
    first.leave();
    let begun = world.clock.monotonic();
    let (heard, ended) = first.end(&world).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert!(heard.iter().any(|heard| matches!(heard, Heard::Requested { .. })), "{heard:?}");
    let took = world.clock.monotonic() - begun;
    assert!(took >= Duration::from_secs(4) && took < SOON, "{took:?}");
}

#[tokio::test]
async fn who_joins_by_a_members_name_ends_that_one() {
    let world = World::new().await;
    let named = || JoinStart { worker_id: Some("python".to_owned()), ..start() };
    let mut first = Member::join(&world, named()).await;
    first.assigned(&world).await;
    let mut second = Member::join(&world, named()).await;
    let (_, ended) = first.end(&world).await;
    let status = ended.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "ResourceInUseException")
    );
    assigned_soon(&world, &mut second).await;
}

#[tokio::test]
async fn a_call_ends_with_its_stream() {
    let mut world = World::new().await;
    let mut member = Member::join(&world, JoinStart { retrieval: Some(2), ..start() }).await;
    member.assigned(&world).await;
    let stream_name = Some("orders".to_owned());
    world.streams.delete_stream(DeleteStreamRequest { stream_name, ..Default::default() }).await.unwrap();
    let (_, ended) = member.end(&world).await;
    let status = ended.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "ResourceNotFoundException"));
}

#[tokio::test]
async fn a_server_that_stops_ends_the_calls_and_gives_the_leases_back() {
    let world = World::new().await;
    let mut member = Member::join(&world, start()).await;
    member.assigned(&world).await;
    let World { clock, server, .. } = world;
    let machine = SystemClock::shared();
    let passing = async {
        loop {
            millstream_runtime::Clock::sleep(&SystemClock::default(), Duration::from_millis(1)).await;
            clock.advance(Duration::from_millis(1));
        }
    };
    let stopped = async {
        let ended = async {
            loop {
                match member.next().await {
                    Ok(Some(_)) => {}
                    other => return other.err(),
                }
            }
        };
        tokio::join!(server.stop(), ended)
    };
    let (stopped, ended) = tokio::select! {
        done = machine.timeout(PATIENCE, stopped) => done.expect("it ends"),
        () = passing => unreachable!(),
    };
    stopped.unwrap();
    let status = ended.expect("a status");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "ServiceUnavailableException"));
}

#[tokio::test]
async fn heartbeats_come_while_there_is_nothing_else() {
    let world = World::new().await;
    let start = Some(millstream_proto::v1::join_request::Request::Start(start()));
    let mut member = Member::call(&world, start).await;
    let mut beats = 0;
    let heard = async {
        while beats < 3 {
            beats += usize::from(member.is_heartbeat_next().await);
        }
    };
    world.while_time_passes(heard).await;
}

#[tokio::test]
async fn without_its_lease_table_the_call_ends() {
    let world = World::new().await;
    let mut member = Member::join(&world, start()).await;
    member.assigned(&world).await;
    let mut tables = TablesClient::with_origin(transport(), world.url("http").parse().unwrap());
    tables.delete_table(DeleteTableRequest { table_name: Some("billing".to_owned()) }).await.unwrap();
    let (_, ended) = member.end(&world).await;
    let status = ended.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "ResourceNotFoundException"));
}
