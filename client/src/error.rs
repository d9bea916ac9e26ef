//! Why a call failed: the exceptions of Kinesis, and what can go wrong on the way there.
//!
//! Two questions decide what a caller may do next: [`Error::is_retryable`] (can the same call succeed
//! later?) and [`Error::has_no_side_effects`] (did it certainly not reach the log?).

use std::time::Duration;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    // What the service answered.
    #[error("access denied: {0}")]
    AccessDenied(String),
    #[error("the shard iterator has expired: {0}")]
    ExpiredIterator(String),
    #[error("the page token has expired: {0}")]
    ExpiredNextToken(String),
    #[error("the service failed: {0}")]
    InternalFailure(String),
    #[error("invalid argument: {0}")]
    InvalidArgument(String),
    #[error("a key of the key management service cannot be used ({fault:?}): {message}")]
    Kms { fault: KmsFault, message: String },
    /// Calls of control operations come too fast, or a quota is used up.
    #[error("limit exceeded: {0}")]
    LimitExceeded(String),
    /// A shard's write or read capacity is used up for the moment.
    #[error("throughput exceeded: {0}")]
    ProvisionedThroughputExceeded(String),
    #[error("in use: {0}")]
    ResourceInUse(String),
    #[error("not found: {0}")]
    ResourceNotFound(String),
    #[error("throttled: {0}")]
    Throttling(String),
    #[error("invalid request: {0}")]
    Validation(String),
    /// The signature, key or token was refused.
    #[error("not authenticated ({code}): {message}")]
    Unauthenticated { code: String, message: String },
    /// The service, or something in front of it, is not able to answer (any 5xx without a known code).
    #[error("the service is unavailable (status {status}): {message}")]
    ServiceUnavailable { status: u16, message: String },
    /// Any other refusal.
    #[error("refused ({code}, status {status}): {message}")]
    Refused { code: String, status: u16, message: String },

    // What went wrong on this side of the wire.
    /// The connection cannot be set up as configured.
    #[error("{0}")]
    Configuration(String),
    #[error("no credentials: {0}")]
    Credentials(String),
    /// What the calls go through has no such call.
    #[error("{0} is not offered here")]
    NotOffered(&'static str),
    /// The request could not be put into the wire's form.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
    /// No connection was established.
    #[error("cannot reach the service: {0}")]
    Unreachable(String),
    /// The other side is not whom it should be. Nothing was sent.
    #[error("the service's certificate is not trusted: {0}")]
    Untrusted(String),
    /// A connection broke after the request may have been sent.
    #[error("the connection was lost before the reply: {0}")]
    ConnectionLost(String),
    #[error("no reply within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the reply cannot be understood: {0}")]
    UnreadableReply(String),
}

/// What is wrong with the key of an encrypted stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KmsFault {
    AccessDenied,
    Disabled,
    InvalidState,
    NotFound,
    OptInRequired,
    Throttling,
}

impl Error {
    /// What an error code of the service means. `status` matters for unknown codes alone.
    #[must_use]
    pub fn of_code(code: Option<&str>, message: &str, status: u16) -> Self {
        let kms = |fault| Self::Kms { fault, message: message.to_owned() };
        let message = || message.to_owned();
        match code.unwrap_or_default() {
            "AccessDeniedException" | "AccessDenied" => Self::AccessDenied(message()),
            "ExpiredIteratorException" => Self::ExpiredIterator(message()),
            "ExpiredNextTokenException" => Self::ExpiredNextToken(message()),
            "InternalFailure" | "InternalFailureException" => Self::InternalFailure(message()),
            "InvalidArgumentException" => Self::InvalidArgument(message()),
            "KMSAccessDeniedException" => kms(KmsFault::AccessDenied),
            "KMSDisabledException" => kms(KmsFault::Disabled),
            "KMSInvalidStateException" => kms(KmsFault::InvalidState),
            "KMSNotFoundException" => kms(KmsFault::NotFound),
            "KMSOptInRequired" => kms(KmsFault::OptInRequired),
            "KMSThrottlingException" => kms(KmsFault::Throttling),
            "LimitExceededException" => Self::LimitExceeded(message()),
            "ProvisionedThroughputExceededException" => Self::ProvisionedThroughputExceeded(message()),
            "ResourceInUseException" => Self::ResourceInUse(message()),
            "ResourceNotFoundException" => Self::ResourceNotFound(message()),
            "ThrottlingException" | "Throttling" | "TooManyRequestsException" => Self::Throttling(message()),
            "ValidationException" => Self::Validation(message()),
            code @ ("ExpiredTokenException"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "UnrecognizedClientException") => {
                Self::Unauthenticated { code: code.to_owned(), message: message() }
            }
            _ if status >= 500 => Self::ServiceUnavailable { status, message: message() },
            _ if status == 429 => Self::Throttling(message()),
            code => Self::Refused { code: code.to_owned(), status, message: message() },
        }
    }

