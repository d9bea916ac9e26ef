//! The names under which streams and their consumers are known: account, region, and a name of their own.
//!
//! Existence is not checked here, and neither is who may use a name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::limits;

/// A name that breaks its rules; says which kind of name and the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be {rule}")]
pub struct InvalidName {
    kind: &'static str,
    rule: &'static str,
}

/// Declares a name as a shared immutable string with one constructor that checks it.
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { kind: $kind, rule: $rule })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name_type!(
    /// The name of a stream, 1 to 128 of `[a-zA-Z0-9_.-]`, unique in an account and region (AWS limit).
    StreamName,
    "a stream name",
    "1 to 128 characters of a-z, A-Z, 0-9, '_', '.' and '-'",
    is_plain_name
);

name_type!(
    /// The name of a consumer, 1 to 128 of `[a-zA-Z0-9_.-]`, unique on its stream (AWS limit).
    ConsumerName,
    "a consumer name",
    "1 to 128 characters of a-z, A-Z, 0-9, '_', '.' and '-'",
    is_plain_name
);

name_type!(
    /// An AWS account, twelve digits.
    AccountId,
    "an account id",
    "12 digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

name_type!(
    /// A region such as `eu-west-1`. Any name is a region: the caller's credential scope decides.
    Region,
    "a region",
    "1 to 64 characters of a-z, 0-9 and '-'",
    |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);

fn is_plain_name(text: &str) -> bool {
    (1..=limits::NAME_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

impl Region {
    /// The ARN partition that the region belongs to, as the AWS SDKs know them.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        match self.as_str() {
            r if r.starts_with("cn-") => "aws-cn",
            r if r.starts_with("us-gov-") => "aws-us-gov",
            r if r.starts_with("us-isob-") => "aws-iso-b",
            r if r.starts_with("us-iso-") => "aws-iso",
            r if r.starts_with("eusc-") => "aws-eusc",
            _ => "aws",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_names_follow_the_aws_rule() {
        for name in ["a", "Orders_2013.v1-x", &"x".repeat(128)] {
            assert!(name.parse::<StreamName>().is_ok(), "{name}");
        }
        for name in ["", "a b", "a/b", "é", &"x".repeat(129)] {
            assert!(name.parse::<StreamName>().is_err(), "{name}");
        }
    }

    #[test]
    fn accounts_are_twelve_digits() {
        assert!("000000000000".parse::<AccountId>().is_ok());
        assert!("00000000000".parse::<AccountId>().is_err());
        assert!("00000000000a".parse::<AccountId>().is_err());
    }

    #[test]
    fn regions_know_their_partition() {
        let partition = |region: &str| region.parse::<Region>().unwrap().partition();
        assert_eq!(partition("eu-west-1"), "aws");
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
    }
}
