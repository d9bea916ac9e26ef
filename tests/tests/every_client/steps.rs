//! What every client is told, and what it has to show.

mod capacity;
mod resources;
mod shards;
mod streams;

use millstream_tests::compatibility::Section;
use millstream_tests::operations::Service;
use millstream_tests::told::Client;
use millstream_tests::walk::{SOME, Walk};
use serde_json::{Value, json};

/// A client on its way, and what it has shown.
#[derive(Debug)]
pub(crate) struct Steps<C> {
    walk: Walk<C>,
}

impl<C: Client> Steps<C> {
    pub(crate) fn new(client: C) -> Self {
        Self { walk: Walk::new(client) }
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
        self.walk.finish(Section::Streams, name, log);
    }

    /// Calls an operation, whose answer must have at least what is expected. Gives the answer.
    fn call(&mut self, operation: &str, input: &Value, expected: &Value) -> Value {
        self.walk.call(Service::Kinesis, operation, input, expected)
    }

    /// Calls an operation that answers with nothing.
    fn tell(&mut self, operation: &str, input: &Value) {
        self.call(operation, input, &json!({}));
    }

    /// The client tells this error from others.
    fn refused(&mut self, operation: &str, input: &Value, code: &str) {
        self.walk.refused(Service::Kinesis, operation, input, code);
    }
}

fn arn(stream: &str) -> String {
    format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}")
}

fn shard(number: usize) -> String {
    format!("shardId-{number:012}")
}
