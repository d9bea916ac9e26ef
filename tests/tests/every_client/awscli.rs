//! The AWS CLI, version 1: one process a call, with the input as JSON.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use millstream_tests::operations::Service;
use millstream_tests::told::{Client, Refusal, Reply};
use millstream_tests::{Session, clients};
use serde_json::{Value, json};

/// What the CLI ends with when it does not understand what it was told.
const USAGE: i32 = 252;

#[derive(Debug)]
pub(crate) struct AwsCli<'s> {
    session: &'s Session,
    aws: PathBuf,
}

impl<'s> AwsCli<'s> {
    pub(crate) fn new(session: &'s Session) -> Option<Self> {
        Some(Self { session, aws: clients::require("python")?.join("venv/bin/aws") })
    }
}

impl Client for AwsCli<'_> {
    fn carry_out(&mut self, service: Service, operation: &str, input: &Value) -> Reply {
        let mut command = self.session.command(self.aws.clone());
        // By itself it would ask for all pages, and show them as one.
        command.args(["--output", "json", "--no-paginate", service.name(), &kebab(operation)]);
        command.arg("--cli-input-json").arg(as_taken(input).to_string());
        let output = command.output().unwrap();
        let (shown, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match output.status.code() {
            Some(0) if shown.trim().is_empty() => Reply::Output(json!({})),
            Some(0) => Reply::Output(serde_json::from_str(&shown).unwrap()),
            Some(USAGE | 2) if errors.contains("Invalid choice") => Reply::Unknown,
            _ => Reply::Refused(refusal(&errors)),
        }
    }
}

/// `An error occurred (Code) when calling the PutItem operation: message`, and not what else the error has.
fn refusal(errors: &str) -> Refusal {
    let code = errors.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(code, _)| code);
    let message = errors.split_once(" operation: ").map(|(_, message)| message.trim_end_matches('\n'));
    Refusal {
        code: code.unwrap_or_default().to_owned(),
        message: message.unwrap_or(errors).to_owned(),
        members: None,
    }
}

/// `PutRecord` as `put-record`.
fn kebab(operation: &str) -> String {
    let words = operation.split_inclusive(|_: char| true).map(|letter| match letter.to_lowercase() {
        lower if lower == letter => lower,
        lower => format!("-{lower}"),
    });
    words.collect::<String>().trim_start_matches('-').to_owned()
}

/// Version 1 takes data as it is, so that it can be given none that is not text.
fn as_taken(input: &Value) -> Value {
    let text = |data: &str| Value::from(String::from_utf8(BASE64.decode(data).unwrap()).unwrap());
    match input {
        Value::Object(members) => {
            let taken = members.iter().map(|(name, value)| {
                let value = match (name.as_str(), value) {
                    ("Data" | "B", Value::String(data)) => text(data),
                    ("BS", Value::Array(items)) => {
                        items.iter().map(|item| item.as_str().map_or_else(|| as_taken(item), text)).collect()
                    }
                    _ => as_taken(value),
                };
                (name.clone(), value)
            });
            Value::Object(taken.collect())
        }
        Value::Array(items) => items.iter().map(as_taken).collect(),
        other => other.clone(),
    }
}
