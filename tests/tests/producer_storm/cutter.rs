//! What stands between the producer and the server, and now and then ends a connection when the reply is there: the
//! server has done what it was asked to, and the producer does not know.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millstream_runtime::{OnFailure, TaskSet};
use millstream_tests::random::Random;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// One in so many pieces of replies is lost, and the connection with it.
const CUT_ONCE_IN: u64 = 50;
/// This one in any case: a short run is over within a hundred pieces.
const CUT_FOR_CERTAIN: usize = 10;
const PIECE_BYTES: usize = 64 * 1024;

pub(crate) struct Cutter {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskSet,
}

struct Shared {
    server: SocketAddr,
    random: Mutex<Random>,
    pieces: AtomicUsize,
    cut: AtomicUsize,
}

impl Cutter {
    pub(crate) async fn start(server: SocketAddr, random: Random) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (random, pieces, cut) = (Mutex::new(random), AtomicUsize::default(), AtomicUsize::default());
        let shared = Arc::new(Shared { server, random, pieces, cut });
        let tasks = TaskSet::default();
        let accepting = Self { address, shared: shared.clone(), tasks: tasks.clone() };
        tasks.spawn("cutter", OnFailure::Log, async move {
            tokio::select! {
                never = accepting.accept(listener) => match never {},
                () = accepting.tasks.stopping() => Ok::<_, Infallible>(()),
            }
        });
        Self { address, shared, tasks }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections. Gives how many were cut.
    pub(crate) fn stop(self) -> usize {
        self.tasks.shutdown();
        self.shared.cut.load(Ordering::Relaxed)
    }

    async fn accept(&self, listener: TcpListener) -> Infallible {
        loop {
            let Ok((client, _)) = listener.accept().await else { continue };
            let (shared, tasks) = (self.shared.clone(), self.tasks.clone());
            self.tasks.spawn("connection", OnFailure::Log, async move {
                // A server that is away is one more that does not answer.
                let Ok(server) = TcpStream::connect(shared.server).await else { return Ok(()) };
                let (client_in, client_out) = client.into_split();
                let (server_in, server_out) = server.into_split();
                tokio::select! {
                    () = forward(client_in, server_out, || false) => {}
                    () = forward(server_in, client_out, || shared.cuts()) => {}
                    () = tasks.stopping() => {}
                }
                Ok::<_, Infallible>(())
            });
        }
    }
}

impl Shared {
    fn cuts(&self) -> bool {
        let is_certain = self.pieces.fetch_add(1, Ordering::Relaxed) == CUT_FOR_CERTAIN;
        let cuts = self.random.lock().once_in(CUT_ONCE_IN) || is_certain;
        self.cut.fetch_add(usize::from(cuts), Ordering::Relaxed);
        cuts
    }
}

/// Until either side ends, or it is cut.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, cuts: impl Fn() -> bool) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        if cuts() || to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}
