//! `/admin/faults`: shows the rules of what goes wrong, adds and removes them.

use hyper::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Answer, Refusal, json};
use crate::faults::{Faults, RuleText, ShownRule};

#[derive(Serialize)]
struct Listed {
    faults: Vec<ShownRule>,
}

pub(super) fn list(faults: &Faults) -> Answer {
    Ok(json(StatusCode::OK, &Listed { faults: faults.list() }))
}

/// Takes one rule or a list of rules. Answers with those that it has made.
pub(super) fn add(faults: &Faults, body: Value) -> Answer {
    let texts: Vec<RuleText> = match body {
        Value::Array(_) => parse(body)?,
        _ => vec![parse(body)?],
    };
    let ids = faults.add(texts).map_err(|error| Refusal::bad_request(error.to_string()))?;
    let made = faults.list().into_iter().filter(|rule| ids.contains(&rule.id())).collect();
    Ok(json(StatusCode::CREATED, &Listed { faults: made }))
}

pub(super) fn clear(faults: &Faults) -> Answer {
    faults.clear();
    list(faults)
}

pub(super) fn remove(faults: &Faults, id: &str) -> Answer {
    match id.parse() {
        Ok(id) if faults.remove(id) => list(faults),
        _ => Err(Refusal::new(StatusCode::NOT_FOUND, format!("There is no fault {id}."))),
    }
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value)
        .map_err(|error| Refusal::bad_request(format!("The body is not what is understood here: {error}")))
}
