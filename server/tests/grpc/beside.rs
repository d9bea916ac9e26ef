//! Health and reflection.

use futures_util::stream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::*;

#[tokio::test]
async fn health_is_told_and_watched() {
    let world = World::new().await;
    let mut client = HealthClient::with_origin(transport(), world.url("http").parse().unwrap());
    for service in ["", "millstream.v1.Records", "millstream.v1.Streams"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = client.check(request.clone()).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
        let mut statuses = client.watch(request).await.unwrap().into_inner();
        assert_eq!(soon(statuses.message()).await.unwrap().unwrap().status(), ServingStatus::Serving);
    }
    let unknown = HealthCheckRequest { service: "nothing".to_owned() };
    assert_eq!(client.check(unknown.clone()).await.unwrap_err().code(), Code::NotFound);
    let mut statuses = client.watch(unknown).await.unwrap().into_inner();
    assert_eq!(soon(statuses.message()).await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
}

/// Each port has its own services.
#[tokio::test]
async fn the_health_of_the_admin_port_is_that_of_its_service() {
    let world = World::new().await;
    let url = format!("http://{}", world.server.admin_address());
    let mut client = HealthClient::with_origin(transport(), url.parse().unwrap());
    for (service, is_there) in [
        ("millstream.v1.Admin", true),
        ("grpc.health.v1.Health", true),
        ("grpc.reflection.v1.ServerReflection", true),
        ("millstream.v1.Streams", false),
    ] {
        let checked = client.check(HealthCheckRequest { service: service.to_owned() }).await;
        assert_eq!(checked.is_ok(), is_there, "{service}: {checked:?}");
    }
}

#[tokio::test]
async fn what_there_is_can_be_asked() {
    let world = World::new().await;
    let mut client = ServerReflectionClient::with_origin(transport(), world.url("http").parse().unwrap());
    let requests = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("millstream.v1.Records.PutStream".to_owned()),
        MessageRequest::FileByFilename("millstream/v1/streams.proto".to_owned()),
        MessageRequest::FileContainingSymbol("nothing".to_owned()),
    ];
    let requests = requests
        .into_iter()
        .map(|request| ServerReflectionRequest { host: String::new(), message_request: Some(request) });
    let mut replies =
        client.server_reflection_info(stream::iter(requests.collect::<Vec<_>>())).await.unwrap().into_inner();
    let mut answers = Vec::new();
    while let Some(reply) = soon(replies.message()).await.unwrap() {
        answers.push(reply.message_response.unwrap());
    }
    let [
        MessageResponse::ListServicesResponse(services),
        MessageResponse::FileDescriptorResponse(records),
        MessageResponse::FileDescriptorResponse(streams),
        MessageResponse::ErrorResponse(error),
    ] = &answers[..]
    else {
        panic!("{answers:?}")
    };
    let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["millstream.v1.Records", "millstream.v1.Streams", "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!((records.file_descriptor_proto.len(), streams.file_descriptor_proto.len()), (3, 2));
    assert_eq!(error.error_code, Code::NotFound as i32);
}
