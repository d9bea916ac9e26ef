//! One benchmark from its flags to its result.

use std::collections::BTreeMap;
use std::env;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use millstream_runtime::{SharedClock, SharedEntropy};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{BenchArgs, MeasurementArgs, OutputArgs, RunArgs, TableArgs, TargetArgs, Workload};
use crate::error::Error;
use crate::measure::{BenchResult, FORMAT, Machine, RunResult, Summary, Target};
use crate::streams::Caller;
use crate::wire::{Credentials, Endpoint, Service, Signer, Trust};
use crate::workload::{Bench, Prepared, TableBench};
use crate::{disk, report};

/// Runs what `millstream bench` was asked for and prints it. An error reply fails the run, after its result
/// has been written, unless `--allow-errors` says otherwise.
pub async fn run(args: BenchArgs, clock: SharedClock, entropy: SharedEntropy) -> Result<(), Error> {
    if let Workload::Disk(disk) = args.workload {
        let result = disk::probe(&disk, &clock, &entropy).await?;
        report::write_json(disk.json.as_deref(), &result)?;
        return report::print(&report::disk_table(&result));
    }
    let (output, allow_errors) = match measurement_args(&args.workload) {
        Some(measurement) => (measurement.output.clone(), measurement.allow_errors),
        None => (OutputArgs::default(), false),
    };
    let result = measure(args.workload, clock, entropy).await?;
    write(&output, &result)?;
    if allow_errors { Ok(()) } else { check(&result) }
}

/// Measures a workload without printing anything.
pub(crate) async fn measure(
    workload: Workload,
    clock: SharedClock,
    entropy: SharedEntropy,
) -> Result<BenchResult, Error> {
    let Some(measurement) = measurement_args(&workload) else {
        return Err(Error::Usage("a disk is not a target".to_owned()));
    };
    let service = if matches!(workload, Workload::Table(_)) { Service::DynamoDb } else { Service::Kinesis };
    let caller = caller(service, &measurement.target, clock.clone(), entropy)?;
    let target = Target {
        endpoint: caller.endpoint.url(),
        label: measurement.target.label.clone(),
        durability: measurement.target.durability.clone(),
    };
    let started_unix_secs = clock.now().as_secs();
    let (name, parameters) = match &workload {
        Workload::Put(args) => ("put", parameters(args)?),
        Workload::Get(args) => ("get", parameters(args)?),
        Workload::Tail(args) => ("tail", parameters(args)?),
        Workload::Push(args) => ("push", parameters(args)?),
        Workload::Mixed(args) => ("mixed", parameters(args)?),
        Workload::Table(args) => ("table", parameters(args)?),
        Workload::Disk(_) => ("disk", BTreeMap::new()),
    };
    let runs = match (&workload, run_args(&workload)) {
        (Workload::Table(args), _) => on_table(caller, args).await?,
        (_, Some(run)) => on_streams(Bench { caller, run: run.clone() }, &workload).await?,
        (_, None) => Vec::new(),
    };
    let summary = Summary::of(&runs);
    let workload = name.to_owned();
    let machine = Machine::this();
    Ok(BenchResult {
        format: FORMAT,
        workload,
        target,
        parameters,
        machine,
        started_unix_secs,
        runs,
        summary,
    })
}

/// Measures, and takes away what was made for it.
async fn on_streams(bench: Bench, workload: &Workload) -> Result<Vec<RunResult>, Error> {
    let mut prepared = Prepared::default();
    let outcome = unless_interrupted(repeat(&bench, workload, &mut prepared)).await;
    if !bench.run.measurement.keep {
        // All of it goes after a failure too; the failure itself is the better news.
        let deregistered = bench.caller.deregister_consumers(&prepared.consumers).await;
        let had_consumers = !prepared.consumers.is_empty();
        let deleted = bench.caller.delete_streams(&prepared.streams, had_consumers).await;
        outcome.as_ref().map_or(Ok(()), |_| deregistered.and(deleted))?;
    }
    outcome
}

