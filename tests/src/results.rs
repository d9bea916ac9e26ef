//! Which client has shown which operation to work, for the tables in docs/compatibility.md.
//!
//! Where `MILLSTREAM_RESULTS` names a file, tests append to it: one JSON object a line, of which `make compatibility`
//! makes the tables. Otherwise they fail where the page says something else.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;

use serde_json::{Value, json};

use crate::compatibility::{Outcome, Section, Table};
use crate::operations;

const PAGE: &str = "docs/compatibility.md";

/// Notes how operations fared with a client, or compares it with what the page says.
///
/// # Panics
/// When the page says otherwise, or the file cannot be written.
pub fn note(section: Section, client: &str, outcomes: &BTreeMap<String, Outcome>) {
    let Some(path) = std::env::var_os("MILLSTREAM_RESULTS").filter(|path| !path.is_empty()) else {
        let table = Table::on(&operations::source(PAGE));
        for (operation, outcome) in outcomes {
            let said = table.cell(section, operation, client);
            assert!(
                said == *outcome,
                "{PAGE} says of {operation} with {client}: {said}; it is: {outcome}; `make compatibility` sees to it"
            );
        }
        return;
    };
    let line = |(operation, outcome): (&String, &Outcome)| {
        let outcome = outcome.to_string();
        let noted = json!({ "section": section.name(), "operation": operation, "client": client, "outcome": outcome });
        format!("{noted}\n")
    };
    let lines: String = outcomes.iter().map(line).collect();
    // One write, so that tests that run beside each other do not tear each other's lines.
    let mut file = File::options().create(true).append(true).open(path).expect("a file for results");
    file.write_all(lines.as_bytes()).expect("a file for results");
}

/// What tests have noted in a file.
///
/// # Panics
/// When something else is in it.
#[must_use]
pub fn noted(text: &str) -> Table {
    let mut table = Table::default();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("an object a line");
        let member = |name: &str| line[name].as_str().expect("a text");
        let outcome = Outcome::of_text(member("outcome")).expect("an outcome");
        let section = Section::of_name(member("section")).expect("a section");
        table.note(section, member("operation"), member("client"), outcome);
    }
    table
}
