//! The decoders of this crate as a fuzzer sees them: any bytes in, and a panic where a promise is broken.

#![allow(clippy::missing_panics_doc)] // panics are what a fuzzer looks for

use bytes::Bytes;
use hyper::Request;
use millstream_group::Start;

use crate::aws::caller::caller;
use crate::aws::cloudwatch;
use crate::aws::codec::protobuf::Shapes;
use crate::aws::codec::{ApiError, Format, Refusal};
use crate::aws::dynamodb;
use crate::aws::kinesis::generated::{Input, Operation};
use crate::aws::policy::{Subject, check};
use crate::aws::query::Form;
use crate::aws::requests::protobuf::written;
use crate::aws::requests::{Model, Tape};
use crate::http::prefixed::tell;

/// The texts of errors stay small, however large a request was: at most ten values of 64 KiB, and their rules.
const ERROR_BYTES_MAX: usize = 1024 * 1024;

/// The operation that the first byte names, and the rest.
fn operation(bytes: &[u8]) -> Option<(Operation, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((Operation::ALL[usize::from(*first) % Operation::ALL.len()], rest))
}

/// A request in one format. An answer can be made of whatever is wrong with it.
fn request(format: Format, bytes: &[u8]) -> Option<Result<Input, Refusal>> {
    let (operation, body) = operation(bytes)?;
    let decoded = Input::decode(operation, format, &Bytes::copy_from_slice(body));
    match &decoded {
        Ok(input) => assert_eq!(input.operation(), operation),
        Err(refusal) => {
            let mut answer = Vec::new();
            ApiError::from(refusal.clone()).encode_to(format, &mut answer);
            assert!(answer.len() < ERROR_BYTES_MAX, "{} bytes", answer.len());
        }
    }
    Some(decoded)
}

pub fn json_request(bytes: &[u8]) {
    request(Format::Json, bytes);
}

pub fn cbor_request(bytes: &[u8]) {
    request(Format::Cbor, bytes);
}

/// Also operations that are not published are tried, for which there are no messages.
pub fn protobuf_request(bytes: &[u8]) {
    if let Some((operation, _)) = operation(bytes)
        && let Some(shapes) = published(operation)
    {
        request(Format::Protobuf(shapes), bytes);
    }
}

/// What a member of a group says, first and later: it is read, or refused with a text that is not much longer.
pub fn join_request(bytes: &[u8]) {
    use prost::Message as _;
    let Ok(request) = millstream_proto::v1::JoinRequest::decode(bytes) else { return };
    let first = Start::read(request.clone()).map(drop);
    for refusal in [first, millstream_group::read_request(request)].into_iter().filter_map(Result::err) {
        // A character may be shown by ten.
        assert!(refusal.to_string().len() <= 10 * bytes.len() + 300, "{refusal}");
    }
}

/// The messages of an operation that both wires have by the same name.
fn published(operation: Operation) -> Option<Shapes> {
    let of = |service: &str| Shapes::of(&format!("millstream.v1.{service}/{operation}"));
    of("Streams").or_else(|| of("Records"))
}

/// A request made from the bytes as choices, right or wrong: all formats say the same of it.
pub fn agreement(bytes: &[u8]) {
    let Some((operation, choices)) = operation(bytes) else { return };
    let choices: Vec<_> =
        choices.as_chunks::<2>().0.iter().map(|choice| u16::from_le_bytes(*choice)).collect();
    let flawed = choices.len() % 4 != 0;
    let body = Tape::new(&choices, flawed).request(Model::Kinesis.input_of(operation.name()));
    let decode = |format, body: Vec<u8>| Input::decode(operation, format, &Bytes::from(body));
    let json = decode(Format::Json, body.to_json().into_bytes());
    assert_eq!(decode(Format::Cbor, body.to_cbor(true)), json, "{operation} {body:?}");
    assert_eq!(decode(Format::Cbor, body.to_cbor(false)), json, "{operation} {body:?}");
    if let Some(shapes) = published(operation)
        && let Some(protobuf) = written(&body, shapes.input())
    {
        assert_eq!(decode(Format::Protobuf(shapes), protobuf), json, "{operation} {body:?}");
    }
    if !flawed {
        assert!(json.is_ok(), "{operation} {body:?}: {json:?}");
    }
}

/// A request of DynamoDB for the operation that the first byte names. Its values become those of the table service, or
/// are refused.
pub fn dynamodb_request(bytes: &[u8]) {
    use dynamodb::generated::{Input, Operation};
    let Some((first, body)) = bytes.split_first() else { return };
    let operation = Operation::ALL[usize::from(*first) % Operation::ALL.len()];
    match Input::decode(operation, Format::Json, &Bytes::copy_from_slice(body)) {
        Ok(Input::PutItem(input)) => {
            let _ = dynamodb::service::values::item(input.item);
        }
        Ok(input) => assert_eq!(input.operation(), operation),
        Err(refusal) => {
            let mut answer = Vec::new();
            ApiError::from(refusal).encode_to(Format::Json, &mut answer);
            assert!(answer.len() < ERROR_BYTES_MAX, "{} bytes", answer.len());
        }
    }
}

