//! Signed heads for bodies that are sent once each, thousands a second.
//!
//! All that a second's heads have in common is made once in that second, by the signer itself; what is left for each
//! is to hash the body and its canonical request and to sign the result. The heads are the signer's but for the
//! order of their fields.

use std::fmt::Write as _;
use std::sync::Arc;

use aws_sigv4::sign::v4::calculate_signature;
use bytes::Bytes;

use super::{BodyHash, Operation, Protocol, Signer};
use crate::error::Error;

/// Makes the heads of one operation. Every connection has its own, so nothing is locked.
#[derive(Debug)]
pub(crate) struct Heads {
    signer: Arc<Signer>,
    operation: Operation,
    protocol: Protocol,
    form: Option<Form>,
}

/// A second's heads and their canonical requests, without what depends on the body.
#[derive(Debug)]
struct Form {
    unix_secs: u64,
    key: Vec<u8>,
    /// All of the head before the signature.
    head: String,
    /// All of the canonical request before the hash of the body.
    canonical: String,
    /// All of the string to sign before the hash of the canonical request.
    to_sign: String,
}

impl Heads {
    pub(crate) fn new(signer: Arc<Signer>, operation: Operation, protocol: Protocol) -> Self {
        Self { signer, operation, protocol, form: None }
    }

    /// The request line and headers for a body, signed now.
    pub(crate) fn head(&mut self, body: &[u8]) -> Result<Bytes, Error> {
        let now = self.signer.now_unix_secs();
        let form = match self.form.take() {
            Some(form) if form.unix_secs == now => form,
            _ => Form::new(&self.signer, self.operation, self.protocol, now)?,
        };
        let head = form.head(body);
        self.form = Some(form);
        Ok(Bytes::from(head))
    }
}

impl Form {
    fn new(signer: &Signer, operation: Operation, protocol: Protocol, unix_secs: u64) -> Result<Self, Error> {
        let mut fields = signer.fields(operation, protocol, &BodyHash::of(b""))?;
        fields.push(("host".to_owned(), signer.authority().to_owned()));
        let field = |name: &str| {
            let found = fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
            found.ok_or_else(|| Error::Signing(format!("{name} is not there")))
        };
        // Credential=KEY/SCOPE, SignedHeaders=NAMES, Signature=HEX
        let authorization = field("authorization")?;
        let unexpected = || Error::Signing("an unexpected authorization".to_owned());
        let (unsigned, _) = authorization.rsplit_once("Signature=").ok_or_else(unexpected)?;
        let (_, rest) = unsigned.split_once("Credential=").ok_or_else(unexpected)?;
        let (credential, rest) = rest.split_once(", SignedHeaders=").ok_or_else(unexpected)?;
        let (_, scope) = credential.split_once('/').ok_or_else(unexpected)?;
        let names = rest.trim_end_matches(", ");
        let mut canonical = "POST\n/\n\n".to_owned();
        let mut head = "POST / HTTP/1.1\r\n".to_owned();
        // Writing to a string cannot fail.
        for name in names.split(';') {
            let _ = writeln!(canonical, "{name}:{}", field(name)?);
        }
        let _ = write!(canonical, "\n{names}\n");
        for (name, value) in fields.iter().filter(|(name, _)| name != "authorization") {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "authorization: {unsigned}Signature=");
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n", field("x-amz-date")?);
        let key = signer.key(operation.service(), unix_secs);
        Ok(Self { unix_secs, key, head, canonical, to_sign })
    }

    fn head(&self, body: &[u8]) -> String {
        let mut canonical = String::with_capacity(self.canonical.len() + BodyHash::HEX_CHARS);
        canonical.push_str(&self.canonical);
        canonical.push_str(BodyHash::of(body).as_str());
        let mut to_sign = String::with_capacity(self.to_sign.len() + BodyHash::HEX_CHARS);
        to_sign.push_str(&self.to_sign);
        to_sign.push_str(BodyHash::of(canonical.as_bytes()).as_str());
        let signature = calculate_signature(&self.key, to_sign.as_bytes());
        format!("{}{signature}\r\ncontent-length: {}\r\n\r\n", self.head, body.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use millstream_runtime::ManualClock;
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{Credentials, Endpoint, Trust};

    fn signer(session_token: Option<String>, clock: &ManualClock) -> Arc<Signer> {
        let credentials = Credentials::new("AKIDEXAMPLE", "wJalr/EXAMPLEKEY", session_token);
        let endpoint = Endpoint::parse("http://127.0.0.1:4567", &Trust::PublicAuthorities).unwrap();
        Arc::new(Signer::new(credentials, "eu-west-1".to_owned(), endpoint, clock.shared()))
    }

    /// The request line apart from the fields.
    fn lines(head: &[u8]) -> (String, BTreeSet<String>) {
        let text = std::str::from_utf8(head).unwrap().strip_suffix("\r\n\r\n").unwrap();
        let (line, fields) = text.split_once("\r\n").unwrap();
        (line.to_owned(), fields.split("\r\n").map(str::to_owned).collect())
    }

    proptest! {
        /// Seconds, minutes and days go by between the bodies, and several share a second.
        #[test]
        fn heads_are_those_of_the_signer(
            bodies in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..500), 0..200_000_000_u64), 1..8),
            token in prop::option::of("[a-zA-Z0-9/+=]{1,40}"),
        ) {
            let clock = ManualClock::starting_at(Duration::from_secs(1_767_323_045));
            let signer = signer(token, &clock);
            for operation in [Operation::UpdateItem, Operation::PutRecord] {
                let mut heads = Heads::new(Arc::clone(&signer), operation, Protocol::Json);
                for (body, millis) in &bodies {
                    let expected = signer
                        .head(operation, Protocol::Json, &BodyHash::of(body), body.len())
                        .unwrap();
                    prop_assert_eq!(lines(&heads.head(body).unwrap()), lines(&expected));
                    prop_assert_eq!(lines(&heads.head(body).unwrap()), lines(&expected));
                    clock.advance(Duration::from_millis(*millis));
                }
            }
        }
    }

    #[test]
    fn a_table_is_called_in_its_own_name() {
        let clock = ManualClock::starting_at(Duration::from_secs(1_767_323_045));
        let head = signer(None, &clock)
            .head(Operation::UpdateItem, Protocol::Json, &BodyHash::of(b"{}"), 2)
            .unwrap();
        let head = String::from_utf8(head.to_vec()).unwrap();
        assert!(head.contains("/20260102/eu-west-1/dynamodb/aws4_request,"), "{head}");
        assert!(head.contains("\r\nx-amz-target: DynamoDB_20120810.UpdateItem\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-type: application/x-amz-json-1.0\r\n"), "{head}");
    }
}
