//! Accepts connections on one address and serves each as a task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::{OnFailure, SharedClock, TaskSet};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::Handler;
use super::connection::{Common, serve};

/// Connections of one listener at once; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 16 * 1024;
/// After an accept that failed, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An address that is bound and not yet served.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address with the port that was given.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `tasks` is told to stop.
    pub(crate) fn start<H: Handler>(
        self,
        handler: Arc<H>,
        tls: Option<TlsAcceptor>,
        clock: SharedClock,
        tasks: &TaskSet,
    ) {
        let common = Arc::new(Common { handler, tls, clock, tasks: tasks.clone() });
        let owner = tasks.clone();
        tasks.spawn("listener", OnFailure::Shutdown, async move {
            tokio::select! {
                () = owner.stopping() => {}
                () = accept(&self.socket, &common) => {}
            }
            Ok::<_, io::Error>(())
        });
    }
}

async fn accept<H: Handler>(socket: &TcpListener, common: &Arc<Common<H>>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        match socket.accept().await {
            Ok((stream, peer)) => {
                let common = common.clone();
                let tasks = common.tasks.clone();
                tasks.spawn("connection", OnFailure::Log, async move {
                    let _place = place;
                    serve_one(stream, peer, &common).await;
                    Ok::<_, std::convert::Infallible>(())
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                common.clock.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_one<H: Handler>(stream: TcpStream, peer: SocketAddr, common: &Common<H>) {
    if let Err(error) = serve(stream, common).await {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
