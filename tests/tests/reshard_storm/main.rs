//! 200 random splits and merges of one stream, while eight writers put and readers of both kinds read, each an
//! unmodified AWS SDK on the real binary.
//!
//! Nothing acknowledged is lost, no reader gets a record twice, the records of a key come in the order in which they
//! were put, across parents and children, and the open shards' hash ranges tile after every change.
//! `MILLSTREAM_CYCLES` is the number of changes, `MILLSTREAM_SEED` repeats their choice.

// What fails in a function of a test fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;
mod lineage;
mod readers;
mod resharder;
mod writers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Region};
use millstream_runtime::{OnFailure, TaskSet};
use millstream_tests::random::{Random, cycles, seed};
use millstream_tests::{Server, ServerOptions};
use tempfile::tempdir;

use journal::Journal;

const STREAM: &str = "storm";
const STREAM_ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/storm";
const WRITERS: usize = 8;
const POLLERS: usize = 2;
const SUBSCRIBERS: usize = 2;

/// What everybody shares.
#[derive(Clone)]
struct Storm {
    client: Client,
    journal: Arc<Journal>,
    /// The writers have stopped: what is not there now will not come.
    is_over: Arc<AtomicBool>,
}

impl Storm {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

fn client(server: &Server) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", server.address()))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        // Every record is sent once: a second try could put it twice.
        .retry_config(RetryConfig::disabled())
        .http_client(http);
    Client::from_conf(config.build())
}

/// Runs all of them and waits for each.
async fn all(tasks: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>>) {
    let (set, mut ends) = (TaskSet::default(), Vec::new());
    for task in tasks {
        let (end, ended) = tokio::sync::oneshot::channel();
        ends.push(ended);
        set.spawn("storm", OnFailure::Log, async move {
            task.await;
            let _ = end.send(());
            Ok::<_, std::convert::Infallible>(())
        });
    }
    for ended in ends {
        ended.await.expect("the task did not panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stderr)]
async fn nothing_is_lost_repeated_or_out_of_order_while_shards_split_and_merge() {
    let directory = tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).without_limits().start();
    let client = client(&server);
    client.create_stream().stream_name(STREAM).shard_count(2).send().await.unwrap();
    let storm = Storm { client, journal: Arc::default(), is_over: Arc::default() };
    let consumers = readers::register(&storm, SUBSCRIBERS).await;

    let stop = Arc::new(AtomicBool::new(false));
    let mut writing = Vec::new();
    for writer in 0..WRITERS {
        let (storm, stop) = (storm.clone(), stop.clone());
        writing.push(async move { writers::write(&storm, writer, &stop).await });
    }
    let mut tasks: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> = Vec::new();
    for poller in 0..POLLERS {
        let storm = storm.clone();
        tasks.push(Box::pin(async move { readers::poll(&storm, &format!("poller-{poller}")).await }));
    }
    for (subscriber, consumer) in consumers.into_iter().enumerate() {
        let storm = storm.clone();
        let name = format!("subscriber-{subscriber}");
        tasks.push(Box::pin(async move { readers::subscribe(&storm, &name, &consumer).await }));
    }
    let changes = {
        let storm = storm.clone();
        async move {
            let mut random = Random::new(seed());
            resharder::reshard(&storm, cycles(200), &mut random).await;
            stop.store(true, Ordering::SeqCst);
        }
    };
    let acts = storm.clone();
    tasks.push(Box::pin(async move {
        let mut acting: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> = vec![Box::pin(changes)];
        acting.extend(writing.into_iter().map(|writer| Box::pin(writer) as _));
        all(acting).await;
        acts.is_over.store(true, Ordering::SeqCst);
    }));
    all(tasks).await;
    eprintln!("{}", storm.journal.conclude(POLLERS + SUBSCRIBERS));
}
