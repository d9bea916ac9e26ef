//! Whether the store may be written to.

use parking_lot::Mutex;

use crate::error::{Error, Result};

#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Good,
    /// RocksDB met a full disk in a write; it takes no more until it is opened anew.
    OutOfSpace,
    /// For good.
    Failed(Error),
}

impl Health {
    /// Fails unless writes may be tried.
    pub(super) fn check(&self) -> Result<()> {
        match &*self.0.lock() {
            State::Good => Ok(()),
            State::OutOfSpace => Err(Error::NoSpace { free: 0, needed: 0 }),
            State::Failed(error) => Err(error.clone()),
        }
    }

    /// Fails once the disk has: nothing may be made durable any more.
    pub(super) fn check_disk(&self) -> Result<()> {
        match &*self.0.lock() {
            State::Failed(error) => Err(error.clone()),
            State::Good | State::OutOfSpace => Ok(()),
        }
    }

    pub(super) fn is_out_of_space(&self) -> bool {
        matches!(&*self.0.lock(), State::OutOfSpace)
    }

    pub(super) fn out_of_space(&self) {
        let mut state = self.0.lock();
        if matches!(*state, State::Good) {
            *state = State::OutOfSpace;
        }
    }

    pub(super) fn space_is_back(&self) {
        let mut state = self.0.lock();
        if matches!(*state, State::OutOfSpace) {
            *state = State::Good;
        }
    }

    /// The first failure stays.
    pub(super) fn fail(&self, error: &Error) {
        let mut state = self.0.lock();
        if !matches!(*state, State::Failed(_)) {
            *state = State::Failed(error.clone());
        }
    }
}
