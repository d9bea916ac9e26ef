//! How tables are named: a name in an account and a region, and the ARNs that say all three.
//!
//! Whether there is such a table is not known here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use millstream_model::{AccountId, Region};

const NAME_MIN: usize = 3;
const NAME_MAX: usize = 255;

/// The name of a table: 3 to 255 of `[a-zA-Z0-9_.-]`, unique in an account and region (AWS limit).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName(Arc<str>);

/// `arn:<partition>:dynamodb:<region>:<account>:table/<name>`; the partition follows from the region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableArn {
    pub account: AccountId,
    pub region: Region,
    pub name: TableName,
}

/// The text is not the name of a table, or not its ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name or the ARN of a table")]
pub struct InvalidTableArn;

impl TableName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TableName {
    type Err = InvalidTableArn;

    fn from_str(text: &str) -> Result<Self, InvalidTableArn> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        match (NAME_MIN..=NAME_MAX).contains(&text.len()) && text.bytes().all(is_plain) {
            true => Ok(Self(text.into())),
            false => Err(InvalidTableArn),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl TableArn {
    /// The ARN of an index of the table.
    pub fn index(&self, index: &str) -> String {
        format!("{self}/index/{index}")
    }

    /// The ARN of the table's stream with this label.
    pub fn stream(&self, label: &str) -> String {
        format!("{self}/stream/{label}")
    }
}

impl FromStr for TableArn {
    type Err = InvalidTableArn;

    fn from_str(text: &str) -> Result<Self, InvalidTableArn> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(InvalidTableArn);
        let (arn, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        if arn != "arn" || !partition.starts_with("aws") || service != "dynamodb" {
            return Err(InvalidTableArn);
        }
        Ok(Self {
            account: account.parse().map_err(|_| InvalidTableArn)?,
            region: region.parse().map_err(|_| InvalidTableArn)?,
            name: resource.strip_prefix("table/").ok_or(InvalidTableArn)?.parse()?,
        })
    }
}

impl fmt::Display for TableArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, region, name } = self;
        write!(f, "arn:{}:dynamodb:{region}:{account}:table/{name}", region.partition())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_round_trips() {
        let text = "arn:aws:dynamodb:us-east-1:000000000000:table/Orders_1.x-y";
        let arn: TableArn = text.parse().unwrap();
        assert_eq!(arn.to_string(), text);
        assert_eq!(arn.index("by-owner"), format!("{text}/index/by-owner"));
        assert_eq!(arn.stream("2024-11-18T14:36:44.149"), format!("{text}/stream/2024-11-18T14:36:44.149"));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in ["ab", "a b c", "é12", &"x".repeat(256)] {
            assert!(text.parse::<TableName>().is_err(), "{text}");
        }
        for text in [
            "orders",
            "arn:aws:kinesis:us-east-1:000000000000:stream/orders",
            "arn:aws:dynamodb:us-east-1:000000000000:table/orders/index/i",
            "arn:aws:dynamodb:us-east-1:0:table/orders",
        ] {
            assert!(text.parse::<TableArn>().is_err(), "{text}");
        }
    }
}
