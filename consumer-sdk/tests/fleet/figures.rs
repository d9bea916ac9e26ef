//! What operators see of a consumer: the same figures in Prometheus and in OpenTelemetry, under the names that
//! docs/consumer.md gives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics_exporter_otel::OpenTelemetryRecorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use millstream_consumer_sdk::LeaseStore;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics, SumDataPoint,
};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use super::fleet::Fleet;
use super::polling;

const SECOND: Duration = Duration::from_secs(1);
const PREFIX: &str = "millstream_consumer_";
const DOCUMENTATION: &str = include_str!("../../../docs/consumer.md");

/// Every figure of a consumer gets a value: leases come and one goes, records are read and processed.
async fn work() -> usize {
    let mut fleet = Fleet::new(2);
    let records: Vec<_> = (0..10).flat_map(|_| fleet.stream.put_everywhere()).collect();
    fleet.start(polling);
    fleet.until(SECOND * 10, |fleet| fleet.all_processed(&records)).await;
    fleet.start(polling);
    fleet.until(SECOND * 60, |fleet| fleet.shards_of(1) == 1).await;
    // Handing over is no loss; a row that an operator removes is one.
    let store = fleet.store();
    for lease in store.list().await.unwrap().leases {
        let _ = store.delete(&lease).await.unwrap();
    }
    let has_lost = |fleet: &Fleet| fleet.ledger.calls.lock().iter().any(|call| call.contains("lost"));
    fleet.until(SECOND * 60, has_lost).await;
    records.len()
}

/// The names in the table of the documentation, which leaves the prefix out.
fn documented() -> BTreeSet<String> {
    let rows = DOCUMENTATION.lines().skip_while(|line| !line.contains("`millstream_consumer_…`")).skip(2);
    let cells = rows.map_while(|row| row.strip_prefix("| ")?.split('|').next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter(|name| *name != "reason").map(|name| format!("{PREFIX}{name}")).collect()
}

#[tokio::test]
async fn prometheus_sees_every_documented_figure() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let records = work().await;
    let page = shown.render();
    let names: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(names, documented(), "{page}");
    let sum = |name: &str| -> f64 {
        let lines = page.lines().filter(|line| line.starts_with(&format!("{PREFIX}{name}{{")));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    assert!((sum("records_processed_total") - records as f64).abs() < 0.5, "{page}");
    assert!(sum("leases_gained_total") >= 3.0 && sum("leases_lost_total") >= 1.0, "{page}");
    let labels = [r#"application="app""#, r#"shard="shardId-000000000001""#, r#"stream=""#];
    assert!(labels.iter().all(|label| page.contains(label)), "{page}");
}

/// The sums of the counters, by name.
fn counters(exported: &ResourceMetrics) -> BTreeMap<String, u64> {
    let all = exported.scope_metrics().flat_map(ScopeMetrics::metrics);
    all.filter_map(|metric| match metric.data() {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => {
            let total = sum.data_points().map(SumDataPoint::value).sum();
            Some((metric.name().to_owned(), total))
        }
        _ => None,
    })
    .collect()
}

#[tokio::test]
async fn opentelemetry_sees_them_as_well() {
    let exporter = InMemoryMetricExporter::default();
    let provider =
        SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    let recorder = OpenTelemetryRecorder::new(provider.meter("consumer"));
    let installed = metrics::set_default_local_recorder(&recorder);
    let records = work().await;
    drop(installed);
    provider.force_flush().unwrap();
    let exported = exporter.get_finished_metrics().unwrap();
    let last = exported.last().unwrap();
    assert_eq!(counters(last).get("millstream_consumer_records_processed_total"), Some(&(records as u64)));
    let names: BTreeSet<_> =
        last.scope_metrics().flat_map(ScopeMetrics::metrics).map(|metric| metric.name().to_owned()).collect();
    let never_counted = documented().difference(&names).cloned().collect::<Vec<_>>();
    // OpenTelemetry shows a counter when it was counted for the first time.
    let quiet = ["dropped", "foreign", "failures", "skipped"];
    assert!(
        never_counted.iter().all(|name| quiet.iter().any(|word| name.contains(word))),
        "{never_counted:?}"
    );
}
