//! One item as it should be, for the checker.

use stateright::semantics::SequentialSpec;

/// What one item should be: a number, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model(Option<u64>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    PutIfAbsent(u64),
    CompareAndSet { old: u64, new: u64 },
    Add(u64),
    DeleteIf(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Found(Option<u64>),
    Done,
    Refused,
    Sum(u64),
}

impl SequentialSpec for Model {
    type Op = Operation;
    type Ret = Answer;

    fn invoke(&mut self, operation: &Operation) -> Answer {
        match (*operation, self.0) {
            (Operation::Read, present) => Answer::Found(present),
            (Operation::PutIfAbsent(new), None) => self.set(Some(new)),
            (Operation::CompareAndSet { old, new }, Some(present)) if old == present => self.set(Some(new)),
            (Operation::DeleteIf(old), Some(present)) if old == present => self.set(None),
            (Operation::Add(more), present) => {
                let sum = present.unwrap_or_default() + more;
                self.0 = Some(sum);
                Answer::Sum(sum)
            }
            _ => Answer::Refused,
        }
    }
}

impl Model {
    fn set(&mut self, value: Option<u64>) -> Answer {
        self.0 = value;
        Answer::Done
    }
}
