//! What is counted, under the names that dashboards know.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use millstream_client::Error;
use millstream_producer_sdk::Record;
use parking_lot::Mutex;

use crate::fake::FakeStream;
use crate::{clock, producer_of, run};

/// Sums of counters and histograms, last values of gauges, by name and labels.
#[derive(Clone, Debug, Default)]
struct Figures(Arc<Mutex<BTreeMap<String, f64>>>);

struct Figure {
    figures: Figures,
    name: String,
}

impl Figure {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(self.figures.0.lock().entry(self.name.clone()).or_default());
    }
}

impl CounterFn for Figure {
    fn increment(&self, value: u64) {
        self.change(|sum| *sum += value as f64);
    }
    fn absolute(&self, value: u64) {
        self.change(|sum| *sum = value as f64);
    }
}

impl GaugeFn for Figure {
    fn increment(&self, value: f64) {
        self.change(|last| *last += value);
    }
    fn decrement(&self, value: f64) {
        self.change(|last| *last -= value);
    }
    fn set(&self, value: f64) {
        self.change(|last| *last = value);
    }
}

impl HistogramFn for Figure {
    fn record(&self, value: f64) {
        self.change(|sum| *sum += value);
    }
}

impl Figures {
    fn of(&self, key: &Key) -> Arc<Figure> {
        let labels: Vec<_> =
            key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
        Arc::new(Figure { figures: self.clone(), name: format!("{}{}", key.name(), labels.concat()) })
    }

    fn get(&self, name: &str) -> f64 {
        *self.0.lock().get(name).unwrap_or_else(|| panic!("{name} is not there: {:?}", self.0.lock().keys()))
    }
}

impl Recorder for Figures {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.of(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.of(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.of(key))
    }
}

async fn put_some() {
    let clock = clock();
    let stream = FakeStream::new(&clock, 1, 1);
    let producer = producer_of(&stream, &clock, 1).start().await.unwrap();
    stream.refuse([Error::ServiceUnavailable { status: 503, message: "busy".to_owned() }]);
    for _ in 0..10 {
        drop(producer.send(Record::new("key", "1234567")).await.unwrap());
    }
    run(&clock, producer.flush()).await;
    stream.crash(Duration::from_secs(3_600));
    drop(producer.send(Record::new("key", "late")).await.unwrap());
    run(&clock, producer.flush()).await;
}

#[test]
fn figures_bear_the_names_of_the_producer_library() {
    let figures = Figures::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    metrics::with_local_recorder(&figures, || runtime.block_on(put_some()));
    let of_stream = |name: &str| figures.get(&format!("{name} StreamName=orders"));
    let of_shard =
        |name: &str| figures.get(&format!("{name} StreamName=orders ShardId=shardId-000000000000"));
    let by_code = |code: &str| {
        let labels = "StreamName=orders ShardId=shardId-000000000000";
        figures.get(&format!("ErrorsByCode {labels} ErrorCode={code}"))
    };
    let close_to =
        |value: f64, expected: f64| assert!((value - expected).abs() < 1e-6, "{value}, not {expected}");
    close_to(of_stream("UserRecordsReceived"), 11.0);
    close_to(of_shard("UserRecordsPut"), 10.0);
    close_to(of_shard("UserRecordsDataPut"), 100.0);
    close_to(of_shard("UserRecordExpired"), 1.0);
    close_to(of_shard("KinesisRecordsPut"), 1.0);
    close_to(of_shard("UserRecordsPerKinesisRecord"), 10.0);
    close_to(of_shard("RetriesPerRecord"), 1.0);
    close_to(by_code("ServiceUnavailable"), 1.0);
    let unreachable = by_code("Unreachable");
    assert!(unreachable > 3.0);
    close_to(of_shard("AllErrors"), 1.0 + unreachable);
    close_to(of_stream("KinesisRecordsPerPutRecordsRequest"), 2.0 + unreachable);
    close_to(of_stream("UserRecordsPerPutRecordsRequest"), 20.0 + unreachable);
    for name in ["UserRecordsPending", "RequestTime"] {
        of_stream(name);
    }
    for name in ["BufferingTime", "KinesisRecordsDataPut"] {
        of_shard(name);
    }
}
