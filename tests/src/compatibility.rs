//! The table of operations and clients in docs/compatibility.md: made from what tests noted, and read by them again.
//!
//! It stands between two marks. Nothing in there is written by hand: `make compatibility` makes it, and every test that
//! shows a cell fails where the page says otherwise.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use crate::operations;

/// The columns.
pub const CLIENTS: [&str; 7] =
    ["AWS CLI", "boto3, JSON", "boto3, CBOR", "JavaScript v3", "Java v2", "Go v2", "Rust"];
const BEGIN: &str = "<!-- What follows is made by `make compatibility`. -->\n";
const END: &str = "<!-- What was made ends here. -->\n";

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

/// By operation and client. What is not in here was not tested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(BTreeMap<(String, String), Outcome>);

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
    /// When there is no such table on it.
    #[must_use]
    pub fn on(page: &str) -> Self {
        let (_, made, _) = parts(page);
        let mut table = Self::default();
        for line in made.lines() {
            let Some((operation, cells)) =
                line.strip_prefix("| `").and_then(|line| line.strip_suffix(" |")?.split_once("` | "))
            else {
                continue;
            };
            for (client, cell) in CLIENTS.into_iter().zip(cells.split(" | ")) {
                let outcome = Outcome::of_text(cell).unwrap_or_else(|| panic!("{operation}: {cell}"));
                table.note(operation, client, outcome);
            }
        }
        table
    }

    /// Of several outcomes of the same the worst counts.
    pub fn note(&mut self, operation: &str, client: &str, outcome: Outcome) {
        let cell = self.0.entry((operation.to_owned(), client.to_owned())).or_insert(outcome);
        *cell = outcome.max(*cell);
    }

    #[must_use]
    pub fn cell(&self, operation: &str, client: &str) -> Outcome {
        let key = (operation.to_owned(), client.to_owned());
        self.0.get(&key).copied().unwrap_or(Outcome::NotTested)
    }

    /// The page with this table in place of the one that it has.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn put_on(&self, page: &str) -> String {
        let (before, _, after) = parts(page);
        format!("{before}{BEGIN}{self}{END}{after}")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (built, all) = (operations::built(), operations::all());
        writeln!(f, "| operation | {} |", CLIENTS.join(" | "))?;
        writeln!(f, "|---{}|", "|---".repeat(CLIENTS.len()))?;
        for operation in &built {
            let cells = CLIENTS.into_iter().fold(String::new(), |mut cells, client| {
                let _ = write!(cells, " {} |", self.cell(operation, client));
                cells
            });
            writeln!(f, "| `{operation}` |{cells}")?;
        }
        writeln!(f, "\nNot built yet:\n")?;
        all.difference(&built).try_for_each(|operation| writeln!(f, "- `{operation}`"))
    }
}

/// What stands before the table, the table, and what stands behind it.
fn parts(page: &str) -> (&str, &str, &str) {
    let (before, rest) = page.split_once(BEGIN).expect("the page has a mark where the table begins");
    let (made, after) = rest.split_once(END).expect("the page has a mark where the table ends");
    (before, made, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let mut table = Table::default();
        for (operation, place) in operations::built().iter().zip(0..) {
            for (client, shift) in CLIENTS.into_iter().zip(0..) {
                table.note(operation, client, Outcome::ALL[(place + shift) % 4]);
            }
        }
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let new = table.put_on(&page);
        assert_eq!(Table::on(&new), table);
        assert_eq!(table.put_on(&new), new);
        assert!(new.starts_with("before\n") && new.ends_with("after\n"), "{new}");
    }

    #[test]
    fn the_worst_outcome_counts() {
        let mut table = Table::default();
        assert_eq!(table.cell("PutRecord", "Rust"), Outcome::NotTested);
        for (outcome, shown) in [
            (Outcome::Passed, Outcome::Passed),
            (Outcome::Failed, Outcome::Failed),
            (Outcome::Passed, Outcome::Failed),
        ] {
            table.note("PutRecord", "Rust", outcome);
            assert_eq!(table.cell("PutRecord", "Rust"), shown);
        }
    }
}
