//! From the SDK's errors to ours, by the error codes on the wire.

use std::error::Error as StdError;

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::event_stream::RawMessage;

use crate::error::Error;

/// What a failed call means.
pub(super) fn of_call<E>(error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            let metadata = context.err().meta();
            Error::of_code(metadata.code(), metadata.message().unwrap_or("(no message)"), status)
        }
        SdkError::ResponseError(ref context) => of_unreadable(context.raw().status().as_u16(), &error),
        SdkError::ConstructionFailure(_) => Error::Unsendable(innermost(&error)),
        SdkError::TimeoutError(_) => Error::ConnectionLost(innermost(&error)),
        SdkError::DispatchFailure(ref failure) => match failure.as_connector_error() {
            Some(connector) => of_connection(connector),
            None => Error::ConnectionLost(innermost(&error)),
        },
        other => Error::ConnectionLost(innermost(&other)),
    }
}

/// What ended an answer that comes in events. Exceptions among them have no status of their own.
pub(super) fn of_event<E>(error: SdkError<E, RawMessage>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let metadata = context.err().meta();
            Error::of_code(metadata.code(), metadata.message().unwrap_or("(no message)"), 400)
        }
        SdkError::ResponseError(_) => Error::UnreadableReply(innermost(&error)),
        other => Error::ConnectionLost(innermost(&other)),
    }
}

fn of_unreadable(status: u16, error: &(dyn StdError + 'static)) -> Error {
    let message = innermost(error);
    if find::<hyper::Error>(error).is_some() {
        return Error::ConnectionLost(message);
    }
    // A proxy's page is no reply of the service; only its status can be believed.
    if status >= 500 {
        Error::ServiceUnavailable { status, message }
    } else {
        Error::UnreadableReply(message)
    }
}

fn of_connection(error: &ConnectorError) -> Error {
    if let Some(ours) = find::<Error>(error) {
        return ours.clone();
    }
    if find::<aws_credential_types::provider::error::CredentialsError>(error).is_some() {
        return Error::Credentials(innermost(error));
    }
    if error.is_user() {
        return Error::Unsendable(innermost(error));
    }
    if let Some(rustls::Error::InvalidCertificate(reason)) = find::<rustls::Error>(error) {
        return Error::Untrusted(reason.to_string());
    }
    match find::<hyper_util::client::legacy::Error>(error) {
        Some(hyper) if hyper.is_connect() => Error::Unreachable(innermost(error)),
        _ => Error::ConnectionLost(innermost(error)),
    }
}

/// What went wrong below a call of another wire, if anything did.
#[cfg(feature = "grpc")]
pub(crate) fn of_transport(error: &(dyn StdError + 'static)) -> Option<Error> {
    if let Some(rustls::Error::InvalidCertificate(reason)) = find::<rustls::Error>(error) {
        return Some(Error::Untrusted(reason.to_string()));
    }
    let legacy = find::<hyper_util::client::legacy::Error>(error);
    if legacy.is_none() && find::<hyper::Error>(error).is_none() {
        return None;
    }
    let message = innermost(error);
    Some(if legacy.is_some_and(hyper_util::client::legacy::Error::is_connect) {
        Error::Unreachable(message)
    } else {
        Error::ConnectionLost(message)
    })
}

/// The first error of type `E` in the chain of causes.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref::<E>())
}

/// The text of the deepest cause, which is the one that says what happened.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        // An I/O error's source skips the error that it wraps.
        Some(io) => io.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
        None => error.source(),
    })
}
