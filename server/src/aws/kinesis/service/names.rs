//! Which stream a request means: by name, by ARN, or by both; and which resource an ARN means.
//!
//! Requests may also carry a StreamId. This server never tells one, because an SDK that was told would send
//! its requests to AWS, whatever its endpoint. So an id says nothing beside a name or an ARN, and alone it
//! means a stream that is not here.

use bytestring::ByteString;
use millstream_engine::Resource;
use millstream_model::StreamArn;

use super::Answer;
use super::errors::invalid_argument;
use crate::aws::caller::Caller;
use crate::aws::codec::ApiError;
use crate::aws::kinesis::generated::Exception;

/// The stream that an input with the three usual members means.
macro_rules! stream_of {
    ($caller:expr, $input:expr) => {
        $crate::aws::kinesis::service::names::stream(
            $caller,
            $input.stream_name.as_ref(),
            $input.stream_arn.as_ref(),
            $input.stream_id.as_ref(),
        )
    };
}
pub(super) use stream_of;

/// The stream that a name in the caller's account and region, or an ARN, stands for. An ARN of another
/// account is followed: who may do that is decided by authorization.
pub(crate) fn stream(
    caller: &Caller,
    name: Option<&ByteString>,
    arn: Option<&ByteString>,
    id: Option<&ByteString>,
) -> Answer<StreamArn> {
    let by_arn = arn.map(parse).transpose()?;
    match (by_arn, name) {
        (Some(arn), Some(name)) if *name != arn.name.as_str() => {
            Err(invalid_argument(format!("StreamName {name} and StreamARN {arn} must name the same stream.")))
        }
        (Some(arn), _) => Ok(arn),
        (None, Some(name)) => named(caller, name),
        (None, None) => Err(match id {
            Some(id) => {
                let text = format!("Stream {id} under account {} not found.", caller.account);
                ApiError::new(Exception::ResourceNotFound, text)
            }
            None => invalid_argument("Either StreamName or StreamARN must be provided."),
        }),
    }
}

/// A stream of the caller's.
pub(super) fn named(caller: &Caller, name: &ByteString) -> Answer<StreamArn> {
    let name = name.parse().map_err(|error| invalid_argument(format!("StreamName: {error}")))?;
    Ok(caller.stream(name))
}

/// The resource that an ARN of the model's form stands for. One of another account is followed, like a stream's.
pub(super) fn resource(caller: &Caller, arn: &ByteString) -> Answer<Resource> {
    if let Ok(stream) = arn.parse() {
        return Ok(Resource::Stream(stream));
    }
    if let Ok(consumer) = arn.parse() {
        return Ok(Resource::Consumer(consumer));
    }
    // There may be such resources some day; at present there is none.
    let kind = arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next());
    if let Some("channel" | "queue") = kind {
        let text = format!("Resource {arn} under account {} not found.", caller.account);
        return Err(ApiError::new(Exception::ResourceNotFound, text));
    }
    Err(invalid_argument(format!("ResourceARN {arn} is not the ARN of a resource of Kinesis.")))
}

pub(super) fn parse(arn: &ByteString) -> Answer<StreamArn> {
    arn.parse().map_err(|_| invalid_argument(format!("StreamARN {arn} is not the ARN of a stream.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_callers_and_an_arn_is_followed() {
        let caller =
            Caller { account: "000000000000".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        let text = |name: Option<&'static str>, arn: Option<&'static str>| {
            let (name, arn) = (name.map(ByteString::from_static), arn.map(ByteString::from_static));
            stream(&caller, name.as_ref(), arn.as_ref(), None).map(|stream| stream.to_string())
        };
        let ours = "arn:aws:kinesis:eu-west-1:000000000000:stream/orders";
        let theirs = "arn:aws:kinesis:us-east-1:123456789012:stream/orders";
        assert_eq!(text(Some("orders"), None).unwrap(), ours);
        assert_eq!(text(None, Some(theirs)).unwrap(), theirs);
        assert_eq!(text(Some("orders"), Some(theirs)).unwrap(), theirs);
        assert!(text(Some("other"), Some(ours)).is_err());
        assert!(text(None, Some("arn:aws:kinesis:us-east-1:123456789012:stream/a/consumer/b:1")).is_err());
        assert!(text(None, None).is_err());
    }

    #[test]
    fn an_id_counts_only_where_it_is_alone() {
        let caller =
            Caller { account: "000000000000".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        let (name, id) =
            (ByteString::from_static("orders"), ByteString::from_static("abcdefghij0123456789-abc"));
        assert!(stream(&caller, Some(&name), None, Some(&id)).is_ok());
        let error = stream(&caller, None, None, Some(&id)).unwrap_err();
        assert_eq!(error.code(), "ResourceNotFoundException");
        assert_eq!(
            error.message(),
            Some("Stream abcdefghij0123456789-abc under account 000000000000 not found.")
        );
    }
}
