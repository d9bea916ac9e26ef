//! One connection from its first byte to its end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use millstream_runtime::{SharedClock, TaskSet};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::Handler;
use super::activity::{Activity, HEAD_LIMIT, Watched};
use super::prefixed::{Protocol, sniff};

/// Bytes of a request's head. Its fields are limited to 100 by hyper.
const HEADER_BYTES_MAX: u32 = 32 * 1024;
/// Requests at once on an HTTP/2 connection.
const HTTP2_STREAMS_MAX: u32 = 128;
/// What a sender may send ahead on an HTTP/2 stream and connection; large enough for full speed on a LAN.
const HTTP2_WINDOW_BYTES: u32 = 1024 * 1024;
/// For the last words on a connection that did nothing for too long.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// Why a connection ended early. Told to the log only: the peer is gone or does not speak HTTP.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("it did nothing for too long")]
    Expired,
}

/// What connections of one listener have in common.
pub(super) struct Common<H> {
    pub(super) handler: Arc<H>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) clock: SharedClock,
    pub(super) tasks: TaskSet,
}

/// What is large is boxed here and below: most connections are idle most of the time, and should be small then.
pub(super) async fn serve<H: Handler>(stream: TcpStream, common: &Common<H>) -> Result<(), ConnectionError> {
    // Replies are written whole; waiting for more to send would only delay them.
    stream.set_nodelay(true)?;
    let first = tokio::select! {
        // Nobody has asked for anything here yet.
        () = common.tasks.stopping() => return Ok(()),
        first = common.clock.timeout(super::activity::IDLE_LIMIT, sniff(stream)) => first,
    };
    let Some((protocol, stream)) = first.ok_or(ConnectionError::Expired)?? else { return Ok(()) };
    match (protocol, &common.tls) {
        (Protocol::Tls, Some(tls)) => {
            let handshake = tokio::select! {
                () = common.tasks.stopping() => return Ok(()),
                handshake = common.clock.timeout(HEAD_LIMIT, tls.accept(stream)) => handshake,
            };
            let stream = handshake.ok_or(ConnectionError::Expired)??;
            let protocol = match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Protocol::Http2,
                _ => Protocol::Http1,
            };
            Box::pin(serve_http(protocol, stream, common)).await
        }
        (protocol, _) => Box::pin(serve_http(protocol, stream, common)).await,
    }
}

async fn serve_http<H: Handler, S>(
    protocol: Protocol,
    stream: S,
    common: &Common<H>,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new(common.clock.clone(), protocol);
    let stream = TokioIo::new(Watched { stream, activity: activity.clone() });
    let (handler, serving) = (common.handler.clone(), activity.clone());
    let service = service_fn(move |request| {
        let (handler, serving) = (handler.clone(), serving.serve());
        async move {
            let response = Box::pin(handler.handle(request)).await;
            drop(serving);
            Ok::<_, Infallible>(response)
        }
    });
    if protocol == Protocol::Http2 {
        let mut builder = http2::Builder::new(OnTaskSet(common.tasks.clone()));
        builder
            .max_concurrent_streams(HTTP2_STREAMS_MAX)
            .max_header_list_size(HEADER_BYTES_MAX)
            .initial_stream_window_size(HTTP2_WINDOW_BYTES)
            .initial_connection_window_size(4 * HTTP2_WINDOW_BYTES);
        drive(builder.serve_connection(stream, service), &activity, common).await
    } else {
        let mut builder = http1::Builder::new();
        // How long a head may take is this module's own business: hyper's deadline would end idle
        // connections too.
        builder.max_header_size(HEADER_BYTES_MAX as usize).header_read_timeout(None);
        drive(builder.serve_connection(stream, service), &activity, common).await
    }
}

/// What both kinds of hyper's connections can do.
trait Graceful: Future<Output = Result<(), hyper::Error>> {
    /// Finishes the requests under way, and then ends.
    fn finish(self: Pin<&mut Self>);
}

impl<S, B, E> Graceful for http1::Connection<S, E>
where
    http1::Connection<S, E>: Future<Output = Result<(), hyper::Error>>,
    S: hyper::rt::Read + hyper::rt::Write + Unpin,
    E: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    E::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, B, E> Graceful for http2::Connection<S, E, OnTaskSet>
where
    http2::Connection<S, E, OnTaskSet>: Future<Output = Result<(), hyper::Error>>,
    S: hyper::rt::Read + hyper::rt::Write + Unpin,
    E: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    E::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    OnTaskSet: hyper::rt::bounds::Http2ServerConnExec<E::Future, B>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

async fn drive<H>(
    connection: impl Graceful,
    activity: &Activity,
    common: &Common<H>,
) -> Result<(), ConnectionError> {
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = common.tasks.stopping() => {
            connection.as_mut().finish();
            return Ok(connection.await?);
        }
        () = activity.expired() => {}
    }
    // In HTTP/2 the peer is told which of its requests were not seen, so that it can send them elsewhere.
    connection.as_mut().finish();
    let ended = common.clock.timeout(GOODBYE_LIMIT, connection).await;
    Ok(ended.ok_or(ConnectionError::Expired)??)
}

/// Lets hyper run the streams of an HTTP/2 connection as tasks of ours.
#[derive(Clone, Debug)]
struct OnTaskSet(TaskSet);

impl<F> hyper::rt::Executor<F> for OnTaskSet
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn("http2 stream", millstream_runtime::OnFailure::Log, async move {
            future.await;
            Ok::<_, Infallible>(())
        });
    }
}
