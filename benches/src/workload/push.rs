//! The workload with subscribers: consumers, their places, and what is told of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Bench, GRACE, Prepared, merge, pace, result};
use crate::args::{PushArgs, RecordArgs};
use crate::error::Error;
use crate::load::{
    AFTER_ACKNOWLEDGEMENT, Driven, Job, Place, PushLoad, PushPuts, Role, Timing, Trace, Transport, Wire,
    drive,
};
use crate::measure::{IdleResult, Latency, PushResult, Recorder, RunResult, Spread};

/// As many as AWS allows a stream.
const IDLE_CONSUMERS: usize = 20;
/// Subscriptions that one worker holds. Targets take so many streams on an HTTP/2 connection.
const GROUP_MAX: usize = 100;

/// A consumer's ARN and one of its shards.
type Pair = (String, String);

/// What was made for the workload.
#[derive(Debug)]
pub(super) struct PushPlan {
    args: PushArgs,
    streams: Vec<String>,
    /// Each with its pairs.
    consumers: Vec<Vec<Pair>>,
    idle: Vec<Pair>,
}

/// One repetition's workers, in so far as they are asked afterwards.
struct Cast {
    load: Arc<PushLoad>,
    /// `None` when nobody writes.
    puts: Option<Arc<PushPuts>>,
    /// Data that each consumer was brought while measured.
    brought_bytes: Vec<Arc<AtomicU64>>,
    subscriptions: usize,
}

impl PushArgs {
    fn records(&self) -> RecordArgs {
        RecordArgs { record_size: self.record_size, batch: self.batch }
    }

    fn role(&self) -> Role {
        if self.fill_mib > 0 { Role::CatchUp } else { Role::Follow }
    }
}

impl Bench {
    pub(super) async fn prepare_push(&self, args: &PushArgs, made: &mut Prepared) -> Result<PushPlan, Error> {
        pace(Some(args.rate))?;
        if args.consumers + args.idle_subscriptions == 0 {
            return Err(Error::Usage(
                "nobody subscribes: give --consumers or --idle-subscriptions".to_owned(),
            ));
        }
        let mut plan =
            PushPlan { args: args.clone(), streams: Vec::new(), consumers: Vec::new(), idle: Vec::new() };
        if args.consumers > 0 {
            plan.streams = self.make_streams(made).await?;
            for stream in &plan.streams {
                plan.consumers.extend(self.subscribers(stream, args.consumers, made).await?);
            }
            if args.fill_mib > 0 {
                self.fill(args.records(), args.fill_mib, &plan.streams).await?;
            }
        }
        if args.idle_subscriptions > 0 {
            let consumers = IDLE_CONSUMERS.min(args.idle_subscriptions);
            let shards = args.idle_subscriptions.div_ceil(consumers);
            let shards = u32::try_from(shards)
                .map_err(|_| Error::Usage("--idle-subscriptions are too many".to_owned()))?;
            for stream in self.make(1, shards, made).await? {
                plan.idle.extend(self.subscribers(&stream, consumers, made).await?.into_iter().flatten());
            }
            plan.idle.truncate(args.idle_subscriptions);
        }
        Ok(plan)
    }

    /// Registers consumers of a stream and pairs each with every shard.
    async fn subscribers(
        &self,
        stream: &str,
        consumers: usize,
        made: &mut Prepared,
    ) -> Result<Vec<Vec<Pair>>, Error> {
        let arns = self.caller.register_consumers(stream, consumers, &mut made.consumers).await?;
        let shards = self.caller.shards(&[stream.to_owned()]).await?;
        let pairs = |arn: &String| shards.iter().map(|shard| (arn.clone(), shard.id.clone())).collect();
        Ok(arns.iter().map(pairs).collect())
    }

    pub(super) async fn measure_push(&self, plan: &PushPlan) -> Result<RunResult, Error> {
        let mut jobs = Vec::new();
        let cast = self.cast(plan, &mut jobs)?;
        let timing = Timing {
            warm_up: self.run.measurement.warm_up,
            duration: self.run.measurement.duration,
            grace: GRACE + plan.args.drain,
            threads: self.run.measurement.threads,
        };
        let driven = drive(&self.caller.clock, timing, self.run.measurement.target.target_pid, jobs).await?;
        let mut recorders = merge(&driven)?;
        let after_acknowledgement = recorders.remove(AFTER_ACKNOWLEDGEMENT);
        if let Some(recorder) = recorders.get_mut("push") {
            recorder.error("missing record", cast.load.trace.missing());
            recorder.error("record that no put explains", cast.load.trace.unexplained());
        }
        if let (Some(puts), Some(recorder)) = (&cast.puts, recorders.get_mut("push_put")) {
            recorder.unsent(&puts.puts.schedule.unsent(driven.window));
        }
        let push = cast.result(plan, &driven, after_acknowledgement.as_ref());
        Ok(RunResult { push: Some(push), ..result(&driven, &recorders) })
    }

