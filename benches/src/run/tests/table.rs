//! Renewals against a table whose every item is known.

use super::*;

async fn bench(target: &FakeTarget, flags: &str) -> Result<BenchResult, Error> {
    let line = format!("bench table {flags} --endpoint-url {} --duration 400ms --warm-up 50ms", target.url);
    let line = Line::try_parse_from(line.split_whitespace()).unwrap();
    measure(line.bench.workload, SystemClock::shared(), SystemEntropy::shared()).await
}

fn counters(table: &BTreeMap<String, serde_json::Value>) -> Vec<u64> {
    table.values().map(|item| item["leaseCounter"]["N"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn every_update_moves_its_lease_by_one_in_either_spelling() {
    for spelling in ["legacy", "expression"] {
        let target = FakeTarget::start(Faults::default()).await;
        let flags = format!("--connections 3 --items 52 --repeat 2 --spelling {spelling}");
        let result = bench(&target, &flags).await.unwrap();
        check(&result).unwrap();
        assert_eq!((result.workload.as_str(), result.runs.len()), ("table", 2));
        let state = target.state.lock();
        assert_eq!((state.created, state.unsigned, state.tables.len()), (1, 0, 0));
        let counters = counters(&state.deleted_tables[0]);
        assert_eq!((counters.len(), counters.iter().sum::<u64>()), (52, state.updates));
        assert!(counters.iter().all(|counter| *counter > 0), "{counters:?}");
        let measured: u64 = result.runs.iter().map(|run| run.operations["update"].records).sum();
        assert!(measured > 0 && measured < state.updates, "{measured} of {}", state.updates);
    }
}

#[tokio::test]
async fn a_forgotten_update_fails_the_next_and_with_it_the_run() {
    let target = FakeTarget::start(Faults { lose_every: Some(20), ..Faults::default() }).await;
    let result = bench(&target, "--mode renew --connections 2 --items 20 --period 100ms").await.unwrap();
    let errors = &result.runs[0].operations["renew"].errors;
    assert!(errors["ConditionalCheckFailedException"] > 0, "{errors:?}");
    let error = check(&result).unwrap_err().to_string();
    assert!(error.contains("ConditionalCheckFailedException"), "{error}");
}

#[tokio::test]
async fn leases_are_renewed_in_their_rhythm() {
    let target = FakeTarget::start(Faults::default()).await;
    let flags = "--mode renew --connections 4 --items 50 --workers 50 --period 100ms";
    let result = bench(&target, flags).await.unwrap();
    check(&result).unwrap();
    let renew = &result.runs[0].operations["renew"];
    // 50 leases in 100 ms are 200 in 400 ms, each of which counts however late it came.
    assert_eq!(renew.latency.count, 200);
    let counters = counters(&target.state.lock().deleted_tables[0]);
    assert_eq!(counters.iter().sum::<u64>() + renew.unsent, 225, "50 ms of warm-up and 400 ms");
    let (least, most) = (counters.iter().min().unwrap(), counters.iter().max().unwrap());
    assert!(most - least <= 1 + renew.unsent, "{counters:?}");
}

#[tokio::test]
async fn a_stall_is_charged_to_the_renewals_that_were_due() {
    let stall = Duration::from_millis(200);
    let target = FakeTarget::start(Faults { stall: Some((60, stall)), ..Faults::default() }).await;
    let result = bench(&target, "--mode renew --connections 1 --items 50 --period 100ms").await.unwrap();
    let latency = &result.runs[0].operations["renew"].latency;
    assert!(latency.max_ms >= 199.0, "{latency:?}");
    assert!(latency.p90_ms >= 100.0, "{latency:?}");
}

#[tokio::test]
async fn throttling_leaves_a_lease_as_it_was() {
    let target = FakeTarget::start(Faults { throttle_every: Some(3), ..Faults::default() }).await;
    let result = bench(&target, "--connections 2 --items 2").await.unwrap();
    let errors = &result.runs[0].operations["update"].errors;
    let state = target.state.lock();
    assert_eq!(errors.get("ProvisionedThroughputExceededException"), Some(&(state.updates / 3)));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(counters(&state.deleted_tables[0]).iter().sum::<u64>(), state.updates - state.updates / 3);
}

#[tokio::test]
async fn flags_that_do_not_fit_are_refused() {
    let target = FakeTarget::start(Faults::default()).await;
    for flags in ["--connections 3 --items 2", "--mode renew --period 0s", "--items 0"] {
        let error = bench(&target, flags).await.unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
    }
    assert_eq!(target.state.lock().created, 0);
}

#[tokio::test]
async fn the_parameters_of_a_table_are_kept() {
    let target = FakeTarget::start(Faults::default()).await;
    let result = bench(&target, "--connections 1 --items 5 --keep").await.unwrap();
    let names: Vec<_> = result.parameters.keys().map(String::as_str).collect();
    let expected = [
        "connections",
        "duration",
        "items",
        "mode",
        "period",
        "repeat",
        "spelling",
        "threads",
        "warm-up",
        "workers",
    ];
    assert_eq!(names, expected);
    assert_eq!(result.parameters["mode"], "update");
    assert_eq!(target.state.lock().tables.len(), 1);
}
