//! The admin port's service: what that port has over HTTP, with the same guards.

use futures_util::stream;
use millstream_proto::v1::admin_client::AdminClient;
use millstream_proto::v1::{
    AddFaultsRequest, ChangeClockRequest, ClearFaultsRequest, FaultRule, GetClockRequest,
    GetInitScriptsRequest, GetMetricsRequest, ListFaultsRequest, ListStreamsRequest, LoadSnapshotRequest,
    PutStreamRequest, RemoveFaultRequest, ResetRequest, SaveSnapshotRequest,
};
use tonic::{Code, Request, Status};

use super::*;

fn admin(server: &Server) -> AdminClient<Transport> {
    let origin = format!("http://{}", server.admin_address()).parse().unwrap();
    AdminClient::with_origin(transport(), origin)
}

async fn names(world: &mut World) -> Vec<String> {
    let listed = world.streams.list_streams(ListStreamsRequest::default()).await.unwrap();
    listed.into_inner().stream_names
}

#[tokio::test]
async fn the_clock_is_moved() {
    let world = World::new().await;
    let mut admin = admin(&world.server);
    let clock = admin.get_clock(GetClockRequest {}).await.unwrap().into_inner().clock.unwrap();
    assert_eq!((clock.now.unwrap().seconds, clock.ahead_ms, clock.frozen), (1_700_000_000, 0, false));
    let change = ChangeClockRequest { advance_ms: Some(60_000), frozen: Some(true), ..Default::default() };
    let clock = admin.change_clock(change).await.unwrap().into_inner().clock.unwrap();
    assert_eq!((clock.now.unwrap().seconds, clock.ahead_ms, clock.frozen), (1_700_000_060, 60_000, true));
    let before = prost_types::Timestamp { seconds: -1, nanos: 0 };
    for wrong in [
        ChangeClockRequest::default(),
        ChangeClockRequest { set: Some(before), ..Default::default() },
        ChangeClockRequest { advance_ms: Some(u64::MAX), ..Default::default() },
    ] {
        assert_eq!(admin.change_clock(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn faults_are_made_and_removed() {
    let mut world = World::new().await;
    let mut admin = admin(&world.server);
    let rule = FaultRule {
        operation: Some("PutRecord".to_owned()),
        first: Some(1),
        error: Some("throttling".to_owned()),
        ..Default::default()
    };
    let made = admin.add_faults(AddFaultsRequest { rules: vec![rule.clone()] }).await.unwrap().into_inner();
    assert_eq!((made.faults.len(), made.faults[0].rule.as_ref()), (1, Some(&rule)));
    let request = PutRecordRequest {
        stream_name: Some("orders".to_owned()),
        data: Some("x".into()),
        partition_key: Some("k".to_owned()),
        ..Default::default()
    };
    let status = world.records.put_record(request).await.unwrap_err();
    assert_eq!(reason(&status), "ProvisionedThroughputExceededException");
    world.put(b"x").await;
    let listed = admin.list_faults(ListFaultsRequest {}).await.unwrap().into_inner().faults;
    assert_eq!((listed[0].seen, listed[0].applied), (2, 1));

    let wrong = FaultRule { probability: Some(2.0), ..rule.clone() };
    let status = admin.add_faults(AddFaultsRequest { rules: vec![rule, wrong] }).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let id = listed[0].id;
    let left = admin.remove_fault(RemoveFaultRequest { id }).await.unwrap().into_inner();
    assert!(left.faults.is_empty());
    let status = admin.remove_fault(RemoveFaultRequest { id }).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, format!("There is no fault {id}.").as_str())
    );
    admin.clear_faults(ClearFaultsRequest {}).await.unwrap();
}

#[tokio::test]
async fn content_is_saved_reset_and_loaded() {
    let mut world = World::new().await;
    let mut admin = admin(&world.server);
    for _ in 0..40 {
        world.put(&[7; 100_000]).await;
    }
    let mut saved = admin.save_snapshot(SaveSnapshotRequest {}).await.unwrap().into_inner();
    let mut pieces = Vec::new();
    while let Some(piece) = soon(saved.message()).await.unwrap() {
        pieces.push(LoadSnapshotRequest { data: piece.data });
    }
    assert!(pieces.len() > 1);
    admin.reset(ResetRequest {}).await.unwrap();
    assert!(names(&mut world).await.is_empty());

    let short = pieces[..pieces.len() - 1].to_vec();
    let status = admin.load_snapshot(stream::iter(short)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(names(&mut world).await.is_empty());
    let loaded = admin.load_snapshot(stream::iter(pieces)).await.unwrap().into_inner();
    assert!(loaded.entries > 1 && loaded.bytes > 4_000_000, "{loaded:?}");
    assert_eq!(names(&mut world).await, ["orders"]);
}

/// What is counted has a name of its own where no call of the AWS wire has it.
#[tokio::test]
async fn metrics_and_scripts_are_told() {
    let mut world = World::new().await;
    let requests = vec![PutStreamRequest {
        stream_name: Some("orders".to_owned()),
        records: vec![entry("k", "a")],
        ..Default::default()
    }];
    let mut answers = world.records.put_stream(stream::iter(requests)).await.unwrap().into_inner();
    assert!(soon(answers.message()).await.unwrap().is_some());
    let mut admin = admin(&world.server);
    let text = admin.get_metrics(GetMetricsRequest {}).await.unwrap().into_inner().text;
    assert!(text.contains(r#"service="kinesis",operation="PutStream",status="200""#), "{text}");
    assert!(!text.contains(r#"operation="PutRecords""#), "{text}");
    let scripts = admin.get_init_scripts(GetInitScriptsRequest {}).await.unwrap().into_inner();
    assert!(scripts.finished && scripts.scripts.is_empty());
}

#[tokio::test]
async fn the_guards_are_those_of_the_port() {
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin_listen: "127.0.0.1:0".parse().unwrap(),
        storage: StorageKind::Memory,
        test_api: Some(false),
        ..Settings::default()
    };
    let clock = ManualClock::starting_at(START);
    let secrets = Secrets::none();
    let server = Server::start(&settings, &secrets, clock.shared(), SeededEntropy::shared(5));
    let server = server.await.unwrap();
    let mut off = admin(&server);
    let refused = |status: Status| {
        assert_eq!(status.code(), Code::PermissionDenied);
        assert!(status.message().contains("test API is off"), "{status:?}");
    };
    refused(off.get_clock(GetClockRequest {}).await.unwrap_err());
    refused(off.reset(ResetRequest {}).await.unwrap_err());
    refused(off.save_snapshot(SaveSnapshotRequest {}).await.unwrap_err());
    refused(off.load_snapshot(stream::empty()).await.unwrap_err());
    off.get_metrics(GetMetricsRequest {}).await.unwrap();

    // A web page says where it comes from.
    let world = World::new().await;
    let mut request = Request::new(ResetRequest {});
    request.metadata_mut().insert("origin", "https://example.com".parse().unwrap());
    let status = admin(&world.server).reset(request).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);

    // Neither port has the other's services.
    let mut elsewhere = AdminClient::with_origin(transport(), world.url("http").parse().unwrap());
    let status = elsewhere.get_clock(GetClockRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let origin = format!("http://{}", world.server.admin_address()).parse().unwrap();
    let mut elsewhere = StreamsClient::with_origin(transport(), origin);
    let status = elsewhere.list_streams(ListStreamsRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}
