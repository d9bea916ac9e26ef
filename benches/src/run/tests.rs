//! Whole benchmarks against a target whose every move is known.

mod push;
mod table;

use std::time::Duration;

use clap::Parser;
use millstream_runtime::{SystemClock, SystemEntropy};

use super::fake::{FakeTarget, Faults, PAGE_RECORDS};
use super::*;
use crate::report;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    bench: BenchArgs,
}

async fn bench(target: &FakeTarget, flags: &str) -> Result<BenchResult, Error> {
    // A flag can be given once only.
    let warm_up = if flags.contains("--warm-up") { "" } else { "--warm-up 50ms" };
    let common = format!(
        "bench {flags} --endpoint-url {} --duration 400ms {warm_up} --record-size 64 --shards 1",
        target.url
    );
    let line = Line::try_parse_from(common.split_whitespace()).unwrap();
    measure(line.bench.workload, SystemClock::shared(), SystemEntropy::shared()).await
}

#[tokio::test]
async fn put_counts_what_the_target_saw_and_tidies_up() {
    let target = FakeTarget::start(Faults::default()).await;
    let result = bench(&target, "put --batch 10 --connections 3 --streams 2 --repeat 2").await.unwrap();
    assert_eq!(result.runs.len(), 2);
    let state = target.state.lock();
    let counted: u64 = result.runs.iter().map(|run| run.operations["put"].records).sum();
    assert!(counted > 0 && counted < state.records_seen, "{counted} of {}", state.records_seen);
    let put = &result.runs[0].operations["put"];
    assert_eq!(put.records, put.requests * 10);
    assert!((put.user_mb_per_second - put.records_per_second * 64e-6).abs() < 1e-9);
    assert!(put.wire_mb_per_second > put.user_mb_per_second);
    assert_eq!((state.created, state.unsigned), (2, 0));
    assert!(state.streams.is_empty());
    check(&result).unwrap();
}

#[tokio::test]
async fn a_rate_is_kept_and_not_exceeded() {
    let target = FakeTarget::start(Faults::default()).await;
    let result = bench(&target, "put --batch 1 --connections 4 --rate 500").await.unwrap();
    let put = &result.runs[0].operations["put"];
    // Whoever was due within 400 ms; a busy machine may answer some of them late, but none is left out.
    assert_eq!(put.latency.count, 200);
    assert!(put.requests <= 200 + 25, "{}", put.requests);
}

#[tokio::test]
async fn a_stall_is_charged_to_everyone_who_was_due_meanwhile() {
    let stall = Duration::from_millis(200);
    let target = FakeTarget::start(Faults { stall: Some((60, stall)), ..Faults::default() }).await;
    let result = bench(&target, "put --batch 1 --connections 1 --rate 500").await.unwrap();
    let latency = &result.runs[0].operations["put"].latency;
    // One reply was late by 200 ms, and with it the 100 requests of those 200 ms: half of all.
    assert!(latency.max_ms >= 199.0, "{latency:?}");
    assert!(latency.p90_ms >= 100.0, "{latency:?}");
}

#[tokio::test]
async fn refused_records_are_counted_by_type_and_fail_the_run() {
    let faults = Faults { throttle_every: Some(7), ..Faults::default() };
    for flags in ["put --batch 10 --connections 1 --rate 100", "put --batch 1 --connections 1 --rate 100"] {
        let target = FakeTarget::start(faults).await;
        let result = bench(&target, flags).await.unwrap();
        let errors = &result.runs[0].operations["put"].errors;
        let expected = target.state.lock().records_seen / 7;
        assert_eq!(errors.get("ProvisionedThroughputExceededException"), Some(&expected), "{flags}");
        let error = check(&result).unwrap_err().to_string();
        assert!(error.contains("ProvisionedThroughputExceededException"), "{error}");
    }
}

#[tokio::test]
async fn get_reads_every_page_and_begins_again() {
    let target = FakeTarget::start(Faults::default()).await;
    // 1 MiB of 64 bytes each: 16,384 records, 17 pages and the empty one that is the end.
    let result = bench(&target, "get --fill-mib 1 --batch 500 --connections 2").await.unwrap();
    let get = &result.runs[0].operations["get"];
    assert!(get.records > 0 && get.records <= get.requests * PAGE_RECORDS as u64);
    let user_bytes = get.user_mb_per_second * 1e6 * result.runs[0].measured_secs;
    assert!((user_bytes - get.records as f64 * 64.0).abs() < 1.0);
    let state = target.state.lock();
    assert!(state.records_seen >= 16_384);
    assert!(state.passes > 2, "two connections, and each began again: {}", state.passes);
    check(&result).unwrap();
}

#[tokio::test]
async fn tail_sees_every_record_once() {
    let target = FakeTarget::start(Faults::default()).await;
    let result =
        bench(&target, "tail --rate 300 --batch 2 --writers 2 --readers 2 --streams 2").await.unwrap();
    let operations = &result.runs[0].operations;
    // 300 puts a second for 400 ms, each with 2 records.
    let put = &operations["tail_put"];
    assert_eq!(put.latency.count, 120);
    assert_eq!(operations["tail"].latency.count, (120 - put.unsent) * 2);
    assert!(operations["tail"].latency.p50_ms >= operations["tail_put"].latency.min_ms);
    check(&result).unwrap();
}

