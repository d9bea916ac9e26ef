//! Amazon Resource Names of streams.

use std::fmt;
use std::str::FromStr;

use crate::names::{AccountId, Region, StreamName};

/// `arn:<partition>:kinesis:<region>:<account>:stream/<name>`; the partition follows from the region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamArn {
    pub account: AccountId,
    pub region: Region,
    pub name: StreamName,
}

/// The text is not the ARN of a Kinesis stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the ARN of a Kinesis stream")]
pub struct InvalidArn;

impl FromStr for StreamArn {
    type Err = InvalidArn;

    fn from_str(text: &str) -> Result<Self, InvalidArn> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(InvalidArn);
        let (arn, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        let name = resource.strip_prefix("stream/").ok_or(InvalidArn)?;
        if arn != "arn" || !partition.starts_with("aws") || service != "kinesis" {
            return Err(InvalidArn);
        }
        Ok(Self {
            account: account.parse().map_err(|_| InvalidArn)?,
            region: region.parse().map_err(|_| InvalidArn)?,
            name: name.parse().map_err(|_| InvalidArn)?,
        })
    }
}

impl fmt::Display for StreamArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, region, name } = self;
        write!(f, "arn:{}:kinesis:{region}:{account}:stream/{name}", region.partition())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        for text in [
            "arn:aws:kinesis:us-east-1:000000000000:stream/orders",
            "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a.b-c_d",
        ] {
            assert_eq!(text.parse::<StreamArn>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_other_arns() {
        for text in [
            "",
            "orders",
            "arn:aws:kinesis:us-east-1:000000000000:queue/orders",
            "arn:aws:sqs:us-east-1:000000000000:stream/orders",
            "arn:aws:kinesis:us-east-1:1:stream/orders",
            "arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/c:1",
            "arn:gcp:kinesis:us-east-1:000000000000:stream/orders",
        ] {
            assert_eq!(text.parse::<StreamArn>(), Err(InvalidArn), "{text}");
        }
    }
}
