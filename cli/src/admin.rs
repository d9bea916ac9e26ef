//! The admin port of a server, for the commands that need it: one request over one connection.
//!
//! Bodies of any size go through in pieces, both ways; nothing here holds more than a few of them.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use clap::Args;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Where the admin port is.
#[derive(Args, Clone, Debug)]
pub(crate) struct AdminArguments {
    /// The admin port of the server.
    #[arg(
        long = "admin",
        global = true,
        value_name = "URL",
        env = "MILLSTREAM_ADMIN",
        default_value = "http://127.0.0.1:4580"
    )]
    url: Uri,
}

/// Why the admin port did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error("{0} is not the address of an admin port: it should look like http://127.0.0.1:4580")]
    Url(Uri),
    #[error("the admin port at {url} cannot be reached: {error}")]
    Unreachable { url: Uri, error: std::io::Error },
    #[error("the connection to the admin port broke off: {0}")]
    BrokenOff(#[from] hyper::Error),
    /// In the server's own words.
    #[error("{1}")]
    Refused(StatusCode, String),
}

/// Pieces of a body that is sent.
pub(crate) type Pieces = mpsc::Receiver<Result<Bytes, std::io::Error>>;

/// A body that is made while it is sent.
#[derive(Debug)]
pub(crate) struct Upload(Option<Pieces>);

impl Upload {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Broken off, for the server too, by an error among the pieces.
    pub(crate) fn of(pieces: Pieces) -> Self {
        Self(Some(pieces))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match &mut self.0 {
            Some(pieces) => pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

impl AdminArguments {
    /// Posts `body` to `path` and hands the answer, if it is one of success, to `read`.
    pub(crate) async fn post<T, E: From<AdminError>>(
        &self,
        path: &str,
        body: Upload,
        read: impl AsyncFnOnce(Incoming) -> Result<T, E>,
    ) -> Result<T, E> {
        let address = self.address()?;
        let stream = TcpStream::connect(&address).await;
        let stream = stream.map_err(|error| AdminError::Unreachable { url: self.url.clone(), error })?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(AdminError::BrokenOff)?;
        let request = Request::builder().method(Method::POST).uri(path).header(HOST, &address).body(body);
        let request = request.map_err(|_| AdminError::Url(self.url.clone()))?;
        let exchange = async move {
            let response = sender.send_request(request).await.map_err(AdminError::BrokenOff)?;
            let answer = check(response).await?;
            read(answer).await
        };
        // The connection ends with the exchange, which holds the sender.
        let (outcome, _) = tokio::join!(exchange, connection);
        outcome
    }

    fn address(&self) -> Result<String, AdminError> {
        let plain = self.url.scheme_str() == Some("http") && matches!(self.url.path(), "" | "/");
        match self.url.authority() {
            Some(authority) if plain => Ok(match authority.port_u16() {
                Some(_) => authority.as_str().to_owned(),
                None => format!("{authority}:80"),
            }),
            _ => Err(AdminError::Url(self.url.clone())),
        }
    }
}

/// The body of an answer of success.
async fn check(response: Response<Incoming>) -> Result<Incoming, AdminError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response.into_body());
    }
    let body = response.into_body().collect().await?.to_bytes();
    let told = serde_json::from_slice::<Value>(&body).ok();
    let told = told.as_ref().and_then(|value| value["error"].as_str());
    Err(AdminError::Refused(
        status,
        told.map_or_else(|| format!("the admin port answered {status}"), str::to_owned),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let address = |url: &str| AdminArguments { url: url.parse().unwrap() }.address().ok();
        assert_eq!(address("http://127.0.0.1:4580").as_deref(), Some("127.0.0.1:4580"));
        assert_eq!(address("http://[::1]:9/").as_deref(), Some("[::1]:9"));
        assert_eq!(address("http://admin").as_deref(), Some("admin:80"));
        assert_eq!(address("https://127.0.0.1:4580"), None);
        assert_eq!(address("127.0.0.1:4580"), None);
        assert_eq!(address("http://127.0.0.1:4580/admin"), None);
    }
}
