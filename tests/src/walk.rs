//! A client on its way through steps: what it is told, what it has to show, and what it has shown so far.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::compatibility::{Outcome, Section};
use crate::operations::Service;
use crate::results;
use crate::server;
use crate::told::{Client, Refusal, Reply};

/// In place of a value in what is expected: there is one.
pub const SOME: &str = "*";
/// What becomes so only after the answer, such as a stream's status, has ten seconds.
const ATTEMPTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);
const EXACTLY: &str = "$exactly";
const IN_ANY_ORDER: &str = "$in any order";

/// In place of a value in what is expected: this, and nothing that is not in it. Otherwise an object may have more
/// members than are expected. The order of a set's elements says nothing.
#[must_use]
pub fn exactly(value: Value) -> Value {
    json!({ EXACTLY: sorted(value) })
}

/// In place of a list in what is expected: these, in whatever order.
#[must_use]
pub fn in_any_order(values: Value) -> Value {
    [(IN_ANY_ORDER.to_owned(), values)].into_iter().collect()
}

#[derive(Debug)]
pub struct Walk<C> {
    client: C,
    outcomes: BTreeMap<String, Outcome>,
    problems: Vec<String>,
}

impl<C: Client> Walk<C> {
    pub fn new(client: C) -> Self {
        Self { client, outcomes: BTreeMap::new(), problems: Vec::new() }
    }

    /// Each operation of the section was called; what it showed is noted.
    ///
    /// # Panics
    /// With all that the client did not show as expected.
    pub fn finish(self, section: Section, name: &str, log: &str) {
        assert!(self.problems.is_empty(), "{name}:\n{}\n{log}", self.problems.join("\n"));
        let built = section.built();
        assert!(self.outcomes.keys().eq(&built), "{:?} of {built:?}", self.outcomes.keys());
        results::note(section, name, &self.outcomes);
    }

    /// Calls an operation, whose answer must have at least what is expected. Gives the answer.
    pub fn call(&mut self, service: Service, operation: &str, input: &Value, expected: &Value) -> Value {
        let (outcome, shown) = match self.client.carry_out(service, operation, input) {
            Reply::Output(shown) if has(&shown, expected) => (Outcome::Passed, shown),
            Reply::Output(shown) => {
                self.problems.push(format!("{operation} {input} shows {shown}, not {expected}"));
                (Outcome::Failed, shown)
            }
            Reply::Refused(Refusal { code, message, .. }) => {
                self.problems.push(format!("{operation} {input} fails: {code}: {message}"));
                (Outcome::Failed, Value::Null)
            }
            Reply::Unknown => (Outcome::Missing, Value::Null),
        };
        let worst = self.outcomes.entry(operation.to_owned()).or_insert(outcome);
        *worst = outcome.max(*worst);
        shown
    }

    /// Calls an operation until its answer has what is expected, as often as it may take.
    pub fn call_until(
        &mut self,
        service: Service,
        operation: &str,
        input: &Value,
        expected: &Value,
    ) -> Value {
        for _ in 1..ATTEMPTS {
            match self.client.carry_out(service, operation, input) {
                Reply::Output(shown) if !has(&shown, expected) => server::pause_for(PAUSE),
                _ => break,
            }
        }
        self.call(service, operation, input, expected)
    }

    /// The client tells this error from others. Gives the error, where there is one.
    pub fn refused(
        &mut self,
        service: Service,
        operation: &str,
        input: &Value,
        code: &str,
    ) -> Option<Refusal> {
        match self.client.carry_out(service, operation, input) {
            Reply::Refused(refusal) if refusal.code == code => Some(refusal),
            // That it does not have the operation is noted by `call`.
            Reply::Unknown => None,
            other => {
                self.problems.push(format!("{operation} {input} shows {other:?}, not {code}"));
                None
            }
        }
    }

    /// Whether the client was told of an operation that it does not have.
    #[must_use]
    pub fn is_missing(&self, operation: &str) -> bool {
        self.outcomes.get(operation) == Some(&Outcome::Missing)
    }

    pub fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }
}

/// Whether what is shown has all that is expected; an absent list is an empty one, as in most languages.
#[must_use]
pub fn has(shown: &Value, expected: &Value) -> bool {
    match (shown, expected) {
        (shown, Value::String(some)) if some == SOME => !shown.is_null(),
        (shown, Value::Object(marked)) if marked.contains_key(EXACTLY) => {
            sorted(shown.clone()) == marked[EXACTLY]
        }
        (Value::Array(shown), Value::Object(marked)) if marked.contains_key(IN_ANY_ORDER) => {
            let expected = marked[IN_ANY_ORDER].as_array().expect("a list");
            shown.len() == expected.len()
                && expected.iter().all(|value| shown.iter().any(|shown| has(shown, value)))
        }
        (Value::Object(shown), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| has(shown.get(name).unwrap_or(&Value::Null), value))
        }
        (Value::Array(shown), Value::Array(expected)) => {
            shown.len() == expected.len()
                && shown.iter().zip(expected).all(|(shown, value)| has(shown, value))
        }
        (Value::Null, Value::Array(expected)) => expected.is_empty(),
        // What one client shows as 1 another shows as 1.0.
        (Value::Number(shown), Value::Number(expected)) => shown.as_f64() == expected.as_f64(),
        (shown, expected) => shown == expected,
    }
}

/// With the elements of each set in one order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let mut value = sorted(value);
                if let ("SS" | "NS" | "BS", Value::Array(elements)) = (name.as_str(), &mut value) {
                    elements.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
                }
                (name, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_may_be_shown_than_is_expected() {
        let shown = json!({ "a": 1, "b": [{ "c": "x", "d": null }] });
        for expected in [
            json!({}),
            json!({ "a": 1.0 }),
            json!({ "a": SOME, "z": [] }),
            json!({ "b": [{ "c": "x" }] }),
            json!({ "b": [{ "d": null }] }),
        ] {
            assert!(has(&shown, &expected), "{expected}");
        }
        for expected in [
            json!({ "a": 2 }),
            json!({ "z": SOME }),
            json!({ "b": [] }),
            json!({ "b": [{}, {}] }),
            json!({ "b": [{ "d": SOME }] }),
        ] {
            assert!(!has(&shown, &expected), "{expected}");
        }
    }

    #[test]
    fn what_is_expected_exactly_is_all_that_may_be_shown() {
        let item = json!({ "a": { "SS": ["y", "x"] }, "b": { "L": [{ "N": "1" }, { "N": "2" }] } });
        assert!(has(&item, &exactly(json!({ "a": { "SS": ["x", "y"] }, "b": item["b"] }))));
        assert!(!has(&item, &exactly(json!({ "a": item["a"] }))));
        assert!(!has(&item, &exactly(json!({ "a": { "SS": ["x"] }, "b": item["b"] }))));
        let turned = json!({ "L": [{ "N": "2" }, { "N": "1" }] });
        assert!(!has(&item, &exactly(json!({ "a": item["a"], "b": turned }))));
        assert!(!has(&Value::Null, &exactly(json!({}))));
    }

    #[test]
    fn a_list_in_any_order_has_all_and_no_more() {
        let shown = json!([{ "a": 1, "b": 1 }, { "a": 2 }]);
        assert!(has(&shown, &in_any_order(json!([{ "a": 2 }, { "a": 1 }]))));
        for expected in [json!([{ "a": 1 }]), json!([{ "a": 1 }, { "a": 3 }]), json!([{}, {}, {}])] {
            assert!(!has(&shown, &in_any_order(expected)));
        }
    }
}
