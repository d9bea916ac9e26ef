//! A server that says what a test tells it to, and a clock that never waits.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millstream_client::aws::{AwsSettings, AwsStreamApi};
use millstream_runtime::clock::Sleep;
use millstream_runtime::{Clock, OnFailure, SharedClock, TaskSet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status and body.
    Say(u16, String),
    /// Announces more than it sends.
    BreakOff,
    Hang,
    Close,
}

impl Reply {
    pub(crate) fn ok(body: &str) -> Self {
        Self::Say(200, body.to_owned())
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        Self::Say(status, format!(r#"{{"__type":"{code}","message":"said so"}}"#))
    }
}

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) operation: String,
    pub(crate) body: String,
}

/// Gives its replies in order, one a request, and keeps what it saw.
#[derive(Clone, Debug)]
pub(crate) struct ScriptedServer {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    tasks: TaskSet,
}

#[derive(Debug, Default)]
struct Script {
    replies: Vec<Reply>,
    seen: Vec<Seen>,
}

impl ScriptedServer {
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script { replies, seen: Vec::new() }));
        let server = Self { url, script, tasks: TaskSet::default() };
        let accepting = server.clone();
        server.tasks.spawn("accept", OnFailure::Log, async move {
            while let Ok((connection, _)) = listener.accept().await {
                let serving = accepting.clone();
                accepting.tasks.spawn("serve", OnFailure::Log, async move {
                    serving.serve(connection).await;
                    Ok::<_, Infallible>(())
                });
            }
            Ok::<_, Infallible>(())
        });
        server
    }

    pub(crate) async fn connect(&self, clock: SharedClock) -> AwsStreamApi {
        connect(&self.url, clock).await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }

    async fn serve(&self, mut connection: TcpStream) {
        while let Some(seen) = read_request(&mut connection).await {
            let reply = {
                let mut script = self.script.lock().unwrap();
                script.seen.push(seen);
                if script.replies.is_empty() { Reply::error(500, "NoMore") } else { script.replies.remove(0) }
            };
            let text = match reply {
                Reply::Say(status, body) => head(status, body.len()) + &body,
                Reply::BreakOff => head(200, 1000) + "{\"Shards\":[",
                Reply::Hang => {
                    std::future::pending::<()>().await;
                    unreachable!()
                }
                Reply::Close => return,
            };
            connection.write_all(text.as_bytes()).await.unwrap();
            if text.ends_with('[') {
                return;
            }
        }
    }
}

pub(crate) async fn connect(url: &str, clock: SharedClock) -> AwsStreamApi {
    let settings = AwsSettings { endpoint_url: Some(url.to_owned()), ..AwsSettings::default() };
    AwsStreamApi::connect(&settings, clock).await.unwrap()
}

fn head(status: u16, length: usize) -> String {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// `None` when the client has hung up.
async fn read_request(connection: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length: usize = header("content-length").unwrap().parse().unwrap();
    while bytes.len() < head_end + length {
        connection.read_buf(&mut bytes).await.ok()?;
    }
    let operation = header("x-amz-target").unwrap().replace("Kinesis_20131202.", "");
    Some(Seen { operation, body: String::from_utf8(bytes[head_end..].to_vec()).unwrap() })
}

/// Sleeps by moving itself forward, and remembers for how long.
#[derive(Debug, Default)]
pub(crate) struct HastyClock(Mutex<Vec<Duration>>);

impl HastyClock {
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }
}

impl Clock for HastyClock {
    fn now(&self) -> Duration {
        self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().iter().sum()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }
}
