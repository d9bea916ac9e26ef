//! What the KeyId of a call says.
//!
//! A key is named by its id, by an alias, or by the ARN of either; only the shape is checked, for there is no key
//! service to ask. Id and ARN of a stream's own account name the same key; an alias and the id behind it do not, as
//! nobody knows what it stands for.

use millstream_model::{AccountId, Region, StreamArn};

use crate::error::{Error, Result};

/// A key as one stream sees it. Equal when they name the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyName<'a> {
    account: &'a str,
    /// `key/<id>` without its first part, or `alias/<name>`.
    resource: &'a str,
}

/// KMS's limit on the name of an alias, characters with `alias/`.
const ALIAS_CHARS_MAX: usize = 256;

impl<'a> KeyName<'a> {
    /// Reads a KeyId that was given for this stream. KMS has a key only in the region that it is asked in.
    pub(crate) fn parse(text: &'a str, stream: &'a StreamArn) -> Result<Self> {
        let unknown = || Error::KmsNotFound(format!("Invalid keyId {text}"));
        let Some(arn) = text.strip_prefix("arn:") else {
            let account = stream.account.as_str();
            let is_valid = is_key_id(text) || is_alias(text);
            return is_valid.then_some(Self { account, resource: text }).ok_or_else(unknown);
        };
        let mut parts = arn.splitn(5, ':');
        let mut next = || parts.next().ok_or_else(unknown);
        let (partition, service, region, account, resource) = (next()?, next()?, next()?, next()?, next()?);
        if !is_partition(partition)
            || service != "kms"
            || region.parse::<Region>().is_err()
            || account.parse::<AccountId>().is_err()
        {
            return Err(unknown());
        }
        let resource = match resource.strip_prefix("key/") {
            Some(id) if is_key_id(id) => id,
            None if is_alias(resource) => resource,
            _ => return Err(unknown()),
        };
        if region != stream.region.as_str() {
            return Err(Error::KmsNotFound(format!("Invalid arn {region}")));
        }
        Ok(Self { account, resource })
    }
}

fn is_partition(text: &str) -> bool {
    text.starts_with("aws") && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// A UUID, or the id of a key of several regions.
fn is_key_id(text: &str) -> bool {
    let is_hex =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(id) = text.strip_prefix("mrk-") {
        return is_hex(id, 32);
    }
    let mut parts = text.split('-');
    [8, 4, 4, 4, 12].into_iter().all(|length| parts.next().is_some_and(|part| is_hex(part, length)))
        && parts.next().is_none()
}

fn is_alias(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-');
    text.len() <= ALIAS_CHARS_MAX
        && text.strip_prefix("alias/").is_some_and(|name| !name.is_empty() && name.bytes().all(is_allowed))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    fn stream() -> StreamArn {
        "arn:aws:kinesis:eu-west-1:123456789012:stream/orders".parse().unwrap()
    }

    #[test]
    fn ids_aliases_and_arns_are_names() {
        let stream = stream();
        for name in [
            "alias/aws/kinesis",
            "alias/orders_key-2",
            ID,
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:eu-west-1:123456789012:alias/aws/kinesis",
            "arn:aws:kms:eu-west-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-us-gov:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        ] {
            assert!(KeyName::parse(name, &stream).is_ok(), "{name}");
        }
    }

    #[test]
    fn other_shapes_are_keys_that_nobody_knows() {
        let stream = stream();
        for name in [
            "",
            "aws/kinesis",
            "alias/",
            "alias/a b",
            "orders",
            "1234abcd-12ab-34cd-56ef-1234567890a",
            "1234abcd-12ab-34cd-56ef-1234567890ab-1",
            "mrk-1234",
            "arn:aws:kms:eu-west-1:123456789012:key/orders",
            "arn:aws:kms:eu-west-1:123456789012:key/alias/orders",
            "arn:aws:kms:eu-west-1:1:alias/orders",
            "arn:aws:iam:eu-west-1:123456789012:alias/orders",
            "arn:gcp:kms:eu-west-1:123456789012:alias/orders",
            "arn:aws:kms:eu-west-1:123456789012",
            "arn:aws:kms:us-east-1:123456789012:alias/orders",
        ] {
            assert!(matches!(KeyName::parse(name, &stream), Err(Error::KmsNotFound(_))), "{name}");
        }
        let long = format!("alias/{}", "x".repeat(250));
        assert!(KeyName::parse(&long, &stream).is_ok());
        assert!(KeyName::parse(&format!("{long}x"), &stream).is_err());
    }

    #[test]
    fn an_arn_of_the_streams_account_is_the_same_key() {
        let stream = stream();
        let parse = |name: &'static str| KeyName::parse(name, &stream).unwrap();
        assert_eq!(
            parse(ID),
            parse("arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab")
        );
        assert_eq!(parse("alias/a"), parse("arn:aws:kms:eu-west-1:123456789012:alias/a"));
        assert_ne!(parse("alias/a"), parse("arn:aws:kms:eu-west-1:999999999999:alias/a"));
        assert_ne!(parse("alias/a"), parse("alias/b"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in ".{0,80}", arn in "arn:[a-z:/0-9-]{0,80}") {
            let stream = stream();
            let _ = (KeyName::parse(&text, &stream), KeyName::parse(&arn, &stream));
        }
    }
}
