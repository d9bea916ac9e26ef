//! The ARN of a table's stream: the table's, and the label that tells its streams apart.

use std::fmt;
use std::str::FromStr;

use crate::arn::{InvalidTableArn, TableArn};

/// `<table ARN>/stream/<label>`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamArn {
    pub table: TableArn,
    pub label: String,
}

/// As in `2024-11-18T14:36:44.149`.
const LABEL_LEN: usize = 23;

impl FromStr for StreamArn {
    type Err = InvalidTableArn;

    fn from_str(text: &str) -> Result<Self, InvalidTableArn> {
        let (table, label) = text.split_once("/stream/").ok_or(InvalidTableArn)?;
        let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'T' | b':' | b'.');
        match label.len() == LABEL_LEN && label.bytes().all(is_plain) {
            true => Ok(Self { table: table.parse()?, label: label.to_owned() }),
            false => Err(InvalidTableArn),
        }
    }
}

impl fmt::Display for StreamArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table.stream(&self.label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_round_trips_and_others_are_refused() {
        let table = "arn:aws:dynamodb:us-east-1:000000000000:table/orders";
        let text = format!("{table}/stream/2024-11-18T14:36:44.149");
        assert_eq!(text.parse::<StreamArn>().unwrap().to_string(), text);
        for text in
            [table.to_owned(), format!("{table}/stream/"), format!("{table}/stream/{}", "x".repeat(23))]
        {
            assert!(text.parse::<StreamArn>().is_err(), "{text}");
        }
    }
}
