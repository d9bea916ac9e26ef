//! The tables of operations and clients in docs/compatibility.md: made from what tests noted, and read by them again.
//!
//! There is one for streams and one for tables, and each stands between two marks. Nothing in there is written by hand:
//! `make compatibility` makes them, and every test that shows a cell fails where the page says otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write as _;

use crate::operations::Service;

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    Streams,
    Tables,
}

impl Section {
    pub const ALL: [Self; 2] = [Self::Streams, Self::Tables];

    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.name() == name)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Tables => "tables",
        }
    }

    /// The columns.
    #[must_use]
    pub fn clients(self) -> &'static [&'static str] {
        match self {
            Self::Streams => {
                &["AWS CLI", "boto3, JSON", "boto3, CBOR", "JavaScript v3", "Java v2", "Go v2", "Rust"]
            }
            Self::Tables => &["AWS CLI", "boto3", "JavaScript v3", "Java v2", "Go v2", "Rust"],
        }
    }

    /// No two services of a section have an operation of the same name.
    #[must_use]
    pub fn services(self) -> &'static [Service] {
        match self {
            Self::Streams => &[Service::Kinesis],
            Self::Tables => &[Service::DynamoDb, Service::DynamoDbStreams],
        }
    }

    #[must_use]
    pub fn operations(self) -> BTreeSet<String> {
        self.services().iter().flat_map(|service| service.operations()).collect()
    }

    /// The rows.
    #[must_use]
    pub fn built(self) -> BTreeSet<String> {
        self.services().iter().flat_map(|service| service.built()).collect()
    }

    fn begin(self) -> String {
        format!("<!-- What follows on {} is made by `make compatibility`. -->\n", self.name())
    }

    fn end(self) -> String {
        format!("<!-- What was made on {} ends here. -->\n", self.name())
    }

    /// What stands before the table, the table, and what stands behind it.
    fn parts(self, page: &str) -> (&str, &str, &str) {
        let (before, rest) =
            page.split_once(&self.begin()).expect("the page has a mark where the table begins");
        let (made, after) = rest.split_once(&self.end()).expect("the page has a mark where the table ends");
        (before, made, after)
    }
}

/// What a test has shown of an operation with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The client called it, and showed the answer that was expected.
    Passed,
    /// The client, or the format, has no such operation.
    Missing,
    /// No test has called it.
    NotTested,
    Failed,
}

/// By section, operation and client. What is not in here was not tested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(BTreeMap<(Section, String, String), Outcome>);

impl Outcome {
    const ALL: [Self; 4] = [Self::Passed, Self::Missing, Self::NotTested, Self::Failed];

    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.to_string() == text)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Missing => "not in it",
            Self::NotTested => "not tested",
            Self::Failed => "failed",
        })
    }
}

impl Table {
    /// What the page says.
    ///
    /// # Panics
    /// When there are no such tables on it.
    #[must_use]
    pub fn on(page: &str) -> Self {
        let mut table = Self::default();
        for section in Section::ALL {
            let (_, made, _) = section.parts(page);
            for line in made.lines() {
                let Some((operation, cells)) =
                    line.strip_prefix("| `").and_then(|line| line.strip_suffix(" |")?.split_once("` | "))
                else {
                    continue;
                };
                for (client, cell) in section.clients().iter().zip(cells.split(" | ")) {
                    let outcome = Outcome::of_text(cell).unwrap_or_else(|| panic!("{operation}: {cell}"));
                    table.note(section, operation, client, outcome);
                }
            }
        }
        table
    }

    /// Of several outcomes of the same the worst counts.
    pub fn note(&mut self, section: Section, operation: &str, client: &str, outcome: Outcome) {
        let cell = self.0.entry(key(section, operation, client)).or_insert(outcome);
        *cell = outcome.max(*cell);
    }

    #[must_use]
    pub fn cell(&self, section: Section, operation: &str, client: &str) -> Outcome {
        self.0.get(&key(section, operation, client)).copied().unwrap_or(Outcome::NotTested)
    }

    /// The page with these tables in place of those that it has.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn put_on(&self, page: &str) -> String {
        Section::ALL.into_iter().fold(page.to_owned(), |page, section| {
            let (before, _, after) = section.parts(&page);
            format!("{before}{}{}{}{after}", section.begin(), self.text(section), section.end())
        })
    }

    fn text(&self, section: Section) -> String {
        let (built, clients) = (section.built(), section.clients());
        let head =
            format!("| operation | {} |\n|---{}|\n", clients.join(" | "), "|---".repeat(clients.len()));
        let mut text = built.iter().fold(head, |mut text, operation| {
            let cells = clients.iter().map(|client| self.cell(section, operation, client).to_string());
            let _ = writeln!(text, "| `{operation}` | {} |", cells.collect::<Vec<_>>().join(" | "));
            text
        });
        let missing: Vec<_> =
            section.operations().difference(&built).map(|name| format!("- `{name}`\n")).collect();
        if !missing.is_empty() {
            text += &format!("\nNot built yet:\n\n{}", missing.concat());
        }
        text
    }
}

fn key(section: Section, operation: &str, client: &str) -> (Section, String, String) {
    (section, operation.to_owned(), client.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_as_they_were_written() {
        let mut table = Table::default();
        let mut page = "before\n".to_owned();
        for section in Section::ALL {
            for (operation, place) in section.built().iter().zip(0..) {
                for (client, shift) in section.clients().iter().zip(0..) {
                    table.note(section, operation, client, Outcome::ALL[(place + shift) % 4]);
                }
            }
            page += &format!("{}old\n{}after\n", section.begin(), section.end());
        }
        let new = table.put_on(&page);
        assert_eq!(Table::on(&new), table);
        assert_eq!(table.put_on(&new), new);
        assert!(new.starts_with("before\n") && new.ends_with("after\n"), "{new}");
    }

    #[test]
    fn no_operation_is_in_a_section_twice() {
        for section in Section::ALL {
            let each: usize = section.services().iter().map(|service| service.operations().len()).sum();
            assert_eq!(section.operations().len(), each, "{section:?}");
        }
    }

    #[test]
    fn the_worst_outcome_counts() {
        let mut table = Table::default();
        let (section, operation) = (Section::Streams, "GetRecords");
        assert_eq!(table.cell(section, operation, "Rust"), Outcome::NotTested);
        for (outcome, shown) in [
            (Outcome::Passed, Outcome::Passed),
            (Outcome::Failed, Outcome::Failed),
            (Outcome::Passed, Outcome::Failed),
        ] {
            table.note(section, operation, "Rust", outcome);
            assert_eq!(table.cell(section, operation, "Rust"), shown);
        }
        assert_eq!(table.cell(Section::Tables, operation, "Rust"), Outcome::NotTested);
    }
}
