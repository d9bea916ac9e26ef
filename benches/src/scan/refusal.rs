//! Replies that are errors.

use super::{cbor, json};
use crate::wire::{Protocol, Reply};

/// What an error reply says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The exception's name, as SDKs show it, or the HTTP status when there is none.
    pub(crate) kind: String,
    pub(crate) message: String,
}

impl Refusal {
    /// `None` for a success.
    pub(crate) fn of(reply: Reply<'_>, protocol: Protocol) -> Option<Self> {
        if reply.status == 200 {
            return None;
        }
        let member = |name: &str| match protocol {
            Protocol::Json => json::text_member(reply.body, format!("\"{name}\"").as_bytes()),
            Protocol::Cbor => cbor::text_member(reply.body, name.as_bytes()),
        };
        let kind = member("__type").map(|qualified| unqualified(&qualified).to_owned());
        let message = member("message").or_else(|| member("Message"));
        Some(Self {
            kind: kind.unwrap_or_else(|| format!("HTTP {}", reply.status)),
            message: message.unwrap_or_default().into_owned(),
        })
    }

    /// The target asks for patience; nothing is wrong with the request.
    pub(crate) fn is_throttle(&self) -> bool {
        is_throttle(&self.kind)
    }
}

/// Error codes that mean "later", in error replies and in the entries of PutRecords alike.
pub(crate) fn is_throttle(kind: &str) -> bool {
    matches!(
        kind,
        "ProvisionedThroughputExceededException"
            | "LimitExceededException"
            | "RequestLimitExceeded"
            | "ThrottlingException"
    )
}

/// `com.amazon.coral.service#SerializationException` and `Type:http://…` lose all but the name.
fn unqualified(kind: &str) -> &str {
    let name = kind.rsplit('#').next().unwrap_or(kind);
    name.split(':').next().unwrap_or(name)
}
