//! `grpc.reflection.v1.ServerReflection`: what calls there are, for clients that were not built with the files.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use hyper::Response;
use hyper::body::Incoming;
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use tonic::{Code, Status};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{
    ErrorResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};

use super::messages::{Messages, prefix};
use super::reply::{self, Piece};
use crate::aws::reception::Reception;
use crate::http::body::Reply;

#[derive(Debug)]
pub(crate) struct Reflection {
    files: Arc<Files>,
    reception: Reception,
}

/// What is told.
#[derive(Debug)]
struct Files {
    all: Vec<FileDescriptorProto>,
    /// Whether a service of Millstream's is on this port, by its full name.
    has: fn(&str) -> bool,
}

impl Reflection {
    /// The older name has the same messages; many tools still begin with it.
    pub(super) const NAMES: [&str; 2] =
        ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

    /// Of the port that has these services of Millstream's.
    pub(crate) fn new(has: fn(&str) -> bool, reception: &Reception) -> Self {
        let sets = [
            millstream_proto::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            // What statuses have in their details.
            tonic_types::pb::FILE_DESCRIPTOR_SET,
        ];
        let sets = sets.into_iter().filter_map(|set| FileDescriptorSet::decode(set).ok());
        let all = sets.flat_map(|set| set.file).collect();
        Self { files: Arc::new(Files { all, has }), reception: reception.clone() }
    }

    pub(super) fn answer(&self, method: &str, deadline: Option<Duration>, body: Incoming) -> Response<Reply> {
        if method != "ServerReflectionInfo" {
            return reply::failure(&Status::unimplemented(format!(
                "There is no call {method} of reflection."
            )));
        }
        let Reception { budget, clock, tasks, .. } = &self.reception;
        let messages = Messages::new(body, budget.clone(), clock.clone());
        let answers = answers(self.files.clone(), messages);
        reply::streamed(reply::until_stopped(answers, tasks.clone()), deadline, clock)
    }
}

fn answers(files: Arc<Files>, messages: Messages) -> impl Stream<Item = Piece> + Send {
    stream::unfold(Some((files, messages)), |state| async {
        let (files, mut messages) = state?;
        let request = match messages.next().await {
            Ok(None) => return None,
            Ok(Some(message)) => ServerReflectionRequest::decode(message.bytes)
                .map_err(|error| Status::invalid_argument(error.to_string())),
            Err(status) => Err(status),
        };
        Some(match request {
            Ok(request) => {
                let message = response(&files, request).encode_to_vec();
                let piece = Bytes::from([&prefix(message.len()), message.as_slice()].concat());
                (Ok(piece), Some((files, messages)))
            }
            Err(status) => (Err(status.into()), None),
        })
    })
}

fn response(files: &Files, request: ServerReflectionRequest) -> ServerReflectionResponse {
    let all = &files.all;
    let of_file = |file: Option<&FileDescriptorProto>| {
        file.map(|file| {
            let file_descriptor_proto =
                with_imports(all, file).iter().map(|file| file.encode_to_vec()).collect();
            MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto })
        })
    };
    let answer = match &request.message_request {
        Some(MessageRequest::FileByFilename(name)) => of_file(all.iter().find(|file| file.name() == name)),
        Some(MessageRequest::FileContainingSymbol(symbol)) => {
            of_file(all.iter().find(|file| declares(file, symbol)))
        }
        Some(MessageRequest::ListServices(_)) => Some(MessageResponse::ListServicesResponse(services(files))),
        // Nothing of this is extended.
        Some(MessageRequest::FileContainingExtension(_) | MessageRequest::AllExtensionNumbersOfType(_))
        | None => None,
    };
    let answer = answer.unwrap_or_else(|| {
        let (error_code, error_message) = (Code::NotFound as i32, "There is no such thing.".to_owned());
        MessageResponse::ErrorResponse(ErrorResponse { error_code, error_message })
    });
    ServerReflectionResponse {
        valid_host: request.host.clone(),
        original_request: Some(request),
        message_response: Some(answer),
    }
}

