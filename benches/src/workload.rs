//! The workloads: which streams or tables they need, which workers they consist of.

mod push;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::time::Duration;

use crate::args::{FillArgs, FollowArgs, RecordArgs, RunArgs, Workload};
use crate::error::Error;
use crate::load::{
    Driven, Fill, GetLoad, Job, Pace, Progress, PutLoad, PutStreamLoad, Schedule, Shards, StampedPuts,
    TailLoad, Timing, drive, put_stream_request,
};
use crate::measure::{OperationResult, Recorder, RunResult};
use crate::payload::{PutPool, PutShape, Record, StampedBody};
use crate::streams::{Caller, Shard};
use push::PushPlan;
pub(crate) use table::TableBench;

/// How long the last replies of a measurement may take.
const GRACE: Duration = Duration::from_secs(30);
/// How long filling may take; AWS takes 1 MiB/s a shard.
const FILL_GRACE: Duration = Duration::from_secs(6 * 3600);
const FILL_CONNECTIONS: usize = 8;
/// Enough different keys that every shard gets some.
const STAMPED_BODIES: usize = 256;
/// Less when they are large, for each is kept as it is sent.
const STAMPED_BYTES_MAX: usize = 64 * 1024 * 1024;
const LIMIT_MAX: u32 = 10_000;
/// Requests of a streaming put that are made before it begins: so many bytes of them, but no more requests than these.
const STREAMED_BYTES: usize = 32 * 1024 * 1024;
const STREAMED_REQUESTS_MAX: usize = 4_096;

/// The surroundings of a benchmark on streams.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) caller: Caller,
    pub(crate) run: RunArgs,
}

/// What was made at the target and has to go again.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) streams: Vec<String>,
    /// ARNs.
    pub(crate) consumers: Vec<String>,
}

/// Everything that a measurement needs, for as many repetitions as wanted.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    put: Option<PutPlan>,
    get: Option<GetPlan>,
    tail: Option<TailPlan>,
    push: Option<PushPlan>,
}

#[derive(Debug)]
struct PutPlan {
    records: RecordArgs,
    connections: usize,
    pace: Pace,
    streams: Vec<String>,
    /// Over gRPC, with so many requests unanswered on a connection.
    unanswered: Option<u16>,
}

#[derive(Debug)]
struct GetPlan {
    shards: Vec<Shard>,
    connections: usize,
    pace: Pace,
    limit: u32,
}

#[derive(Debug)]
struct TailPlan {
    records: RecordArgs,
    follow: FollowArgs,
    pace: Pace,
    streams: Vec<String>,
    shards: Vec<Shard>,
}

