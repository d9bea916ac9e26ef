//! Request heads with an AWS Signature Version 4.
//!
//! A head is signed over the hash of its body, so a body that is sent many times is hashed once and its
//! head can be sent until the signature grows old. For bodies that are sent once each there is `heads`.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use millstream_runtime::SharedClock;
use sha2::{Digest, Sha256};

use super::{Endpoint, Message, Operation, Protocol, Service};
use crate::error::Error;

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Credentials(AwsCredentials);

impl Credentials {
    pub(crate) fn new(access_key_id: &str, secret_access_key: &str, session_token: Option<String>) -> Self {
        Self(AwsCredentials::from_keys(access_key_id, secret_access_key, session_token))
    }
}

/// Signs requests to one endpoint.
#[derive(Debug)]
pub(crate) struct Signer {
    credentials: Credentials,
    region: String,
    endpoint: Endpoint,
    clock: SharedClock,
}

/// Lower-case hex of a body's SHA-256, as a signature covers it.
#[derive(Clone, Debug)]
pub(crate) struct BodyHash(String);

impl BodyHash {
    pub(super) const HEX_CHARS: usize = 64;

    pub(crate) fn of(body: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = String::with_capacity(Self::HEX_CHARS);
        for byte in Sha256::digest(body) {
            hex.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
        }
        Self(hex)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Signer {
    pub(crate) fn new(
        credentials: Credentials,
        region: String,
        endpoint: Endpoint,
        clock: SharedClock,
    ) -> Self {
        Self { credentials, region, endpoint, clock }
    }

    /// A whole request, for bodies that are sent once.
    pub(crate) fn message(
        &self,
        operation: Operation,
        protocol: Protocol,
        body: Vec<u8>,
    ) -> Result<Message, Error> {
        let head = self.head(operation, protocol, &BodyHash::of(&body), body.len())?;
        Ok(Message { head, body: Bytes::from(body) })
    }

    /// The request line and headers for a body with this hash and length, signed now.
    pub(crate) fn head(
        &self,
        operation: Operation,
        protocol: Protocol,
        hash: &BodyHash,
        body_bytes: usize,
    ) -> Result<Bytes, Error> {
        let authority = self.endpoint.authority();
        let mut head = format!("POST / HTTP/1.1\r\nhost: {authority}\r\ncontent-length: {body_bytes}\r\n");
        for (name, value) in self.fields(operation, protocol, hash)? {
            // Writing to a string cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        Ok(Bytes::from(head))
    }

    /// The same for HTTP/2. The authority is signed as `host`, as the SDK for Java does it.
    pub(super) fn http2_head(
        &self,
        operation: Operation,
        protocol: Protocol,
        body: &[u8],
    ) -> Result<http::Request<()>, Error> {
        let mut request = http::Request::post(self.endpoint.url() + "/").header("content-length", body.len());
        for (name, value) in self.fields(operation, protocol, &BodyHash::of(body))? {
            request = request.header(name, value);
        }
        request.body(()).map_err(|error| Error::Signing(error.to_string()))
    }

    /// All header fields but the host and the length of the body.
    pub(super) fn fields(
        &self,
        operation: Operation,
        protocol: Protocol,
        hash: &BodyHash,
    ) -> Result<Vec<(String, String)>, Error> {
        let (target, service) = (operation.target(), operation.service());
        let (authority, content_type) = (self.endpoint.authority(), service.content_type(protocol));
        let signed = [("host", authority), ("content-type", content_type), ("x-amz-target", target.as_str())];
        let mut fields = self.signature(service, &signed, hash)?;
        fields.push((
            "user-agent".to_owned(),
            concat!("millstream-bench/", env!("CARGO_PKG_VERSION")).to_owned(),
        ));
        fields.push(("content-type".to_owned(), content_type.to_owned()));
        fields.push(("x-amz-target".to_owned(), target));
        Ok(fields)
    }

    pub(super) fn authority(&self) -> &str {
        self.endpoint.authority()
    }

    /// Seconds since 1970, which a signature is good for.
    pub(super) fn now_unix_secs(&self) -> u64 {
        self.clock.now().as_secs()
    }

    /// The key that all signatures of a service on the day of `unix_secs` are made with.
    pub(super) fn key(&self, service: Service, unix_secs: u64) -> Vec<u8> {
        let time = UNIX_EPOCH + Duration::from_secs(unix_secs);
        let secret = self.credentials.0.secret_access_key();
        v4::generate_signing_key(secret, time, &self.region, service.signing_name()).as_ref().to_vec()
    }

    /// The headers that a signature over `headers` and the body consists of.
    fn signature(
        &self,
        service: Service,
        headers: &[(&str, &str)],
        hash: &BodyHash,
    ) -> Result<Vec<(String, String)>, Error> {
        let identity = self.credentials.0.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service.signing_name())
            .time(UNIX_EPOCH + self.clock.now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| Error::Signing(error.to_string()))?
            .into();
        let url = self.endpoint.url() + "/";
        let body = SignableBody::Precomputed(hash.0.clone());
        let request = SignableRequest::new("POST", url, headers.iter().copied(), body)
            .map_err(|error| Error::Signing(error.to_string()))?;
        let (instructions, _) =
            sign(request, &params).map_err(|error| Error::Signing(error.to_string()))?.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use millstream_runtime::ManualClock;

    use super::*;
    use crate::wire::Trust;

    const JANUARY_2: Duration = Duration::from_secs(1_767_323_045); // 2026-01-02T03:04:05Z

    fn signer(session_token: Option<String>, key: &str) -> Signer {
        let credentials = Credentials::new(key, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", session_token);
        let endpoint = Endpoint::parse("http://127.0.0.1:4567", &Trust::PublicAuthorities).unwrap();
        let clock = ManualClock::starting_at(JANUARY_2).shared();
        Signer::new(credentials, "us-east-1".to_owned(), endpoint, clock)
    }

    fn head_of(signer: &Signer) -> String {
        let body = br#"{"StreamName": "s"}"#.to_vec();
        let message = signer.message(Operation::DescribeStreamSummary, Protocol::Json, body).unwrap();
        String::from_utf8(message.head.to_vec()).unwrap()
    }

    #[test]
    fn signs_as_other_implementations_do() {
        let head = head_of(&signer(None, "AKIDEXAMPLE"));
        assert!(head.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-target,"), "{head}");
        assert!(
            head.contains("Signature=fa138bcad2ab7b8f162f24e62d68584a1108b2fab2da838328a48a93b34b8995\r\n")
        );
        assert!(head.contains("content-length: 19\r\n") && head.ends_with("\r\n\r\n"));
    }

    #[test]
    fn signs_a_session_token() {
        let head = head_of(&signer(Some("TOKEN/abc+def==".to_owned()), "ASIAEXAMPLE"));
        assert!(head.contains("x-amz-security-token: TOKEN/abc+def==\r\n"));
        assert!(
            head.contains("Signature=d931bf1c4234b9fa8b7c585296d55898e9653500a02be2677d73cb274150f0eb\r\n")
        );
    }
}