#[tokio::test]
async fn a_record_that_never_comes_out_fails_the_run() {
    let target = FakeTarget::start(Faults { lose_every: Some(50), ..Faults::default() }).await;
    let result = bench(&target, "tail --rate 300 --drain 100ms").await.unwrap();
    let lost = target.state.lock().records_seen / 50;
    assert_eq!(result.runs[0].operations["tail"].errors.get("missing record"), Some(&lost));
    assert!(check(&result).unwrap_err().to_string().contains("missing record"));
}

#[tokio::test]
async fn mixed_measures_all_of_them_on_streams_of_their_own() {
    let target = FakeTarget::start(Faults::default()).await;
    let result = bench(&target, "mixed --fill-mib 1 --batch 20 --rate 200").await.unwrap();
    let operations: Vec<_> = result.summary.keys().map(String::as_str).collect();
    assert_eq!(operations, ["get", "put", "tail", "tail_put"]);
    assert!(result.summary.values().all(|summary| summary.records_per_second.median > 0.0));
    assert_eq!(target.state.lock().created, 3);
}

#[tokio::test]
async fn failures_name_their_cause_and_leave_no_stream() {
    let target = FakeTarget::start(Faults::default()).await;
    let error = bench(&target, "put --rate 0").await.unwrap_err();
    assert!(error.to_string().contains("--rate"), "{error}");
    let short = "tail --record-size 4";
    let line = format!("bench {short} --endpoint-url {} --duration 1ms", target.url);
    let line = Line::try_parse_from(line.split_whitespace()).unwrap();
    let error = measure(line.bench.workload, SystemClock::shared(), SystemEntropy::shared()).await;
    assert!(error.unwrap_err().to_string().contains("--record-size"));
    assert!(target.state.lock().streams.is_empty());
    let url = target.url.clone();
    drop(target);
    let line = format!("bench put --endpoint-url {url}");
    let line = Line::try_parse_from(line.split_whitespace()).unwrap();
    let gone = measure(line.bench.workload, SystemClock::shared(), SystemEntropy::shared()).await;
    assert!(gone.unwrap_err().to_string().contains(&url));
}

#[tokio::test]
async fn results_keep_their_field_names() {
    let target = FakeTarget::start(Faults::default()).await;
    let flags = "put --batch 3 --connections 2 --label one --durability none";
    let result = bench(&target, flags).await.unwrap();
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(serde_json::from_value::<BenchResult>(json.clone()).unwrap(), result);
    let keys =
        |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let sorted = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
    assert_eq!(
        keys(&json),
        sorted("format machine parameters runs started_unix_secs summary target workload")
    );
    assert_eq!(keys(&json["target"]), sorted("durability endpoint label"));
    assert_eq!(
        keys(&json["parameters"]),
        sorted(
            "batch connections duration grpc protocol rate record-size repeat shards streams threads unanswered warm-up"
        )
    );
    assert_eq!(
        keys(&json["runs"][0]),
        sorted(
            "generator_cpu_secs measured_secs operations target_cpu_secs target_rss_bytes target_rss_peak_bytes"
        )
    );
    let put = &json["runs"][0]["operations"]["put"];
    assert_eq!(
        keys(put),
        sorted(
            "errors latency records records_per_second requests requests_per_second timeline unsent \
             user_mb_per_second wire_mb_per_second"
        )
    );
    assert_eq!(
        keys(&put["latency"]),
        sorted("count max_ms mean_ms min_ms p50_ms p90_ms p99_9_ms p99_ms points")
    );
    assert_eq!(
        keys(&json["summary"]["put"]),
        sorted(
            "errors max_ms p50_ms p90_ms p99_9_ms p99_ms records_per_second requests_per_second unsent \
             user_mb_per_second wire_mb_per_second"
        )
    );
    assert_eq!(keys(&json["summary"]["put"]["p99_ms"]), sorted("max median min"));
    let table = report::table(&result);
    assert!(table.contains("one, none") && table.contains("requests/s"), "{table}");
}

#[tokio::test]
async fn pictures_are_well_formed_and_name_every_run() {
    let target = FakeTarget::start(Faults::default()).await;
    let mut one = bench(&target, "put --batch 3 --connections 2").await.unwrap();
    one.target.label = "<one> & \"only\" \u{1}".to_owned();
    let mut two = one.clone();
    two.target.durability = "fsynced".to_owned();
    let beside = one.runs[0].operations["put"].latency.clone();
    let mut empty = one.clone();
    empty.runs.clear();
    let svg = report::latency_and_throughput(&[one, two, empty], &[("disk", &beside)]);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<_> = document
        .descendants()
        .filter(roxmltree::Node::is_text)
        .filter_map(|node| node.text())
        .filter(|text| text.contains("<one>"))
        .collect();
    assert_eq!(texts.len(), 4, "a legend for two runs in two charts: {texts:?}");
    let finite = |name: &str| {
        let mut values = document.descendants().filter_map(|node| node.attribute(name));
        values.all(|value| value.trim_end_matches('%').parse::<f64>().is_ok_and(f64::is_finite))
    };
    assert!(["x", "y", "x1", "x2", "y1", "y2", "width", "height"].into_iter().all(finite));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}
