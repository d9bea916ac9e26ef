//! Columns into the members of an object.

use regex::Regex;
use serde_json::Value;

use super::{JsonStyle, Unconvertible, object};

/// Names columns.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvToJson {
    /// In the order of the columns. Columns beyond them are left out, names without a column are null.
    pub names: Vec<String>,
    pub columns: Columns,
    pub style: JsonStyle,
}

/// What separates columns.
#[derive(Clone, Debug)]
pub enum Columns {
    /// One character, which may occur in columns that are quoted (RFC 4180).
    Quoted(u8),
    /// Whatever matches; quotes are ordinary. Columns without content behind the last one that has any are null. The
    /// Kinesis Agent has this one.
    Split(Regex),
}

impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Quoted(one), Self::Quoted(other)) => one == other,
            (Self::Split(one), Self::Split(other)) => one.as_str() == other.as_str(),
            _ => false,
        }
    }
}

impl CsvToJson {
    pub(super) fn apply(&self, record: &[u8]) -> Result<Vec<u8>, Unconvertible> {
        let columns = match &self.columns {
            Columns::Quoted(delimiter) => quoted(record, *delimiter)?,
            Columns::Split(separator) => split(record, separator),
        };
        let mut columns = columns.into_iter();
        let members: Vec<_> =
            self.names.iter().map(|name| (name.as_str(), Value::from(columns.next()))).collect();
        Ok(object(&members, self.style))
    }
}

fn quoted(record: &[u8], delimiter: u8) -> Result<Vec<String>, Unconvertible> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(record);
    let mut columns = csv::ByteRecord::new();
    let invalid = |error: csv::Error| Unconvertible(error.to_string());
    if !reader.read_byte_record(&mut columns).map_err(invalid)? {
        return Ok(Vec::new());
    }
    Ok(columns.iter().map(|column| String::from_utf8_lossy(column).into_owned()).collect())
}

fn split(record: &[u8], separator: &Regex) -> Vec<String> {
    let record = String::from_utf8_lossy(record);
    let mut columns: Vec<_> = separator.split(&record).map(str::to_owned).collect();
    // A record without any separator is a column, even an empty one.
    while columns.len() > 1 && columns.last().is_some_and(String::is_empty) {
        columns.pop();
    }
    columns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn csv(columns: Columns) -> CsvToJson {
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        CsvToJson { names, columns, style: JsonStyle::Compact }
    }

    fn applied(columns: Columns, record: &str) -> String {
        String::from_utf8(csv(columns).apply(record.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn quoted_columns_may_hold_anything() {
        let of = |record| applied(Columns::Quoted(b','), record);
        assert_eq!(of("1,2,3,4"), r#"{"a":"1","b":"2","c":"3"}"#);
        assert_eq!(of(r#""x, ""y""",,"#), r#"{"a":"x, \"y\"","b":"","c":""}"#);
        assert_eq!(of("1"), r#"{"a":"1","b":null,"c":null}"#);
        assert_eq!(of(""), r#"{"a":null,"b":null,"c":null}"#);
    }

    #[test]
    fn split_columns_are_as_the_kinesis_agent_has_them() {
        let of = |separator, record| applied(Columns::Split(Regex::new(separator).unwrap()), record);
        assert_eq!(of(",", "v1, v2"), r#"{"a":"v1","b":" v2","c":null}"#);
        assert_eq!(of(",", "1,,"), r#"{"a":"1","b":null,"c":null}"#);
        assert_eq!(of(",", ",,3"), r#"{"a":"","b":"","c":"3"}"#);
        assert_eq!(of(",", ""), r#"{"a":"","b":null,"c":null}"#);
        assert_eq!(of(r"\|", "1|2|3"), r#"{"a":"1","b":"2","c":"3"}"#);
        assert_eq!(of(r"\t", "\"1\"\t2"), r#"{"a":"\"1\"","b":"2","c":null}"#);
    }

    proptest! {
        /// What a writer of CSV has quoted is found again.
        #[test]
        fn columns_survive(columns in proptest::collection::vec("[ -~é\n]{1,10}", 3)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&columns).unwrap();
            let record = writer.into_inner().unwrap();
            let json = csv(Columns::Quoted(b',')).apply(&record).unwrap();
            let value: Value = serde_json::from_slice(&json).unwrap();
            prop_assert_eq!([&value["a"], &value["b"], &value["c"]], [&columns[0], &columns[1], &columns[2]]);
        }

        #[test]
        fn any_bytes_have_columns(record: Vec<u8>) {
            for columns in [Columns::Quoted(b';'), Columns::Split(Regex::new(";").unwrap())] {
                let json = csv(columns).apply(&record).unwrap();
                prop_assert!(serde_json::from_slice::<Value>(&json).is_ok());
            }
        }
    }
}