async fn on_table(caller: Caller, args: &TableArgs) -> Result<Vec<RunResult>, Error> {
    let bench = TableBench::new(caller, args)?;
    let outcome = unless_interrupted(bench.runs()).await;
    if !args.measurement.keep {
        let deleted = bench.delete_table().await;
        outcome.as_ref().map_or(Ok(()), |_| deleted)?;
    }
    outcome
}

async fn repeat(
    bench: &Bench,
    workload: &Workload,
    prepared: &mut Prepared,
) -> Result<Vec<RunResult>, Error> {
    let plan = bench.prepare(workload, prepared).await?;
    let mut runs = Vec::new();
    for _ in 0..bench.run.measurement.repeat.max(1) {
        runs.push(bench.measure(&plan).await?);
    }
    Ok(runs)
}

/// Ctrl-C and SIGTERM end the measurement, not the process, so that what was made can be taken away again.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = work => outcome,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Err(Error::Interrupted)
        }
        _ = terminate.recv() => Err(Error::Interrupted),
    }
}

/// Fails when any reply was an error.
pub(crate) fn check(result: &BenchResult) -> Result<(), Error> {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in result.summary.values().flat_map(|summary| &summary.errors) {
        *kinds.entry(kind).or_default() += count;
    }
    let count = kinds.values().sum();
    if count == 0 {
        return Ok(());
    }
    let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} x {kind}")).collect();
    Err(Error::Replies { count, kinds: kinds.join(", ") })
}

fn write(output: &OutputArgs, result: &BenchResult) -> Result<(), Error> {
    report::write_json(output.json.as_deref(), result)?;
    if let Some(path) = &output.svg {
        let mut results = report::read_results(&output.beside)?;
        results.push(result.clone());
        report::write_svg(path, &results)?;
    }
    report::print(&report::table(result))
}

fn run_args(workload: &Workload) -> Option<&RunArgs> {
    match workload {
        Workload::Put(args) => Some(&args.run),
        Workload::Get(args) => Some(&args.run),
        Workload::Tail(args) => Some(&args.run),
        Workload::Push(args) => Some(&args.run),
        Workload::Mixed(args) => Some(&args.run),
        Workload::Table(_) | Workload::Disk(_) => None,
    }
}

fn measurement_args(workload: &Workload) -> Option<&MeasurementArgs> {
    match workload {
        Workload::Table(args) => Some(&args.measurement),
        workload => run_args(workload).map(|run| &run.measurement),
    }
}

fn parameters(args: &impl Serialize) -> Result<BTreeMap<String, serde_json::Value>, Error> {
    Ok(serde_json::from_value(serde_json::to_value(args)?)?)
}

pub(crate) fn caller(
    service: Service,
    args: &TargetArgs,
    clock: SharedClock,
    entropy: SharedEntropy,
) -> Result<Caller, Error> {
    let url = args
        .endpoint_url
        .clone()
        .or_else(|| first_variable(&[service.endpoint_variable(), "AWS_ENDPOINT_URL"]))
        .ok_or_else(|| {
            // AWS bills by the shard hour, the request and the byte, so it is never the default.
            Error::Usage("which target? give --endpoint-url or set AWS_ENDPOINT_URL".to_owned())
        })?;
    let bundle = args.ca_bundle.clone().or_else(|| first_variable(&["AWS_CA_BUNDLE"]).map(PathBuf::from));
    let trust = match bundle {
        _ if args.insecure => Trust::Anyone,
        Some(path) => Trust::Bundle(path),
        None => Trust::PublicAuthorities,
    };
    let endpoint = Endpoint::parse(&url, &trust)?;
    let region = args
        .region
        .clone()
        .or_else(|| first_variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
        .unwrap_or_else(|| "us-east-1".to_owned());
    let key = first_variable(&["AWS_ACCESS_KEY_ID"]).unwrap_or_else(|| "test".to_owned());
    let secret = first_variable(&["AWS_SECRET_ACCESS_KEY"]).unwrap_or_else(|| "test".to_owned());
    let credentials = Credentials::new(&key, &secret, first_variable(&["AWS_SESSION_TOKEN"]));
    let signer = Arc::new(Signer::new(credentials, region, endpoint.clone(), clock.clone()));
    Ok(Caller { clock, entropy, endpoint, signer })
}

/// The first of these environment variables that holds something.
fn first_variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
