//! The decoders of this crate as a fuzzer sees them: any bytes in, and a panic where a promise is broken.

#![allow(clippy::missing_panics_doc)] // panics are what a fuzzer looks for

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::sequence_number::Decoded;
use crate::{AccountId, HashKey, Region, SequenceNumber, ShardId, StreamArn, StreamName};

/// A text in every role that a client's text can have.
pub fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    round_trips::<AccountId>(text);
    round_trips::<HashKey>(text);
    round_trips::<Region>(text);
    round_trips::<SequenceNumber>(text);
    round_trips::<StreamArn>(text);
    round_trips::<StreamName>(text);
    if let Ok(decoded) = text.parse::<Decoded>() {
        // Older forms are read and written as today's.
        assert_eq!(decoded.number.to_string().len(), 56);
    }
    if let Some(id) = ShardId::parse_lenient(text) {
        assert_eq!(ShardId::parse_lenient(&id.to_string()), Some(id));
    }
}

/// What was read is written in a form that is read as the same.
fn round_trips<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse().ok(), Some(value), "{text}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::texts;

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in ".{0,200}") {
            texts(text.as_bytes());
        }

        #[test]
        fn texts_that_are_nearly_right(
            arn in "arn:aws[a-z-]{0,5}:kinesis:[a-z0-9-]{0,12}:[0-9]{11,13}:stream/[a-zA-Z0-9_./:-]{0,130}",
            number in "[0-9]{0,60}",
            shard in "[a-z]{0,8}-?[0-9-]{0,13}",
        ) {
            [arn, number, shard].iter().for_each(|text| texts(text.as_bytes()));
        }
    }
}