impl Bench {
    pub(crate) async fn prepare(&self, workload: &Workload, made: &mut Prepared) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        match workload {
            Workload::Put(args) => {
                let put = self.prepare_put(args.records, args.connections, args.rate, made).await?;
                plan.put = Some(PutPlan { unanswered: args.grpc.then_some(args.unanswered), ..put });
            }
            Workload::Get(args) => {
                let connections = args.connections;
                plan.get =
                    Some(self.prepare_get(args.records, args.fill, (connections, args.rate), made).await?);
            }
            Workload::Tail(args) => {
                let records = RecordArgs { record_size: args.record_size, batch: args.batch };
                plan.tail = Some(self.prepare_tail(records, args.follow, args.rate, made).await?);
            }
            Workload::Push(args) => plan.push = Some(self.prepare_push(args, made).await?),
            Workload::Mixed(args) => {
                let stamped = RecordArgs { batch: 1, ..args.records };
                plan.tail = Some(self.prepare_tail(stamped, args.follow, args.tail_rate, made).await?);
                let readers = (args.get_connections, None);
                plan.get = Some(self.prepare_get(args.records, args.fill, readers, made).await?);
                plan.put = Some(self.prepare_put(args.records, args.connections, args.rate, made).await?);
            }
            Workload::Table(_) | Workload::Disk(_) => {
                return Err(Error::Usage("a table or a disk has no streams".to_owned()));
            }
        }
        Ok(plan)
    }

    async fn prepare_put(
        &self,
        records: RecordArgs,
        connections: usize,
        rate: Option<f64>,
        made: &mut Prepared,
    ) -> Result<PutPlan, Error> {
        let pace = pace(rate)?;
        let streams = self.make_streams(made).await?;
        Ok(PutPlan { records, connections, pace, streams, unanswered: None })
    }

    async fn prepare_get(
        &self,
        records: RecordArgs,
        fill: FillArgs,
        (connections, rate): (usize, Option<f64>),
        made: &mut Prepared,
    ) -> Result<GetPlan, Error> {
        let pace = pace(rate)?;
        let streams = self.make_streams(made).await?;
        self.fill(records, fill.fill_mib, &streams).await?;
        let shards = self.caller.shards(&streams).await?;
        Ok(GetPlan { shards, connections, pace, limit: fill.limit })
    }

    /// Puts so much data, spread over the streams.
    async fn fill(&self, records: RecordArgs, mib: u32, streams: &[String]) -> Result<(), Error> {
        let streams = streams.to_vec();
        let put =
            PutPlan { records, connections: FILL_CONNECTIONS, pace: Pace::Closed, streams, unanswered: None };
        let filling =
            Arc::new(Fill { load: self.put_load(&put), left: AtomicI64::new(i64::from(mib) * 1024 * 1024) });
        let job = || {
            let filling = Arc::clone(&filling);
            Job::new(|seat| filling.worker(seat))
        };
        let jobs = (0..put.connections).map(|_| job()).collect();
        let timing = Timing {
            warm_up: Duration::ZERO,
            duration: Duration::ZERO,
            grace: FILL_GRACE,
            threads: self.run.measurement.threads,
        };
        drive(&self.caller.clock, timing, None, jobs).await.map(drop)
    }

    async fn prepare_tail(
        &self,
        records: RecordArgs,
        follow: FollowArgs,
        rate: f64,
        made: &mut Prepared,
    ) -> Result<TailPlan, Error> {
        let pace = pace(Some(rate))?;
        let streams = self.make_streams(made).await?;
        let shards = self.caller.shards(&streams).await?;
        Ok(TailPlan { records, follow, pace, streams, shards })
    }

    async fn make_streams(&self, made: &mut Prepared) -> Result<Vec<String>, Error> {
        self.make(self.run.streams.max(1), self.run.shards, made).await
    }

    async fn make(&self, streams: usize, shards: u32, made: &mut Prepared) -> Result<Vec<String>, Error> {
        let names = self.caller.stream_names(&self.run.stream_prefix, streams);
        // Noted before they are made: a failure half-way leaves streams that have to go too.
        made.streams.extend(names.iter().cloned());
        self.caller.create_streams(&names, shards).await?;
        Ok(names)
    }

    /// One repetition.
    pub(crate) async fn measure(&self, plan: &Plan) -> Result<RunResult, Error> {
        if let Some(push) = &plan.push {
            return self.measure_push(push).await;
        }
        let mut jobs = Vec::new();
        let streamed = plan.put.as_ref().and_then(|put| Some((put, put.unanswered?)));
        if let Some((put, unanswered)) = streamed {
            self.put_stream_jobs(put, unanswered, &mut jobs);
        }
        let put = plan.put.as_ref().filter(|put| put.unanswered.is_none()).map(|put| {
            let load = Arc::new(self.put_load(put));
            for _ in 0..put.connections.max(1) {
                let load = Arc::clone(&load);
                jobs.push(Job::new(|seat| load.worker(seat)));
            }
            load
        });
        let tail = match &plan.tail {
            Some(tail) => Some(self.tail_jobs(tail, &mut jobs)?),
            None => None,
        };
        let get = plan.get.as_ref().map(|get| self.get_jobs(get, &mut jobs));
        let timing = Timing {
            warm_up: self.run.measurement.warm_up,
            duration: self.run.measurement.duration,
            grace: GRACE + plan.tail.as_ref().map_or(Duration::ZERO, |tail| tail.follow.drain),
            threads: self.run.measurement.threads,
        };
        let driven = drive(&self.caller.clock, timing, self.run.measurement.target.target_pid, jobs).await?;
        let mut recorders = merge(&driven)?;
        let mut amend = |operation, change: &dyn Fn(&mut Recorder)| {
            if let Some(recorder) = recorders.get_mut(operation) {
                change(recorder);
            }
        };
        if let Some(load) = put {
            amend("put", &|recorder| recorder.unsent(&load.schedule.unsent(driven.window)));
        }
        if let Some(load) = get {
            amend("get", &|recorder| recorder.unsent(&load.schedule.unsent(driven.window)));
        }
        if let Some(load) = tail {
            amend("tail_put", &|recorder| recorder.unsent(&load.puts.schedule.unsent(driven.window)));
            amend("tail", &|recorder| recorder.error("missing record", load.missing()));
        }
        Ok(result(&driven, &recorders))
    }

    fn put_load(&self, put: &PutPlan) -> PutLoad {
        let (batch, record_bytes) = (put.records.batch.max(1), put.records.record_size);
        let shape = PutShape { protocol: self.run.protocol, streams: &put.streams, batch, record_bytes };
        PutLoad {
            endpoint: self.caller.endpoint.clone(),
            pool: PutPool::new(shape, Arc::clone(&self.caller.signer), &self.caller.entropy),
            schedule: Schedule::new(put.pace),
            protocol: self.run.protocol,
            batch,
            record_bytes,
        }
    }

    fn put_stream_jobs(&self, put: &PutPlan, unanswered: u16, jobs: &mut Vec<Job>) {
        let (batch, record_bytes) = (put.records.batch.max(1), put.records.record_size);
        let requests = (STREAMED_BYTES / (batch * record_bytes).max(1) / put.streams.len().max(1))
            .clamp(usize::from(unanswered), STREAMED_REQUESTS_MAX);
        let request = |stream: &String| {
            let record = |_| Record::random(&self.caller.entropy, record_bytes);
            put_stream_request(stream, &(0..batch).map(record).collect::<Vec<_>>())
        };
        let of_stream = |stream| (0..requests).map(|_| request(stream)).collect();
        let load = Arc::new(PutStreamLoad {
            endpoint: self.caller.endpoint.clone(),
            streams: put.streams.iter().map(of_stream).collect(),
            next_stream: AtomicUsize::new(0),
            unanswered_max: unanswered.into(),
            record_bytes,
        });
        for _ in 0..put.connections.max(1) {
            let load = Arc::clone(&load);
            jobs.push(Job::new(|seat| load.worker(seat)));
        }
    }

    fn get_jobs(&self, get: &GetPlan, jobs: &mut Vec<Job>) -> Arc<GetLoad> {
        let load = Arc::new(GetLoad {
            caller: self.caller.clone(),
            shards: Shards::new(get.shards.clone()),
            schedule: Schedule::new(get.pace),
            protocol: self.run.protocol,
            limit: get.limit.clamp(1, LIMIT_MAX),
        });
        for _ in 0..get.connections.max(1) {
            let load = Arc::clone(&load);
            jobs.push(Job::new(|seat| load.worker(seat)));
        }
        load
    }

    fn tail_jobs(&self, tail: &TailPlan, jobs: &mut Vec<Job>) -> Result<Arc<TailLoad>, Error> {
        let writers = tail.follow.writers.max(1);
        let load = Arc::new(TailLoad {
            puts: self.stamped_puts(tail.records, tail.pace, &tail.streams, false)?,
            poll: tail.follow.poll,
            drain: tail.follow.drain,
            limit: LIMIT_MAX,
            progress: Progress::of(writers),
        });
        for _ in 0..writers {
            let load = Arc::clone(&load);
            jobs.push(Job::new(|seat| load.writer(seat)));
        }
        let readers = tail.follow.readers.clamp(1, tail.shards.len().max(1));
        for reader in 0..readers {
            let load = Arc::clone(&load);
            let shards: Vec<_> = tail.shards.iter().skip(reader).step_by(readers).cloned().collect();
            jobs.push(Job::new(|seat| load.reader(seat, shards)));
        }
        Ok(load)
    }

    fn stamped_puts(
        &self,
        records: RecordArgs,
        pace: Pace,
        streams: &[String],
        grpc: bool,
    ) -> Result<StampedPuts, Error> {
        let (batch, record_bytes) = (records.batch.max(1), records.record_size);
        let fitting = STAMPED_BYTES_MAX / (batch * record_bytes).max(1);
        let bodies = streams.iter().cycle().take(STAMPED_BODIES.min(fitting).max(streams.len()));
        let bodies = bodies.map(|stream| {
            let record = |_| Record::random(&self.caller.entropy, record_bytes);
            let records = (0..batch).map(record).collect::<Vec<_>>();
            if grpc {
                return StampedBody::within(&put_stream_request(stream, &records), &records);
            }
            StampedBody::new(self.run.protocol, stream, &records)
        });
        let bodies: Option<Vec<_>> = bodies.collect();
        Ok(StampedPuts {
            caller: self.caller.clone(),
            protocol: self.run.protocol,
            schedule: Schedule::new(pace),
            bodies: bodies.ok_or_else(|| Error::Usage("--record-size must be 12 or more".to_owned()))?,
            next_body: AtomicUsize::new(0),
            batch,
            record_bytes,
            run: u32::from_le_bytes(self.caller.entropy.bytes()),
        })
    }
}

