//! What every client is told, and what it has to show.

mod capacity;
mod resources;
mod shards;
mod streams;

use std::collections::BTreeMap;

use millstream_tests::compatibility::Outcome;
use millstream_tests::{operations, results};
use serde_json::{Value, json};

use crate::told::{Client, Reply};

/// In place of a value in what is expected: there is one.
const SOME: &str = "*";

/// A client on its way, and what it has shown.
#[derive(Debug)]
pub(crate) struct Steps<C> {
    client: C,
    outcomes: BTreeMap<String, Outcome>,
    problems: Vec<String>,
}

impl<C: Client> Steps<C> {
    pub(crate) fn new(client: C) -> Self {
        Self { client, outcomes: BTreeMap::new(), problems: Vec::new() }
    }

    pub(crate) fn go_through(&mut self) {
        self.create();
        self.list();
        self.tags();
        self.policies();
        self.retention_and_monitoring();
        self.encryption();
        self.records();
        self.consumers();
        self.resharding();
        self.capacity();
        self.delete();
    }

    /// Each operation was called; what it showed is noted.
    pub(crate) fn finish(self, name: &str, log: &str) {
        assert!(self.problems.is_empty(), "{name}:\n{}\n{log}", self.problems.join("\n"));
        let built = operations::built();
        assert!(self.outcomes.keys().eq(&built), "{:?} of {built:?}", self.outcomes.keys());
        results::note(name, &self.outcomes);
    }

    /// Calls an operation, whose answer must have at least what is expected. Gives the answer.
    fn call(&mut self, operation: &str, input: &Value, expected: &Value) -> Value {
        let (outcome, shown) = match self.client.carry_out(operation, input) {
            Reply::Output(shown) if has(&shown, expected) => (Outcome::Passed, shown),
            Reply::Output(shown) => {
                self.problems.push(format!("{operation} {input} shows {shown}, not {expected}"));
                (Outcome::Failed, shown)
            }
            Reply::Refused { code, message } => {
                self.problems.push(format!("{operation} {input} fails: {code}: {message}"));
                (Outcome::Failed, Value::Null)
            }
            Reply::Unknown => (Outcome::Missing, Value::Null),
        };
        let worst = self.outcomes.entry(operation.to_owned()).or_insert(outcome);
        *worst = outcome.max(*worst);
        shown
    }

    /// Calls an operation that answers with nothing.
    fn tell(&mut self, operation: &str, input: &Value) {
        self.call(operation, input, &json!({}));
    }

    /// The client tells this error from others.
    fn refused(&mut self, operation: &str, input: &Value, code: &str) {
        match self.client.carry_out(operation, input) {
            Reply::Refused { code: shown, .. } if shown == code => {}
            other => self.problems.push(format!("{operation} {input} shows {other:?}, not {code}")),
        }
    }
}

/// Whether what is shown has all that is expected; an absent list is an empty one, as in most languages.
fn has(shown: &Value, expected: &Value) -> bool {
    match (shown, expected) {
        (shown, Value::String(some)) if some == SOME => !shown.is_null(),
        (Value::Object(shown), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| has(shown.get(name).unwrap_or(&Value::Null), value))
        }
        (Value::Array(shown), Value::Array(expected)) => {
            shown.len() == expected.len()
                && shown.iter().zip(expected).all(|(shown, value)| has(shown, value))
        }
        (Value::Null, Value::Array(expected)) => expected.is_empty(),
        (shown, expected) => shown == expected,
    }
}

fn arn(stream: &str) -> String {
    format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}")
}

fn shard(number: usize) -> String {
    format!("shardId-{number:012}")
}