/// A request of DynamoDB or its streams in protobuf, for the operation that the first byte names: the members of a
/// request that can be read are those of its JSON.
pub fn tables_protobuf_request(bytes: &[u8]) {
    use dynamodb::generated::{Input, Operation};
    use dynamodb::streams::generated as streams;
    let Some((first, body)) = bytes.split_first() else { return };
    let (index, body) = (usize::from(*first), Bytes::copy_from_slice(body));
    let place = index % (Operation::ALL.len() + streams::Operation::ALL.len());
    let refusal = match Operation::ALL.get(place) {
        Some(operation) => {
            let Some(shapes) = Shapes::of(&format!("millstream.v1.Tables/{operation}")) else { return };
            match Input::decode(*operation, Format::Protobuf(shapes), &body) {
                Ok(Input::PutItem(input)) => return drop(dynamodb::service::values::item(input.item)),
                Ok(input) => return assert_eq!(input.operation(), *operation),
                Err(refusal) => refusal,
            }
        }
        None => {
            let operation = streams::Operation::ALL[place - Operation::ALL.len()];
            let Some(shapes) = Shapes::of(&format!("millstream.v1.TableStreams/{operation}")) else { return };
            match streams::Input::decode(operation, Format::Protobuf(shapes), &body) {
                Ok(input) => return assert_eq!(input.operation(), operation),
                Err(refusal) => refusal,
            }
        }
    };
    let mut answer = Vec::new();
    ApiError::from(refusal).encode_to(Format::Json, &mut answer);
    assert!(answer.len() < ERROR_BYTES_MAX, "{} bytes", answer.len());
}

/// A request to a table, made from the bytes as choices, right or wrong: JSON and protobuf say the same of it.
pub fn tables_agreement(bytes: &[u8]) {
    use dynamodb::generated::{Input, Operation};
    let Some((first, choices)) = bytes.split_first() else { return };
    let operation = Operation::ALL[usize::from(*first) % Operation::ALL.len()];
    let choices: Vec<_> =
        choices.as_chunks::<2>().0.iter().map(|choice| u16::from_le_bytes(*choice)).collect();
    let input = Model::Tables.input_of(operation.name());
    let body = Tape::new(&choices, choices.len() % 4 != 0).request(input);
    let Some(shapes) = Shapes::of(&format!("millstream.v1.Tables/{operation}")) else { return };
    if let Some(protobuf) = written(&body, shapes.input()) {
        let decode = |format, body: Vec<u8>| Input::decode(operation, format, &Bytes::from(body));
        let json = decode(Format::Json, body.to_json().into_bytes());
        assert_eq!(decode(Format::Protobuf(shapes), protobuf), json, "{operation} {body:?}");
    }
}

/// gRPC's frames, in pieces.
pub fn grpc_frames(bytes: &[u8]) {
    crate::grpc::check_messages(bytes);
}

/// Parameters of the query protocol, made a body that CloudWatch reads.
pub fn query_form(bytes: &[u8]) {
    use cloudwatch::generated::{Input, Operation};
    let Some(form) = Form::parse(bytes) else { return };
    let decoded = Input::decode(Operation::PutMetricData, Format::Json, &form.into_json());
    assert_ne!(decoded, Err(Refusal::Malformed), "what is made of a form is well-formed");
}

/// The first bytes of a connection: once they tell a protocol, more bytes do not change it.
pub fn first_bytes(bytes: &[u8]) {
    let mut told = None;
    for end in 0..=bytes.len() {
        let now = tell(&bytes[..end]);
        assert!(told.is_none() || now == told, "{told:?} became {now:?}");
        told = now;
    }
}

/// What a request says of who sends it: a query, and behind a line break a header.
pub fn credentials(bytes: &[u8]) {
    let (query, header) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], Some(&bytes[end + 1..])),
        None => (bytes, None),
    };
    let mut request = Request::builder().uri([b"/?", query].concat());
    if let Some(header) = header {
        request = request.header("authorization", header).header("x-amz-date", "20260102T030405Z");
    }
    let (Ok(request), Ok(account)) = (request.body(()), "000000000000".parse()) else { return };
    if let Ok(caller) = caller(&request.into_parts().0, &account) {
        assert_eq!(caller.account.as_str().len(), 12);
    }
}

/// A policy: whatever it says, it is taken or refused with a text that is not much longer.
pub fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let subject = Subject {
        service: "kinesis",
        actions: &["GetRecords", "PutRecord"],
        arn: "arn:aws:kinesis:us-east-1:123456789012:stream/orders".to_owned(),
    };
    if let Err(fault) = check(text, &subject) {
        // A character may be shown by ten.
        assert!(fault.to_string().len() <= 10 * text.len() + 300);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Inputs that fuzzers found.
    const FOUND: &[&[u8]] = &[];

    fn all(bytes: &[u8]) {
        json_request(bytes);
        cbor_request(bytes);
        protobuf_request(bytes);
        join_request(bytes);
        agreement(bytes);
        first_bytes(bytes);
        credentials(bytes);
        policy(bytes);
        dynamodb_request(bytes);
        query_form(bytes);
    }

    #[test]
    fn what_was_found_stays_fixed() {
        FOUND.iter().for_each(|bytes| all(bytes));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            all(&bytes);
        }

        #[test]
        fn any_first_bytes_are_told(end in 0_usize..15, rest in prop::collection::vec(any::<u8>(), 0..20)) {
            first_bytes(&[&b"PRI * HTTP/2.0"[..end.min(14)], &rest].concat());
        }

        #[test]
        fn any_credentials_are_read(
            header in "(AWS4-HMAC-SHA256 )?((Credential|Signature|SignedHeaders|X)=?[a-z0-9/=]{0,9}[, ]{0,2}){0,5}",
            query in "((X-Amz-)?(Algorithm|Credential|Date|Signature|SignedHeaders)=?[a-z0-9/%=]{0,9}&?){0,6}",
        ) {
            credentials(format!("{query}\n{header}").as_bytes());
            credentials(query.as_bytes());
        }
    }
}
