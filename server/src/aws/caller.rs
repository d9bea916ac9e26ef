//! Who calls: account and region, from the credential scope of the request's signature.
//!
//! Any key is accepted and no signature is verified yet; but a request that is not signed at all, or
//! signed in a way that AWS could not read, gets AWS's answer.

use std::borrow::Cow;

use hyper::header::{AUTHORIZATION, DATE};
use hyper::http::request::Parts;
use millstream_model::{AccountId, Region, StreamArn, StreamName};

use super::codec::{ApiError, ProtocolError};

/// Owner and place of the streams that a request speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
}

impl Caller {
    /// The stream that the caller means by a name.
    pub(crate) fn stream(&self, name: StreamName) -> StreamArn {
        StreamArn { account: self.account.clone(), region: self.region.clone(), name }
    }
}

const AMZ_DATE: &str = "x-amz-date";

/// Reads the caller; `default_account` owns what an access key that is no account id creates.
pub(crate) fn caller(parts: &Parts, default_account: &AccountId) -> Result<Caller, ApiError> {
    let header = parts.headers.get(AUTHORIZATION).map(|value| match value.to_str() {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(value.as_bytes()),
    });
    let query = parts.uri.query().filter(|query| query.contains("X-Amz-"));
    let credential = match (&header, query) {
        (Some(_), Some(query)) if query.contains("X-Amz-Algorithm") => {
            let text =
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
            return Err(ApiError::new(ProtocolError::InvalidSignature, text));
        }
        (Some(header), _) => Cow::Borrowed(credential_of_header(header, has_date(parts))?),
        (None, Some(query)) => Cow::Owned(credential_of_query(query)?),
        (None, None) => {
            return Err(ApiError::new(
                ProtocolError::MissingAuthenticationToken,
                "Missing Authentication Token",
            ));
        }
    };
    scope(&credential, default_account)
}

fn has_date(parts: &Parts) -> bool {
    parts.headers.contains_key(AMZ_DATE) || parts.headers.contains_key(DATE)
}

/// The parts of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
fn credential_of_header(header: &str, has_date: bool) -> Result<&str, ApiError> {
    let rest = header.split_once(' ').map_or("", |(_, rest)| rest);
    let mut credential = None;
    let (mut has_signature, mut has_signed_headers) = (false, false);
    // By one character at a time, which is looked for several bytes at once.
    let parts = rest.split(',').flat_map(|part| part.split(' '));
    for part in parts.filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err(incomplete(format!(
                "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."
            )));
        };
        match name {
            "Credential" => credential = Some(value),
            "Signature" => has_signature = true,
            "SignedHeaders" => has_signed_headers = true,
            _ => {}
        }
    }
    let mut missing = String::new();
    for (present, name) in [
        (credential.is_some(), "Credential"),
        (has_signature, "Signature"),
        (has_signed_headers, "SignedHeaders"),
    ] {
        if !present {
            missing += &format!("Authorization header requires '{name}' parameter. ");
        }
    }
    if !has_date {
        missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    }
    match credential {
        Some(credential) if missing.is_empty() => Ok(credential),
        _ => Err(incomplete(format!("{missing}Authorization={header}"))),
    }
}

fn credential_of_query(query: &str) -> Result<String, ApiError> {
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.replace("%2F", "/").replace("%2f", "/"))
    };
    let names =
        ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
    let missing: String = names
        .iter()
        .filter(|name| value(name).is_none())
        .map(|name| format!("AWS query-string parameters must include '{name}'. "))
        .collect();
    match value("X-Amz-Credential") {
        Some(credential) if missing.is_empty() => Ok(credential),
        _ => Err(incomplete(format!("{missing}Re-examine the query-string parameters."))),
    }
}

/// `<access key>/<yyyyMMdd>/<region>/<service>/aws4_request`. A key of twelve digits is the account.
fn scope(credential: &str, default_account: &AccountId) -> Result<Caller, ApiError> {
    let mut elements = credential.split('/');
    let five: [Option<&str>; 5] = std::array::from_fn(|_| elements.next());
    let ([Some(key), _, Some(region), _, Some(_)], None) = (five, elements.next()) else {
        return Err(incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             '{credential}'"
        )));
    };
    let account = key.parse().unwrap_or_else(|_| default_account.clone());
    let region = region.parse().map_err(|_| {
        let text = format!("Credential should be scoped to a valid region, not '{region}'. ");
        ApiError::new(ProtocolError::InvalidSignature, text)
    })?;
    Ok(Caller { account, region })
}

fn incomplete(text: String) -> ApiError {
    ApiError::new(ProtocolError::IncompleteSignature, text)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn call(uri: &str, headers: &[(&str, &str)]) -> Result<Caller, ApiError> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        caller(&request.body(()).unwrap().into_parts().0, &"000000000000".parse().unwrap())
    }

    fn signed(credential: &str) -> Result<Caller, ApiError> {
        let header = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        call("/", &[("authorization", &header), ("x-amz-date", "20260102T030405Z")])
    }

    #[test]
    fn the_scope_names_account_and_region() {
        let caller = signed("test/20260102/eu-west-1/kinesis/aws4_request").unwrap();
        assert_eq!((caller.account.as_str(), caller.region.as_str()), ("000000000000", "eu-west-1"));
        let caller = signed("123456789012/20260102/us-east-1/kinesis/aws4_request").unwrap();
        assert_eq!(caller.account.as_str(), "123456789012");
    }

    #[test]
    fn a_presigned_request_names_them_in_its_query() {
        let query = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20260102%2Feu-west-1%2Fkinesis%2Faws4_request\
                     &X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
        assert_eq!(call(query, &[]).unwrap().region.as_str(), "eu-west-1");
        let text = call("/?X-Amz-Date=1", &[]).unwrap_err();
        assert!(
            text.message()
                .unwrap()
                .starts_with("AWS query-string parameters must include 'X-Amz-Algorithm'. ")
        );
    }

    #[test]
    fn unreadable_signatures_get_the_words_of_aws() {
        let message = |result: Result<Caller, ApiError>| {
            let error = result.unwrap_err();
            (error.code(), error.message().unwrap_or_default().to_owned())
        };
        assert_eq!(
            message(call("/", &[])),
            ("MissingAuthenticationTokenException", "Missing Authentication Token".into())
        );
        assert_eq!(
            message(call("/", &[("authorization", "AWS4-HMAC-SHA256 Signature=b")])).1,
            "Authorization header requires 'Credential' parameter. Authorization header requires 'SignedHeaders' \
             parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
             Authorization=AWS4-HMAC-SHA256 Signature=b"
        );
        assert_eq!(
            message(signed("a/b/c/d")),
            (
                "IncompleteSignatureException",
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 'a/b/c/d'"
                    .into()
            )
        );
        let both = call("/?X-Amz-Algorithm=x", &[("authorization", "AWS4-HMAC-SHA256 a=b")]);
        assert_eq!(message(both).0, "InvalidSignatureException");
        let not_a_pair = call("/", &[("authorization", "AWS4-HMAC-SHA256 Credential")]);
        assert!(message(not_a_pair).1.starts_with("'Credential' not a valid key=value pair"));
    }
}
