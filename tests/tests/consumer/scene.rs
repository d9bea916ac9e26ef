//! A server with a stream, consumers of it in this process, and what they processed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use millstream_client::aws::{AwsSettings, AwsStreamApi};
use millstream_client::{NewRecord, StreamApi};
use millstream_consumer_sdk::{
    Batch, BoxError, Checkpointer, Consumer, ConsumerSettings, InitialPosition, RecordProcessor, Retrieval,
    ShardOfStream, StatusHandle, UserRecord, async_trait,
};
use millstream_runtime::{Clock, OnFailure, SystemClock, TaskSet};
use millstream_tests::wire::Wire;
use millstream_tests::{Session, Transport};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::oneshot;

pub(crate) const STREAM: &str = "orders";
/// For whatever must come, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// A record, and who processed it.
#[derive(Clone, Debug)]
pub(crate) struct Processed {
    pub(crate) worker: String,
    pub(crate) record: UserRecord,
}

type Ledger = Arc<Mutex<Vec<Processed>>>;

pub(crate) struct Scene {
    pub(crate) session: Session,
    pub(crate) ledger: Ledger,
}

/// A consumer that runs. Dropping it is like a crash.
pub(crate) struct Member {
    tasks: TaskSet,
    /// Asks it to stop.
    shutdown: TaskSet,
    ended: oneshot::Receiver<usize>,
    pub(crate) status: StatusHandle,
}

struct Recorder {
    worker: String,
    ledger: Ledger,
}

#[async_trait]
impl RecordProcessor for Recorder {
    async fn process_records(&mut self, batch: &Batch, _: &Checkpointer) -> Result<(), BoxError> {
        let worker = || self.worker.clone();
        let processed =
            batch.records.iter().map(|record| Processed { worker: worker(), record: record.clone() });
        self.ledger.lock().extend(processed);
        Ok(())
    }
}

pub(crate) fn polling(settings: &mut ConsumerSettings) {
    settings.retrieval = Retrieval::Polling;
}

pub(crate) fn fan_out(settings: &mut ConsumerSettings) {
    settings.retrieval = Retrieval::FanOut { consumer_name: None };
}

impl Scene {
    pub(crate) fn new(shards: usize) -> Self {
        let session = Session::with(Transport::Http, |options| options);
        Wire::connect(session.server.address()).unwrap().create_stream(STREAM, shards).unwrap();
        Self { session, ledger: Ledger::default() }
    }

    pub(crate) fn aws(&self) -> AwsSettings {
        AwsSettings { endpoint_url: Some(self.session.url()), ..AwsSettings::default() }
    }

    pub(crate) async fn api(&self) -> AwsStreamApi {
        AwsStreamApi::connect(&self.aws(), SystemClock::shared()).await.unwrap()
    }

    pub(crate) fn call(&self, operation: &str, mut input: Value) -> Value {
        input["StreamName"] = STREAM.into();
        Wire::connect(self.session.server.address()).unwrap().call(operation, &input).unwrap()
    }

    /// Puts so many records of as many keys, and gives their data.
    pub(crate) fn put(&self, prefix: &str, count: usize) -> Vec<String> {
        let mut wire = Wire::connect(self.session.server.address()).unwrap();
        let data: Vec<_> = (0..count).map(|number| format!("{prefix}-{number}")).collect();
        for data in &data {
            wire.put_record(STREAM, data, data.as_bytes()).unwrap();
        }
        data
    }

    pub(crate) async fn put_raw(&self, record: NewRecord) {
        let outcomes = self.api().await.put_records(&STREAM.parse().unwrap(), &[record]).await.unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
    }

    pub(crate) fn split_first(&self) {
        let middle = (1_u128 << 120).to_string();
        self.call(
            "SplitShard",
            json!({ "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": middle }),
        );
    }

    /// Starts a consumer of an application from the oldest record on.
    pub(crate) async fn start(
        &self,
        application: &str,
        worker: &str,
        change: impl FnOnce(&mut ConsumerSettings),
    ) -> Member {
        let (ledger, name) = (self.ledger.clone(), worker.to_owned());
        let consumer = Consumer::on_aws(&self.aws(), STREAM.parse().unwrap(), application)
            .await
            .unwrap()
            .worker(worker.parse().unwrap())
            .initial_position(InitialPosition::TrimHorizon)
            .settings(change)
            .build(move |_: &ShardOfStream| Recorder { worker: name.clone(), ledger: ledger.clone() })
            .unwrap();
        let shutdown = TaskSet::default();
        let asked = shutdown.clone();
        let (tell, ended) = oneshot::channel();
        let (tasks, status) = (TaskSet::default(), consumer.status());
        let stopping = tasks.clone();
        tasks.spawn("consumer", OnFailure::Log, async move {
            tokio::select! {
                biased;
                () = stopping.stopping() => {}
                ended = consumer.run(async move { asked.stopping().await }) => drop(tell.send(ended.unwrap().unfinished.len())),
            }
            Ok::<_, Infallible>(())
        });
        Member { tasks, shutdown, ended, status }
    }

    /// How long it took until something was so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Duration {
        let clock = SystemClock::default();
        let begun = clock.monotonic();
        while !is_so(self) {
            assert!(clock.monotonic() - begun < PATIENCE, "waiting until {what}: {:?}", self.texts());
            clock.sleep(POLL).await;
        }
        clock.monotonic() - begun
    }

    pub(crate) fn has_all(&self, data: &[String]) -> bool {
        let texts = self.texts();
        data.iter().all(|data| texts.contains(data))
    }

    /// What was processed, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        let ledger = self.ledger.lock();
        ledger.iter().map(|processed| String::from_utf8_lossy(&processed.record.data).into_owned()).collect()
    }

    /// Each of these was processed once.
    pub(crate) fn assert_once(&self, data: &[String]) {
        let texts = self.texts();
        let times = |data: &String| texts.iter().filter(|text| *text == data).count();
        let wrong: Vec<_> =
            data.iter().map(|data| (data, times(data))).filter(|(_, times)| *times != 1).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

impl Member {
    pub(crate) fn shards(&self) -> usize {
        self.status.snapshot().shards.len()
    }

    /// The process is gone, as far as others can tell.
    pub(crate) fn crash(self) {
        self.tasks.shutdown();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.shutdown.shutdown();
        let unfinished = (&mut self.ended).await.unwrap();
        assert_eq!(unfinished, 0);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.tasks.shutdown();
    }
}
