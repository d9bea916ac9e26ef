//! A client as steps see it: it is told an operation and its input, and shows what it made of the answer.
//!
//! The programs `tests/clients/<language>/every_operation` are told by lines of JSON, `{"service": name, "operation":
//! name, "input": members}`, and reply to each by one: `{"output": members}`, or `{"error": code, "message": text,
//! "members": what the error has beside its message}`, or `{"unknown": name}` for an operation that their SDK does not
//! have. Members are called as in the model; data is in base64, a number in the value of an attribute is a text. They
//! show what their SDK shows, not what was on the wire. A stream of events is shown as a list of its first event that
//! has records.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::operations::Service;

#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Output(Value),
    Refused(Refusal),
    /// The client has no such operation.
    Unknown,
}

/// An error, as far as the client tells it from others.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub code: String,
    /// As the server wrote it, without what the client says around it.
    pub message: String,
    /// What else the error has, `None` from a client that shows nothing of it.
    pub members: Option<Value>,
}

pub trait Client {
    fn carry_out(&mut self, service: Service, operation: &str, input: &Value) -> Reply;
}

/// One that is told by lines. It ends when there are no more.
#[derive(Debug)]
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, input, output }
    }
}

impl Client for Program {
    fn carry_out(&mut self, service: Service, operation: &str, input: &Value) -> Reply {
        let told = json!({ "service": service.name(), "operation": operation, "input": input });
        writeln!(self.input.as_mut().expect("a pipe"), "{told}").expect("the program reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the program replies");
        let mut reply: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        match (&reply["output"], &reply["error"]) {
            (_, Value::String(code)) => {
                let message = reply["message"].as_str().unwrap_or_default().to_owned();
                let refusal = Refusal { code: code.clone(), message, members: reply.get("members").cloned() };
                Reply::Refused(refusal)
            }
            (Value::Object(_), _) => Reply::Output(reply["output"].take()),
            _ if reply["unknown"] == operation => Reply::Unknown,
            _ => panic!("{line:?}"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends by itself, or by its time limit.
        let _ = self.child.wait();
    }
}