    /// Whether the same call can succeed later without anything being changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::InternalFailure(_)
            | Self::ServiceUnavailable { .. }
            | Self::Unreachable(_)
            | Self::ConnectionLost(_)
            | Self::TimedOut(_) => true,
            other => other.is_throttle(),
        }
    }

    /// Whether the service asked for fewer or slower calls.
    #[must_use]
    pub fn is_throttle(&self) -> bool {
        match self {
            // One code says that calls come too fast and that there are too many shards, which waiting does not change.
            Self::LimitExceeded(text) => !text.contains("would exceed the shard limit"),
            Self::ProvisionedThroughputExceeded(_)
            | Self::Throttling(_)
            | Self::Kms { fault: KmsFault::Throttling, .. } => true,
            _ => false,
        }
    }

    /// Whether the call certainly changed nothing. False means unknown: the reply may have been lost after
    /// the work was done, so that doing it again may do it twice.
    #[must_use]
    pub fn has_no_side_effects(&self) -> bool {
        !matches!(
            self,
            Self::InternalFailure(_)
                | Self::ServiceUnavailable { .. }
                | Self::ConnectionLost(_)
                | Self::TimedOut(_)
                | Self::UnreadableReply(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttles_are_retryable_and_changed_nothing() {
        let throttles = [
            Error::LimitExceeded("Rate exceeded for account 1.".to_owned()),
            Error::ProvisionedThroughputExceeded(String::new()),
            Error::Throttling(String::new()),
            Error::Kms { fault: KmsFault::Throttling, message: String::new() },
        ];
        for error in throttles {
            assert!(error.is_throttle() && error.is_retryable() && error.has_no_side_effects(), "{error:?}");
        }
    }

    #[test]
    fn waiting_does_not_cure_a_quota_of_shards() {
        let text = "This request would exceed the shard limit for the account 1 in region us-east-1.";
        let error = Error::LimitExceeded(text.to_owned());
        assert!(!error.is_throttle() && !error.is_retryable() && error.has_no_side_effects());
    }

    #[test]
    fn a_lost_reply_may_have_done_its_work() {
        for error in [Error::ConnectionLost(String::new()), Error::TimedOut(Duration::from_secs(1))] {
            assert!(error.is_retryable() && !error.has_no_side_effects(), "{error:?}");
        }
        let unreachable = Error::Unreachable(String::new());
        assert!(unreachable.is_retryable() && unreachable.has_no_side_effects());
        assert!(!Error::UnreadableReply(String::new()).is_retryable());
    }

    #[test]
    fn a_refusal_stays_one() {
        for error in [Error::Validation(String::new()), Error::ResourceNotFound(String::new())] {
            assert!(!error.is_retryable() && error.has_no_side_effects(), "{error:?}");
        }
    }

    #[test]
    fn codes_become_their_exceptions() {
        let text = || "m".to_owned();
        assert_eq!(Error::of_code(Some("LimitExceededException"), "m", 400), Error::LimitExceeded(text()));
        assert_eq!(Error::of_code(Some("InternalFailure"), "m", 500), Error::InternalFailure(text()));
        let kms = Error::Kms { fault: KmsFault::Throttling, message: text() };
        assert_eq!(Error::of_code(Some("KMSThrottlingException"), "m", 400), kms);
    }

    #[test]
    fn unknown_codes_are_told_by_their_status() {
        assert!(Error::of_code(Some("Strange"), "m", 400).has_no_side_effects());
        assert!(!Error::of_code(Some("Strange"), "m", 400).is_retryable());
        assert!(Error::of_code(None, "m", 502).is_retryable());
        assert!(!Error::of_code(None, "m", 502).has_no_side_effects());
        assert!(Error::of_code(None, "m", 429).is_throttle());
    }
}
