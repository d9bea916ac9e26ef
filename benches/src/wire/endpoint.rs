//! Where the target listens, and how to get a byte stream to it.

use std::fmt;
use std::io;
use std::sync::Arc;

use http::Uri;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls::{self, Trust};
use crate::error::Error;

/// A byte stream to the target, encrypted or not.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// A target's address, cheap to clone.
#[derive(Clone)]
pub(crate) struct Endpoint(Arc<Inner>);

struct Inner {
    host: String,
    port: u16,
    /// As it stands in the `Host` header, and thus in the signature.
    authority: String,
    tls: Option<Tls>,
}

struct Tls {
    name: ServerName<'static>,
    http1: TlsConnector,
    http2: TlsConnector,
}

impl Endpoint {
    pub(crate) fn parse(url: &str, trust: &Trust) -> Result<Self, Error> {
        let refuse = |reason: &str| Error::Usage(format!("--endpoint-url {url}: {reason}"));
        let uri: Uri = url.parse().map_err(|_| refuse("not a URL"))?;
        if !matches!(uri.path(), "" | "/") {
            return Err(refuse("a path is not supported"));
        }
        let authority = uri.authority().ok_or_else(|| refuse("no host"))?.clone();
        let encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(refuse("the scheme must be http or https")),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let tls = if encrypted {
            let name = ServerName::try_from(host.clone()).map_err(|_| refuse("not a host name"))?;
            let config = tls::client_config(trust)?;
            let mut http2 = config.clone();
            http2.alpn_protocols = vec![b"h2".to_vec()];
            Some(Tls { name, http1: Arc::new(config).into(), http2: Arc::new(http2).into() })
        } else {
            None
        };
        Ok(Self(Arc::new(Inner { host, port, authority: authority.to_string(), tls })))
    }

    pub(crate) fn authority(&self) -> &str {
        &self.0.authority
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.0.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.0.authority)
    }

    pub(super) async fn connect(&self) -> Result<Box<dyn Transport>, Error> {
        self.connect_with(|tls| &tls.http1).await
    }

    /// Agrees on HTTP/2 where there is TLS; where there is none, the target has to know.
    pub(super) async fn connect_http2(&self) -> Result<Box<dyn Transport>, Error> {
        self.connect_with(|tls| &tls.http2).await
    }

    async fn connect_with(&self, connector: fn(&Tls) -> &TlsConnector) -> Result<Box<dyn Transport>, Error> {
        let connected = self.open(connector).await;
        connected.map_err(|source| Error::Connect { endpoint: self.url(), source })
    }

    async fn open(&self, connector: fn(&Tls) -> &TlsConnector) -> io::Result<Box<dyn Transport>> {
        let stream = TcpStream::connect((self.0.host.as_str(), self.0.port)).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.0.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(connector(tls).connect(tls.name.clone(), stream).await?),
        })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Endpoint, Error> {
        Endpoint::parse(url, &Trust::PublicAuthorities)
    }

    #[test]
    fn keeps_the_host_header_as_given_and_finds_the_port() {
        let endpoint = parse("http://127.0.0.1:4566").unwrap();
        assert_eq!((endpoint.authority(), endpoint.0.port), ("127.0.0.1:4566", 4566));
        let endpoint = parse("https://kinesis.eu-west-1.amazonaws.com/").unwrap();
        assert_eq!((endpoint.authority(), endpoint.0.port), ("kinesis.eu-west-1.amazonaws.com", 443));
        assert_eq!(parse("http://[::1]:80").unwrap().0.host, "::1");
    }

    #[test]
    fn refuses_what_it_would_not_reach() {
        for url in ["", "127.0.0.1:4566", "ftp://host", "http://host/path", "https://"] {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
