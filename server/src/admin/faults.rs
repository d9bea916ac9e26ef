//! `/admin/faults`: shows the rules of what goes wrong, adds and removes them.

use hyper::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::Refusal;
use crate::faults::{Faults, RuleText, ShownRule};

#[derive(Serialize)]
pub(super) struct Listed {
    faults: Vec<ShownRule>,
}

impl From<Vec<ShownRule>> for Listed {
    fn from(faults: Vec<ShownRule>) -> Self {
        Self { faults }
    }
}

/// One rule or a list of rules.
pub(super) fn texts(body: Value) -> Result<Vec<RuleText>, Refusal> {
    match body {
        Value::Array(_) => parse(body),
        _ => Ok(vec![parse(body)?]),
    }
}

/// Adds rules, all or none. Gives those that it has made.
pub(super) fn add(faults: &Faults, texts: Vec<RuleText>) -> Result<Vec<ShownRule>, Refusal> {
    let ids = faults.add(texts).map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok(faults.list().into_iter().filter(|rule| ids.contains(&rule.id())).collect())
}

/// Gives the rules that are left.
pub(super) fn remove(faults: &Faults, id: &str) -> Result<Vec<ShownRule>, Refusal> {
    match id.parse() {
        Ok(id) if faults.remove(id) => Ok(faults.list()),
        _ => Err(Refusal::new(StatusCode::NOT_FOUND, format!("There is no fault {id}."))),
    }
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value)
        .map_err(|error| Refusal::bad_request(format!("The body is not what is understood here: {error}")))
}
