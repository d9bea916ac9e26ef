//! The connection below the calls: HTTP/2 on hyper, TLS as the AWS wire has it.

use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tonic::body::Body;

use crate::aws::AwsSettings;
use crate::error::{Error, Result};

/// What the server may send ahead on one call, and on all of them.
const STREAM_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// A connection on which nothing comes is asked whether it lives: calls that stream would otherwise wait for a server
/// that is gone.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) type Transport = Client<HttpsConnector<HttpConnector>, Body>;

/// Makes transports.
pub(super) trait Reach: Sized {
    /// A connection to the endpoint, which is made when it is first needed; and what requests name as their origin.
    fn to(url: &str, settings: &AwsSettings) -> Result<(Self, Uri)>;
}

impl Reach for Transport {
    fn to(url: &str, settings: &AwsSettings) -> Result<(Self, Uri)> {
        let wrong =
            |reason: &str| Error::Configuration(format!("the endpoint {url:?} is not a URL: {reason}"));
        let (is_encrypted, plain) = match (url.strip_prefix("grpc://"), url.strip_prefix("grpcs://")) {
            (Some(rest), _) => (false, format!("http://{rest}")),
            (_, Some(rest)) => (true, format!("https://{rest}")),
            _ => return Err(wrong("it has to begin with grpc:// or grpcs://")),
        };
        let origin: Uri = plain.parse().map_err(|_| wrong("it names no host"))?;
        if origin.host().is_none_or(str::is_empty) || !matches!(origin.path(), "" | "/") {
            return Err(wrong("it has to name a host and a port, and nothing else"));
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(crate::aws::CONNECT_TIMEOUT));
        // Without TLS nobody needs the system's certificates.
        let tls = if is_encrypted { settings.tls_config()? } else { settings.no_tls_config()? };
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http2();
        let client = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .timer(TokioTimer::new())
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .build(https.wrap_connector(tcp));
        Ok((client, origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_is_named() {
        for url in
            ["", "grpc://", "http://localhost", "grpc://a b", "grpc://localhost:4566/path", "grpcs:///x"]
        {
            let error = Transport::to(url, &AwsSettings::default()).map(|_| ()).unwrap_err();
            assert!(matches!(&error, Error::Configuration(message) if message.contains(url)), "{error:?}");
        }
        let (_, origin) = Transport::to("grpc://127.0.0.1:4566", &AwsSettings::default()).unwrap();
        assert_eq!(origin, "http://127.0.0.1:4566/");
    }
}
