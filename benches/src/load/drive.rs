//! Starting workers, measuring around them, and collecting what they report.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use millstream_runtime::{OnFailure, SharedClock, TaskSet, threads};
use tokio::sync::{mpsc, watch};

use super::Alarm;
use crate::error::Error;
use crate::measure::{Recorder, Usage, Window, own_cpu, usage_of};

/// How long a load runs, and on how many threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
    /// How long the last replies may take after that.
    pub(crate) grace: Duration,
    pub(crate) threads: usize,
}

/// What one worker measured of one kind of operation.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) operation: &'static str,
    pub(crate) recorder: Recorder,
}

/// A worker that has not begun.
pub(crate) struct Job(Box<dyn FnOnce(Seat) -> Work + Send>);

type Work = Pin<Box<dyn Future<Output = Result<Vec<Tally>, Error>> + Send>>;

impl Job {
    pub(crate) fn new<F>(worker: impl FnOnce(Seat) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<Tally>, Error>> + Send + 'static,
    {
        Self(Box::new(|seat| Box::pin(worker(seat))))
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

/// A worker's place in the load.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) clock: SharedClock,
    reports: mpsc::UnboundedSender<Report>,
    window: watch::Receiver<Option<Window>>,
}

#[derive(Debug)]
enum Report {
    Ready,
    Done(Result<Vec<Tally>, Error>),
}

impl Seat {
    pub(crate) fn alarm(&self) -> Result<Alarm, Error> {
        Ok(Alarm::precise(self.clock.clone())?)
    }

    /// Says that this worker has all that it needs, and waits until that holds for everyone.
    pub(crate) async fn ready(&mut self) -> Result<Window, Error> {
        // Nobody listens any more only when the load was given up.
        self.reports.send(Report::Ready).map_err(|_| Error::Interrupted)?;
        let window = self.window.wait_for(Option::is_some).await.map_err(|_| Error::Interrupted)?;
        window.ok_or(Error::Interrupted)
    }
}

/// A load that went through.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) window: Window,
    pub(crate) tallies: Vec<Tally>,
    pub(crate) generator_cpu: Duration,
    /// Of the watched process: processor time while measuring, memory at the end.
    pub(crate) target: Option<Usage>,
    /// Of the watched process, before the first worker did anything.
    pub(crate) target_at_rest: Option<Usage>,
}

/// Runs every job to its end and watches the target's process, if one is given, meanwhile.
pub(crate) async fn drive(
    clock: &SharedClock,
    timing: Timing,
    target_pid: Option<u32>,
    jobs: Vec<Job>,
) -> Result<Driven, Error> {
    let target_at_rest = target_pid.and_then(usage_of);
    let (reports, inbox) = mpsc::unbounded_channel();
    let (open, window) = watch::channel(None);
    let workers = jobs.len();
    let seat = Seat { clock: clock.clone(), reports, window };
    let crew = Crew { tasks: TaskSet::default() };
    let mut handles = Vec::new();
    for share in deal(jobs, timing.threads) {
        let (tasks, seat) = (crew.tasks.clone(), seat.clone());
        handles.push(threads::spawn("load", move || work(share, &seat, &tasks))?);
    }
    drop(seat);
    let mut foreman = Foreman { clock, inbox, waiting: workers, tallies: Vec::new() };
    foreman.all_ready(workers).await?;
    let window = Window::starting_at(clock.monotonic(), timing.warm_up, timing.duration);
    open.send_replace(Some(window));
    foreman.until(window.from).await?;
    let (cpu_before, target_before) = (own_cpu(), target_pid.and_then(usage_of));
    foreman.until(window.until).await?;
    let generator_cpu = own_cpu().saturating_sub(cpu_before);
    let target = target_pid
        .and_then(usage_of)
        .zip(target_before)
        .map(|(after, before)| Usage { cpu: after.cpu.saturating_sub(before.cpu), ..after });
    foreman.all_done(timing.grace).await?;
    let tallies = foreman.tallies;
    drop(crew);
    for handle in handles {
        if let Some(Ok(outcome)) = TaskSet::blocking(|| handle.join()).await {
            outcome?;
        }
    }
    Ok(Driven { window, tallies, generator_cpu, target, target_at_rest })
}

/// Ends its workers when the load ends, is given up or is interrupted.
struct Crew {
    tasks: TaskSet,
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.tasks.shutdown();
    }
}

/// Spreads jobs evenly; never more threads than jobs.
fn deal(jobs: Vec<Job>, threads: usize) -> Vec<Vec<Job>> {
    let mut shares: Vec<Vec<Job>> = Vec::new();
    shares.resize_with(threads.clamp(1, jobs.len().max(1)), Vec::new);
    let count = shares.len();
    for (index, job) in jobs.into_iter().enumerate() {
        shares[index % count].push(job);
    }
    shares
}

/// The body of a thread: runs its workers until everyone is told to stop.
fn work(jobs: Vec<Job>, seat: &Seat, tasks: &TaskSet) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for job in jobs {
            let seat = seat.clone();
            tasks.spawn("load worker", OnFailure::Shutdown, async move {
                let reports = seat.reports.clone();
                let done = job.0(seat).await;
                // Nobody listens any more only when the load was given up.
                let _ = reports.send(Report::Done(done));
                Ok::<_, Infallible>(())
            });
        }
        tasks.stopping().await;
    });
    Ok(())
}

/// Follows the workers' reports.
struct Foreman<'a> {
    clock: &'a SharedClock,
    inbox: mpsc::UnboundedReceiver<Report>,
    /// Workers that are not done.
    waiting: usize,
    tallies: Vec<Tally>,
}

impl Foreman<'_> {
    async fn all_ready(&mut self, workers: usize) -> Result<(), Error> {
        let mut ready = 0;
        while ready < workers {
            match self.inbox.recv().await {
                Some(Report::Ready) => ready += 1,
                Some(done) => self.take(done)?,
                None => return Err(Error::Interrupted),
            }
        }
        Ok(())
    }

    /// Waits for a point in time; returns early only with a worker's error.
    async fn until(&mut self, deadline: Duration) -> Result<(), Error> {
        loop {
            let left = deadline.saturating_sub(self.clock.monotonic());
            if left.is_zero() {
                return Ok(());
            }
            let sleep = self.clock.sleep(left);
            if self.waiting == 0 {
                sleep.await;
                continue;
            }
            tokio::select! {
                report = self.inbox.recv() => self.take(report.ok_or(Error::Interrupted)?)?,
                () = sleep => {}
            }
        }
    }

    async fn all_done(&mut self, grace: Duration) -> Result<(), Error> {
        let deadline = self.clock.monotonic() + grace;
        while self.waiting > 0 {
            let left = deadline.saturating_sub(self.clock.monotonic());
            match self.clock.timeout(left, self.inbox.recv()).await {
                Some(report) => self.take(report.ok_or(Error::Interrupted)?)?,
                None => return Err(Error::Stalled { unfinished: self.waiting, grace }),
            }
        }
        Ok(())
    }

    fn take(&mut self, report: Report) -> Result<(), Error> {
        if let Report::Done(tallies) = report {
            self.tallies.extend(tallies?);
            self.waiting -= 1;
        }
        Ok(())
    }
}