fn pace(rate: Option<f64>) -> Result<Pace, Error> {
    match rate {
        None => Ok(Pace::Closed),
        Some(per_second) if per_second.is_finite() && per_second > 0.0 => {
            Ok(Pace::Open { per_second, at_once: 1 })
        }
        Some(_) => Err(Error::Usage("--rate must be above 0".to_owned())),
    }
}

fn merge(driven: &Driven) -> Result<BTreeMap<&'static str, Recorder>, Error> {
    let mut recorders = BTreeMap::new();
    for tally in &driven.tallies {
        match recorders.get_mut(tally.operation) {
            None => {
                recorders.insert(tally.operation, tally.recorder.clone());
            }
            Some(recorder) => recorder.merge(&tally.recorder)?,
        }
    }
    Ok(recorders)
}

fn result(driven: &Driven, recorders: &BTreeMap<&'static str, Recorder>) -> RunResult {
    let operations =
        recorders.iter().map(|(name, recorder)| ((*name).to_owned(), OperationResult::of(recorder)));
    RunResult {
        measured_secs: driven.window.measured().as_secs_f64(),
        generator_cpu_secs: driven.generator_cpu.as_secs_f64(),
        target_cpu_secs: driven.target.map(|usage| usage.cpu.as_secs_f64()),
        target_rss_bytes: driven.target.map(|usage| usage.rss_bytes),
        target_rss_peak_bytes: driven.target.map(|usage| usage.rss_peak_bytes),
        operations: operations.collect(),
        push: None,
    }
}
