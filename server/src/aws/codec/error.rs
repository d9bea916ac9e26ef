//! Answers that are errors: their code, status and text, in the form that AWS gives them.
//!
//! The codes of a service's own exceptions are generated from its model; here are those that every service
//! answers before an operation has begun. What an engine's error means to a client is not decided here.

use std::borrow::Cow;

use bytestring::ByteString;

use super::encode::{Encode, MemberWriter, Writer};
use super::recording::Recording;

/// The code of an error, as clients match on it.
pub trait ErrorCode: Copy {
    fn code(self) -> &'static str;

    /// HTTP status.
    fn status(self) -> u16;

    /// The name of the member that holds the text.
    fn message_member(self) -> &'static str {
        "message"
    }
}

/// Errors that are no operation's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    AccessDenied,
    ExpiredToken,
    IncompleteSignature,
    InternalFailure,
    InvalidSignature,
    MissingAuthenticationToken,
    Serialization,
    ServiceUnavailable,
    Throttling,
    UnknownOperation,
    UnrecognizedClient,
    Validation,
}

impl ErrorCode for ProtocolError {
    fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::InternalFailure => "InternalFailure",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::Serialization => "SerializationException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::Throttling => "ThrottlingException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::Validation => "ValidationException",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::InternalFailure => 500,
            Self::ServiceUnavailable => 503,
            _ => 400,
        }
    }

    /// AWS writes a capital M for serialization errors alone.
    fn message_member(self) -> &'static str {
        if self == Self::Serialization { "Message" } else { "message" }
    }
}

/// An error as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {}", message.as_deref().unwrap_or("no message"))]
pub struct ApiError {
    code: &'static str,
    status: u16,
    message: Option<Cow<'static, str>>,
    message_member: &'static str,
    /// What the error says beside its text, by member.
    details: Vec<(&'static str, Recording)>,
}

impl ApiError {
    #[must_use]
    pub fn new(code: impl ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: Some(message.into()), ..Self::bare(code) }
    }

    /// Without a text, as AWS answers what it could not parse.
    #[must_use]
    pub fn bare(code: impl ErrorCode) -> Self {
        let (message, details) = (None, Vec::new());
        Self {
            code: code.code(),
            status: code.status(),
            message,
            message_member: code.message_member(),
            details,
        }
    }

    /// Says more than a text.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: Option<&impl Encode>) -> Self {
        self.details.extend(value.map(|value| (member, Recording::of(value))));
        self
    }

    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether it says more than a text.
    pub(crate) fn says_more(&self) -> bool {
        !self.details.is_empty()
    }

    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

/// `{"__type": ..., "message": ...}`, and what else the error says.
impl Encode for ApiError {
    fn encode<W: Writer>(&self, writer: &mut W) {
        self.encode_as(&ByteString::from_static(self.code), self.message_member, writer);
    }
}

impl ApiError {
    /// Under the name of a type that is not the code alone.
    pub(crate) fn encode_as<W: Writer>(
        &self,
        name: &ByteString,
        message_member: &'static str,
        writer: &mut W,
    ) {
        let mut members = MemberWriter::open(writer);
        members.required("__type", name);
        if let Some(message) = self.message() {
            members.required(message_member, &ByteString::from(message));
        }
        for (member, value) in &self.details {
            members.required(member, value);
        }
        members.close();
    }

    pub(crate) fn message_member(&self) -> &'static str {
        self.message_member
    }
}

/// Why a body is not an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a well-formed body with a structure at its root. AWS answers this before it authenticates.
    #[error("the body is malformed")]
    Malformed,
    /// A value is of another type than the model's.
    #[error("{0}")]
    WrongType(Cow<'static, str>),
    /// Constraints of the model are broken.
    #[error("{0}")]
    Invalid(String),
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::bare(ProtocolError::Serialization),
            Refusal::WrongType(text) => Self::new(ProtocolError::Serialization, text),
            Refusal::Invalid(text) => Self::new(ProtocolError::Validation, text),
        }
    }
}
