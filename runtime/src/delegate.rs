//! Short work that a thread hands to the runtime.
//!
//! A thread outside of the runtime that wakes tasks may have to wake a thread for each; on one of the runtime's, waking a
//! task is to put it into a queue. What takes long or waits is a task of a [`TaskSet`] instead, which has an owner.
//!
//! [`TaskSet`]: crate::TaskSet

use tokio::runtime::Handle;

/// Runs what it is given on the threads of the runtime that it was made in.
#[derive(Clone, Debug)]
pub struct Delegate(Option<Handle>);

impl Delegate {
    /// Of the runtime that this is called in. Where there is none, the caller does the work itself.
    #[must_use]
    pub fn current() -> Self {
        Self(Handle::try_current().ok())
    }

    /// Runs `work`, which must neither block nor take long. It is dropped without being run if the runtime has ended.
    #[allow(clippy::disallowed_methods)] // it never waits, so nobody has to see to its end
    pub fn run(&self, work: impl FnOnce() + Send + 'static) {
        match &self.0 {
            Some(runtime) => drop(runtime.spawn(async move { work() })),
            None => work(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// The name of the thread that does the work.
    fn worked_by(delegate: &Delegate) -> Option<String> {
        let (tell, told) = mpsc::channel();
        delegate.run(move || tell.send(std::thread::current().name().map(str::to_owned)).unwrap());
        told.recv().unwrap()
    }

    #[test]
    fn work_is_done_by_the_runtime_and_without_one_by_the_caller() {
        let here = std::thread::current().name().map(str::to_owned);
        let outside = Delegate::current();
        assert_eq!(worked_by(&outside), here);
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("worker").build().unwrap();
        let inside = runtime.block_on(async { Delegate::current() });
        assert_eq!(worked_by(&inside).as_deref(), Some("worker"));
    }
}
