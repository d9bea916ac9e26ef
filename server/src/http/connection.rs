//! One connection from its first byte to its end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use millstream_runtime::{SharedClock, TaskSet};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::Handler;
use super::activity::{Activity, HEAD_LIMIT, IDLE_LIMIT, Watched};
use super::keep_alive::{Liveness, PING_INTERVAL, PING_LIMIT, PingTimer};
use super::lingering::Lingering;
use super::prefixed::{Prefixed, Protocol, sniff};

/// Bytes of a request's head. Its fields are limited to 100 by hyper.
const HEADER_BYTES_MAX: u32 = 32 * 1024;
/// Requests at once on an HTTP/2 connection: a subscriber may have one for each of many shards.
const HTTP2_STREAMS_MAX: u32 = 1024;
/// Requests that were taken back before they were looked at. More at a time are a flood; h2's own limit of 20 is met by
/// a client that gives up all that it has begun.
const HTTP2_RESETS_MAX: usize = HTTP2_STREAMS_MAX as usize;
/// What a sender may send ahead on an HTTP/2 stream; large enough for full speed on a LAN.
const HTTP2_WINDOW_BYTES: u32 = 512 * 1024;
/// The same for a connection. Frames of few bytes that wait cost h2 more than their bytes, so it cuts a connection off
/// whose waiting frames cost half of this window: with 48 of the stream's, one stream may wait with a window full of the
/// smallest messages that make sense, and is held up by it.
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 48 * HTTP2_WINDOW_BYTES;
/// A frame that a sender may send. The usual 16 KiB cut a request of 500 KiB into 32 of them.
const HTTP2_FRAME_BYTES: u32 = 128 * 1024;
/// What may wait on an HTTP/2 stream for its reader before the next piece of its answer is taken.
const HTTP2_SEND_BYTES: usize = 64 * 1024;
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
    serve_stream(stream, common).await
}

async fn serve_stream<H: Handler, S>(stream: S, common: &Common<H>) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some((protocol, stream)) = first_bytes(stream, common).await? else { return Ok(()) };
    match (protocol, &common.tls) {
        (Protocol::Tls, Some(tls)) => Box::pin(serve_tls(stream, tls, common)).await,
        _ => Box::pin(serve_http(protocol, stream, common)).await,
    }
}

async fn serve_tls<H: Handler, S>(
    stream: S,
    tls: &TlsAcceptor,
    common: &Common<H>,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // The state of TLS is kilobytes, and this future would have room for it wherever it is handed on.
    let handshake = Box::pin(async { tls.accept(stream).await.map(Box::new) });
    let handshake = tokio::select! {
        () = common.tasks.stopping() => return Ok(()),
        handshake = common.clock.timeout(HEAD_LIMIT, handshake) => handshake,
    };
    let stream = handshake.ok_or(ConnectionError::Expired)??;
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Box::pin(serve_http(Protocol::Http2, stream, common)).await,
        Some(_) => Box::pin(serve_http(Protocol::Http1, stream, common)).await,
        // Who agrees on nothing may still speak HTTP/2: the asynchronous client for Java does.
        None => {
            let Some((protocol, stream)) = first_bytes(stream, common).await? else { return Ok(()) };
            Box::pin(serve_http(protocol, stream, common)).await
        }
    }
}