/// The file and all that it imports, which spares the client further questions.
fn with_imports<'f>(
    files: &'f [FileDescriptorProto],
    file: &'f FileDescriptorProto,
) -> Vec<&'f FileDescriptorProto> {
    let mut found = vec![file];
    let mut next = 0;
    while let Some(file) = found.get(next).copied() {
        for import in &file.dependency {
            let imported = files.iter().find(|file| file.name() == import);
            found.extend(imported.filter(|imported| found.iter().all(|file| file.name() != imported.name())));
        }
        next += 1;
    }
    found
}

fn services(files: &Files) -> ListServiceResponse {
    let of_file = |file: &FileDescriptorProto| {
        let full = |name: &str| format!("{}.{name}", file.package());
        file.service.iter().map(|service| full(service.name())).collect::<Vec<_>>()
    };
    let is_here = |name: &String| !name.starts_with(millstream_proto::PACKAGE) || (files.has)(name);
    let names = files.all.iter().flat_map(of_file).filter(is_here);
    ListServiceResponse { service: names.map(|name| ServiceResponse { name }).collect() }
}

/// Whether the file declares a service, call, message, field or enum of this full name.
fn declares(file: &FileDescriptorProto, symbol: &str) -> bool {
    let Some(rest) = symbol.strip_prefix(file.package()).and_then(|rest| rest.strip_prefix('.')) else {
        return false;
    };
    let (first, member) = rest.split_once('.').map_or((rest, None), |(first, member)| (first, Some(member)));
    let in_service = file.service.iter().filter(|service| service.name() == first).any(|service| {
        member.is_none_or(|member| service.method.iter().any(|method| method.name() == member))
    });
    let in_enum =
        file.enum_type.iter().filter(|choice| choice.name() == first).any(|choice| {
            member.is_none_or(|member| choice.value.iter().any(|value| value.name() == member))
        });
    in_service || in_enum || file.message_type.iter().any(|message| message_declares(message, first, member))
}

fn message_declares(message: &DescriptorProto, first: &str, member: Option<&str>) -> bool {
    if message.name() != first {
        return false;
    }
    let Some(member) = member else { return true };
    let (next, rest) = member.split_once('.').map_or((member, None), |(next, rest)| (next, Some(rest)));
    message.nested_type.iter().any(|nested| message_declares(nested, next, rest))
        || rest.is_none() && message.field.iter().any(|field| field.name() == next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<FileDescriptorProto> {
        FileDescriptorSet::decode(millstream_proto::DESCRIPTORS).unwrap().file
    }

    #[test]
    fn files_are_found_by_what_they_declare() {
        let files = files();
        let name = |symbol: &str| {
            files.iter().find(|file| declares(file, symbol)).map(|file| file.name().to_owned())
        };
        let records = Some("millstream/v1/records.proto".to_owned());
        for symbol in [
            "millstream.v1.Records",
            "millstream.v1.Records.PutStream",
            "millstream.v1.Record",
            "millstream.v1.Record.data",
            "millstream.v1.ShardIteratorType",
        ] {
            assert_eq!(name(symbol), records, "{symbol}");
        }
        for symbol in
            ["", "millstream.v1", "millstream.v1.Records.Nothing", "Record", "millstream.v1.Record.data.x"]
        {
            assert_eq!(name(symbol), None, "{symbol}");
        }
    }

    #[test]
    fn a_file_comes_with_its_imports() {
        let files = files();
        let records = files.iter().find(|file| file.name() == "millstream/v1/records.proto").unwrap();
        let mut names: Vec<_> = with_imports(&files, records).iter().map(|file| file.name()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["google/protobuf/timestamp.proto", "millstream/v1/records.proto", "millstream/v1/streams.proto"]
        );
    }
}