    /// Workers that write, and workers that hold the subscriptions.
    fn cast(&self, plan: &PushPlan, jobs: &mut Vec<Job>) -> Result<Cast, Error> {
        let args = &plan.args;
        let writers = match args.role() {
            Role::Follow if args.consumers > 0 => args.writers.max(1),
            _ => 0,
        };
        let puts = match writers {
            0 => None,
            _ => Some(self.stamped_puts(args.records(), pace(Some(args.rate))?, &plan.streams, args.grpc)?),
        };
        let run = puts.as_ref().map_or(0, |puts| puts.run);
        let trace = Arc::new(Trace::new(run, writers, args.consumers));
        let puts = puts.map(|puts| Arc::new(PushPuts { puts, trace: Arc::clone(&trace), grpc: args.grpc }));
        for writer in puts.iter().cycle().take(writers) {
            let writer = Arc::clone(writer);
            jobs.push(Job::new(|seat| writer.writer(seat)));
        }
        let load = Arc::new(PushLoad {
            transport: Transport {
                caller: self.caller.clone(),
                wire: match (args.grpc, args.http2) {
                    (true, _) => Wire::Grpc,
                    (false, true) => Wire::Http2,
                    (false, false) => Wire::Http1,
                },
                verify: !args.skip_checksums,
            },
            trace,
            drain: args.drain,
            renewals: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
        });
        let mut places = Vec::new();
        let mut brought_bytes = Vec::new();
        for pairs in &plan.consumers {
            let brought = Arc::new(AtomicU64::new(0));
            places.extend(pairs.iter().map(|pair| place(pair, &brought)));
            brought_bytes.push(brought);
        }
        let subscriptions = places.len();
        self.hold(&load, &places, args.role(), jobs);
        let nothing = Arc::default();
        let idle: Vec<Place> = plan.idle.iter().map(|pair| place(pair, &nothing)).collect();
        self.hold(&load, &idle, Role::Idle, jobs);
        Ok(Cast { load, puts, brought_bytes, subscriptions })
    }

    /// Deals subscriptions to as few workers as can hold them, but at least one on every thread.
    fn hold(&self, load: &Arc<PushLoad>, places: &[Place], role: Role, jobs: &mut Vec<Job>) {
        let share = places.len().div_ceil(self.run.measurement.threads.max(1)).clamp(1, GROUP_MAX);
        for places in places.chunks(share) {
            let (load, places) = (Arc::clone(load), places.to_vec());
            jobs.push(Job::new(move |seat| load.subscriber(seat, places, role)));
        }
    }
}

fn place((consumer_arn, shard_id): &Pair, brought_bytes: &Arc<AtomicU64>) -> Place {
    Place {
        consumer_arn: consumer_arn.clone(),
        shard_id: shard_id.clone(),
        brought_bytes: Arc::clone(brought_bytes),
    }
}

impl Cast {
    fn result(
        &self,
        plan: &PushPlan,
        driven: &Driven,
        after_acknowledgement: Option<&Recorder>,
    ) -> PushResult {
        let secs = driven.window.measured().as_secs_f64().max(f64::MIN_POSITIVE);
        let rates = self.brought_bytes.iter().map(|bytes| bytes.load(Ordering::Relaxed) as f64 / 1e6 / secs);
        PushResult {
            consumers: plan.consumers.len() as u64,
            subscriptions: self.subscriptions as u64,
            consumer_mb_per_second: Spread::of(rates),
            after_acknowledgement: after_acknowledgement
                .map_or_else(Latency::default, |recorder| Latency::of(&recorder.latency_nanos)),
            ahead_of_acknowledgement: self.load.ahead.load(Ordering::Relaxed),
            renewals: self.load.renewals.load(Ordering::Relaxed),
            idle: (!plan.idle.is_empty()).then(|| idle(plan.idle.len(), driven)),
        }
    }
}

fn idle(subscriptions: usize, driven: &Driven) -> IdleResult {
    let grown = driven.target_at_rest.zip(driven.target).map(|(before, after)| {
        // It may have given memory back meanwhile.
        after.rss_bytes as f64 - before.rss_bytes as f64
    });
    IdleResult {
        subscriptions: subscriptions as u64,
        target_rss_before_bytes: driven.target_at_rest.map(|usage| usage.rss_bytes),
        target_bytes_each: grown.map(|bytes| bytes / subscriptions as f64),
    }
}
