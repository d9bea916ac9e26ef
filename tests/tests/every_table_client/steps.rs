//! What every client is told of tables, and what it has to show.

mod batches;
mod destinations;
mod items;
mod legacy;
mod reads;
mod resources;
mod streams;
mod tables;
mod transactions;

use millstream_tests::compatibility::Section;
use millstream_tests::operations::Service;
use millstream_tests::told::Client;
use millstream_tests::walk::{SOME, Walk, exactly, has, in_any_order};
use serde_json::{Value, json};

const VALIDATION: &str = "ValidationException";
const NOT_FOUND: &str = "ResourceNotFoundException";
const IN_USE: &str = "ResourceInUseException";
const FAILED: &str = "ConditionalCheckFailedException";
/// What operations on items say of a table that is not there.
const NO_TABLE: &str = "Requested resource not found";

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
        self.describe();
        self.account();
        self.items();
        self.updates();
        self.conditions();
        self.legacy();
        self.queries();
        self.scans();
        self.online_index();
        self.batches();
        self.transactions();
        self.times_to_live();
        self.tags();
        self.backups();
        self.policies();
        self.streams();
        self.destinations();
        self.delete();
    }

    /// Each operation was called; what it showed is noted.
    pub(crate) fn finish(self, name: &str, log: &str) {
        self.walk.finish(Section::Tables, name, log);
    }

    /// Calls an operation, whose answer must have at least what is expected. Gives the answer.
    fn call(&mut self, operation: &str, input: &Value, expected: &Value) -> Value {
        self.walk.call(service(operation), operation, input, expected)
    }

    /// The same of an answer that becomes so in time.
    fn call_until(&mut self, operation: &str, input: &Value, expected: &Value) -> Value {
        self.walk.call_until(service(operation), operation, input, expected)
    }

    /// Calls an operation of whose answer nothing is expected.
    fn tell(&mut self, operation: &str, input: &Value) {
        self.call(operation, input, &json!({}));
    }

    /// The client tells this error from others, with this text.
    fn refused(&mut self, operation: &str, input: &Value, code: &str, message: &str) {
        self.refused_with(operation, input, code, message, &json!({}));
    }

    /// What the error has beside its text is shown by all clients but one.
    fn refused_with(&mut self, operation: &str, input: &Value, code: &str, message: &str, members: &Value) {
        let Some(refusal) = self.walk.refused(service(operation), operation, input, code) else { return };
        if refusal.message != message || refusal.members.as_ref().is_some_and(|shown| !has(shown, members)) {
            let expected = format!("not {message:?} with {members}");
            self.walk.problem(format!("{operation} {input} shows {refusal:?}, {expected}"));
        }
    }
}

fn service(operation: &str) -> Service {
    match operation {
        "DescribeStream" | "GetRecords" | "GetShardIterator" | "ListStreams" => Service::DynamoDbStreams,
        _ => Service::DynamoDb,
    }
}

fn arn(table: &str) -> String {
    format!("arn:aws:dynamodb:us-east-1:000000000000:table/{table}")
}

fn text(text: &str) -> Value {
    json!({ "S": text })
}

fn number<N: ToString + Copy>(number: N) -> Value {
    json!({ "N": number.to_string() })
}

/// The key of an order.
fn key(id: &str, line: u32) -> Value {
    json!({ "id": text(id), "line": number(line) })
}

/// A value with more members.
fn with(value: &Value, members: &Value) -> Value {
    let mut value = value.clone();
    for (name, member) in members.as_object().unwrap() {
        value[name] = member.clone();
    }
    value
}
