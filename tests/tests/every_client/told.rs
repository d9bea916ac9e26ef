//! A client as the steps see it: it is told an operation and its input, and shows what it made of the answer.
//!
//! The programs `tests/clients/<language>/every_operation` are told by lines of JSON, `{"operation": name, "input":
//! members}`, and reply to each by one: `{"output": members}`, or `{"error": code, "message": text}`, or `{"unknown":
//! name}` for an operation that their SDK does not have. Members are called as in the model; data is in base64. They
//! show what their SDK shows, not what was on the wire. A stream of events is shown as a list of its first event that
//! has records.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    Output(Value),
    Refused {
        code: String,
        message: String,
    },
    /// The client has no such operation.
    Unknown,
}

pub(crate) trait Client {
    fn carry_out(&mut self, operation: &str, input: &Value) -> Reply;
}

/// One that is told by lines. It ends when there are no more.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }
}

impl Client for Program {
    fn carry_out(&mut self, operation: &str, input: &Value) -> Reply {
        let told = json!({ "operation": operation, "input": input });
        writeln!(self.input.as_mut().unwrap(), "{told}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let reply: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        match (&reply["output"], &reply["error"]) {
            (_, Value::String(code)) => {
                Reply::Refused { code: code.clone(), message: reply["message"].to_string() }
            }
            (output @ Value::Object(_), _) => Reply::Output(output.clone()),
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
