//! Whose streams a call means: metadata name the account and the region, else they are the server's own.

use hyper::http::request::Parts;
use millstream_model::{AccountId, Region};

use super::status::refused;
use crate::aws::caller::Caller;
use crate::aws::codec::{ApiError, ProtocolError};

/// Fails for metadata that are no account or no region.
pub(super) fn caller(parts: &Parts, default: &Caller) -> Result<Caller, ApiError> {
    let account = metadata::<AccountId>(parts, millstream_proto::ACCOUNT)?;
    let region = metadata::<Region>(parts, millstream_proto::REGION)?;
    Ok(Caller {
        account: account.unwrap_or_else(|| default.account.clone()),
        region: region.unwrap_or_else(|| default.region.clone()),
    })
}

fn metadata<T: std::str::FromStr>(parts: &Parts, name: &'static str) -> Result<Option<T>, ApiError> {
    let Some(value) = parts.headers.get(name) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let parsed = text.parse().map_err(|_| {
        refused(ProtocolError::UnrecognizedClient, format!("The metadata {name} cannot be '{text}'."))
    });
    parsed.map(Some)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn metadata_name_whose_streams_are_meant() {
        let default =
            Caller { account: "000000000000".parse().unwrap(), region: "us-east-1".parse().unwrap() };
        let of = |headers: &[(&str, &str)]| {
            let request = headers
                .iter()
                .fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
            caller(&request.body(()).unwrap().into_parts().0, &default)
        };
        assert_eq!(of(&[]).unwrap(), default);
        let other =
            of(&[("millstream-account", "123456789012"), ("millstream-region", "eu-west-1")]).unwrap();
        assert_eq!((other.account.as_str(), other.region.as_str()), ("123456789012", "eu-west-1"));
        let error = of(&[("millstream-account", "me")]).unwrap_err();
        assert_eq!(error.code(), "UnrecognizedClientException");
    }
}