/// What the peer speaks. It may open a connection long before it says anything; until then a stop waits for
/// nobody. `None` when there is nothing to serve.
async fn first_bytes<H, S: AsyncRead + Unpin>(
    stream: S,
    common: &Common<H>,
) -> Result<Option<(Protocol, Prefixed<S>)>, ConnectionError> {
    tokio::select! {
        () = common.tasks.stopping() => Ok(None),
        first = common.clock.timeout(IDLE_LIMIT, sniff(stream)) => {
            Ok(first.ok_or(ConnectionError::Expired)??)
        }
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
    let stream = Lingering::new(stream, protocol, common.clock.clone());
    let stream = TokioIo::new(Watched { stream, activity: activity.clone() });
    let (handler, serving) = (common.handler.clone(), activity.clone());
    let liveness = Liveness::default();
    let pings = PingTimer::new(liveness.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (handler, serving) = (handler.clone(), serving.serve());
        if protocol == Protocol::Http2 {
            request.extensions_mut().insert(liveness.clone());
        }
        async move {
            let response = Box::pin(handler.handle(request)).await;
            Ok::<_, Infallible>(response.map(|reply| reply.served(serving)))
        }
    });
    if protocol == Protocol::Http2 {
        let mut builder = http2::Builder::new(OnTaskSet(common.tasks.clone()));
        builder
            .max_concurrent_streams(HTTP2_STREAMS_MAX)
            .max_header_list_size(HEADER_BYTES_MAX)
            .initial_stream_window_size(HTTP2_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .max_pending_accept_reset_streams(HTTP2_RESETS_MAX)
            .max_frame_size(HTTP2_FRAME_BYTES)
            .max_send_buf_size(HTTP2_SEND_BYTES)
            .timer(pings)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_LIMIT);
        drive(Box::pin(builder.serve_connection(stream, service)), &activity, common).await
    } else {
        let mut builder = http1::Builder::new();
        // How long a head may take is this module's own business: hyper's deadline would end idle
        // connections too.
        builder.max_header_size(HEADER_BYTES_MAX as usize).header_read_timeout(None);
        drive(Box::pin(builder.serve_connection(stream, service)), &activity, common).await
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

/// The connection is in a box because it would otherwise be there several times: wherever it is handed on, a future
/// keeps room for it, and a future for HTTP/1.1 keeps the room that one of HTTP/2 takes.
async fn drive<H>(
    mut connection: Pin<Box<impl Graceful>>,
    activity: &Activity,
    common: &Common<H>,
) -> Result<(), ConnectionError> {
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::Response;
    use millstream_runtime::SystemClock;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::http::body::Reply;
    use crate::http::tls;
    use crate::settings::TlsSetting;

    /// Answers every request with the version of HTTP that it came in.
    struct Version;

    impl Handler for Version {
        async fn handle(&self, request: Request<Incoming>) -> Response<Reply> {
            Response::new(Reply::new(Bytes::from(format!("{:?}", request.version())), None))
        }
    }

    /// The first bytes that come back for `sent`, through TLS with these protocols on offer.
    async fn reply_to(sent: &[u8], alpn: &[&[u8]]) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let acceptor = tls::acceptor(&TlsSetting::default(), Some(directory.path())).unwrap();
        let mut roots = RootCertStore::empty();
        let authority = std::fs::read(directory.path().join("tls/ca.pem")).unwrap();
        let authority = rustls::pki_types::pem::PemObject::from_pem_slice(&authority).unwrap();
        roots.add(authority).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();

        let (client, server) = tokio::io::duplex(64 * 1024);
        let clock = SystemClock::shared();
        let tasks = TaskSet::default();
        let common = Common { handler: Arc::new(Version), tls: Some(acceptor), clock, tasks };
        let talk = async {
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = TlsConnector::from(Arc::new(config)).connect(name, client).await.unwrap();
            stream.write_all(sent).await.unwrap();
            let mut reply = vec![0; 9];
            stream.read_exact(&mut reply).await.unwrap();
            reply
        };
        tokio::select! {
            reply = talk => reply,
            ended = serve_stream(server, &common) => panic!("the server ended it: {ended:?}"),
        }
    }

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    /// The type of a frame is its fourth byte.
    const SETTINGS_FRAME: u8 = 4;

    #[tokio::test]
    async fn both_versions_are_spoken_in_tls_with_and_without_an_agreement() {
        for alpn in [&[][..], &[b"http/1.1".as_slice()]] {
            assert_eq!(reply_to(GET, alpn).await, b"HTTP/1.1 ");
        }
        for alpn in [&[][..], &[b"h2".as_slice()]] {
            assert_eq!(reply_to(PREFACE, alpn).await[3], SETTINGS_FRAME);
        }
    }
}
