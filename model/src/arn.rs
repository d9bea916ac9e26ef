//! Amazon Resource Names of streams and of their consumers.

use std::fmt;
use std::str::FromStr;

use crate::names::{AccountId, ConsumerName, Region, StreamName};

/// `arn:<partition>:kinesis:<region>:<account>:stream/<name>`; the partition follows from the region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamArn {
    pub account: AccountId,
    pub region: Region,
    pub name: StreamName,
}

/// `<ARN of the stream>/consumer/<name>:<second of its registration>`. A name that is registered again
/// gets another ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerArn {
    pub stream: StreamArn,
    pub name: ConsumerName,
    /// Seconds since the epoch.
    pub created_secs: u64,
}

/// The text is not an ARN of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the ARN of a Kinesis stream or consumer")]
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

impl FromStr for ConsumerArn {
    type Err = InvalidArn;

    fn from_str(text: &str) -> Result<Self, InvalidArn> {
        let (text, created) = text.rsplit_once(':').ok_or(InvalidArn)?;
        let (stream, name) = text.rsplit_once("/consumer/").ok_or(InvalidArn)?;
        // One consumer has one ARN: neither signs nor leading zeros.
        let is_canonical = created.bytes().all(|byte| byte.is_ascii_digit())
            && (created == "0" || !created.starts_with('0'));
        if !is_canonical {
            return Err(InvalidArn);
        }
        Ok(Self {
            stream: stream.parse()?,
            name: name.parse().map_err(|_| InvalidArn)?,
            created_secs: created.parse().map_err(|_| InvalidArn)?,
        })
    }
}

impl fmt::Display for ConsumerArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, name, created_secs } = self;
        write!(f, "{stream}/consumer/{name}:{created_secs}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    #[test]
    fn refuses_what_is_no_consumer() {
        let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
        for rest in [
            "",
            "/consumer/c",
            "/consumer/:1",
            "/consumer/c:",
            "/consumer/c:+1",
            "/consumer/c:01",
            "/consumer/c:99999999999999999999",
            "/consumer/a/b:1",
            "/consumer/a/consumer/b:1",
            "/c:1",
        ] {
            let text = format!("{stream}{rest}");
            assert_eq!(text.parse::<ConsumerArn>(), Err(InvalidArn), "{text}");
        }
        assert!("/consumer/c:1".parse::<ConsumerArn>().is_err());
    }

    proptest! {
        #[test]
        fn consumers_round_trip(stream in "[a-zA-Z0-9_.-]{1,128}", name in "[a-zA-Z0-9_.-]{1,128}", created_secs: u64) {
            let stream = format!("arn:aws:kinesis:eu-west-1:123456789012:stream/{stream}");
            let text = format!("{stream}/consumer/{name}:{created_secs}");
            let arn: ConsumerArn = text.parse().unwrap();
            prop_assert_eq!(arn.to_string(), text);
            prop_assert_eq!(arn.stream.to_string(), stream);
            prop_assert_eq!((arn.name.as_str(), arn.created_secs), (name.as_str(), created_secs));
        }

        #[test]
        fn any_text_is_refused_or_round_trips(text in ".{0,200}|arn:aws:kinesis:us-east-1:000000000000:stream/[a-z/:0-9]{0,40}") {
            if let Ok(arn) = text.parse::<ConsumerArn>() {
                prop_assert_eq!(arn.to_string(), text);
            }
        }
    }
}
