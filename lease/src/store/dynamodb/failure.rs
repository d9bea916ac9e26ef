//! From the SDK's errors to ours, by the error codes on the wire.

use std::error::Error as StdError;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::error::Error;
use crate::store::table::Table;

/// What a failed call on a table means; `None` when no reply came in time.
pub(super) fn of_call<E>(table: &Table, error: Option<&SdkError<E, HttpResponse>>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let Some(error) = error else {
        return Error::Unavailable("no reply in time".to_owned());
    };
    match error {
        SdkError::ServiceError(context) => {
            let meta = context.err().meta();
            let status = context.raw().status().as_u16();
            of_code(table, meta.code().unwrap_or_default(), meta.message().unwrap_or("(no message)"), status)
        }
        SdkError::ConstructionFailure(_) => {
            Error::Refused { code: "ConstructionFailure".to_owned(), message: with_causes(error) }
        }
        other => Error::Unavailable(with_causes(other)),
    }
}

/// An error and what it came from, without saying anything twice in a row.
fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

fn of_code(table: &Table, code: &str, message: &str, status: u16) -> Error {
    let message = message.to_owned();
    match code {
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "TransactionConflictException" => Error::Throttled(message),
        "ResourceNotFoundException" => Error::TableMissing(table.name.clone()),
        _ if status >= 500 => Error::Unavailable(message),
        _ if status == 429 => Error::Throttled(message),
        code => Error::Refused { code: code.to_owned(), message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_to_do() {
        let table = Table { name: "leases".to_owned(), key_attribute: "leaseKey" };
        let of = |code, status| of_code(&table, code, "m", status);
        assert!(of("ProvisionedThroughputExceededException", 400).has_no_side_effects());
        assert_eq!(of("ResourceNotFoundException", 400), Error::TableMissing("leases".to_owned()));
        assert!(!of("InternalServerError", 500).has_no_side_effects());
        assert!(!of("AccessDeniedException", 400).is_retryable());
    }
}
