//! Errors as DynamoDB writes them: with the package in which each is defined in front of its name.

use bytestring::ByteString;

use crate::aws::codec::{ApiError, Encode, Writer};

/// What the table service itself answers.
const SERVICE: &str = "com.amazonaws.dynamodb.v20120810#";
const VALIDATION: &str = "com.amazon.coral.validate#";
/// What is answered before the table service is asked.
const FRAMEWORK: &str = "com.amazon.coral.service#";

/// An error with its package.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packaged<'e>(pub(super) &'e ApiError);

fn package(code: &str) -> &'static str {
    match code {
        "ValidationException" => VALIDATION,
        "AccessDeniedException"
        | "ExpiredTokenException"
        | "IncompleteSignatureException"
        | "InternalFailure"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "SerializationException"
        | "ServiceUnavailableException"
        | "ThrottlingException"
        | "UnknownOperationException"
        | "UnrecognizedClientException" => FRAMEWORK,
        _ => SERVICE,
    }
}

impl Encode for Packaged<'_> {
    fn encode<W: Writer>(&self, writer: &mut W) {
        let code = self.0.code();
        let message_member =
            if code == "AccessDeniedException" { "Message" } else { self.0.message_member() };
        self.0.encode_as(&ByteString::from(format!("{}{code}", package(code))), message_member, writer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::codec::{ErrorCode, Format, ProtocolError, encode};
    use crate::aws::dynamodb::generated::{CancellationReason, Exception, TransactionCanceledException};

    fn written(error: &ApiError) -> String {
        let mut out = Vec::new();
        encode(Format::Json, &Packaged(error), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn errors_name_their_package() {
        let error = |code: ProtocolError| written(&ApiError::new(code, "x"));
        assert_eq!(
            error(ProtocolError::Validation),
            r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"x"}"#
        );
        assert_eq!(
            error(ProtocolError::Serialization),
            r#"{"__type":"com.amazon.coral.service#SerializationException","Message":"x"}"#
        );
        assert_eq!(
            error(ProtocolError::AccessDenied),
            r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"x"}"#
        );
        for exception in Exception::ALL {
            let package = if exception == Exception::Throttling { FRAMEWORK } else { SERVICE };
            let text = written(&ApiError::bare(exception));
            assert_eq!(text, format!(r#"{{"__type":"{package}{}"}}"#, exception.code()));
        }
    }

    #[test]
    fn a_cancelled_transaction_lists_its_reasons() {
        let reason = CancellationReason { code: Some("None".into()), ..CancellationReason::default() };
        let error = TransactionCanceledException { cancellation_reasons: Some(vec![reason]) }.error("why");
        assert_eq!(
            written(&error),
            concat!(
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","#,
                r#""Message":"why","CancellationReasons":[{"Code":"None"}]}"#
            )
        );
    }
}
