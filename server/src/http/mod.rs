//! Sockets and HTTP: accepting, telling protocols apart, TLS, bounds on connections and bodies.
//!
//! What a request means is not known here; a [`Handler`] answers it.

mod activity;
pub(crate) mod body;
mod connection;
pub(crate) mod keep_alive;
mod lingering;
pub(crate) mod listener;
pub(crate) mod prefixed;
pub(crate) mod tls;

use std::future::Future;

use hyper::body::Incoming;
use hyper::{Request, Response};

use body::Reply;

/// Answers requests; shared by all connections of a listener.
pub(crate) trait Handler: Send + Sync + 'static {
    fn handle(&self, request: Request<Incoming>) -> impl Future<Output = Response<Reply>> + Send;
}
