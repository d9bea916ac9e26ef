//! Answers of PutStream, searched field by field.

use super::{Answer, Failures};

type Malformed = &'static str;

/// Of `PutStreamResponse`.
const RECORDS: u64 = 1;
const REFUSAL: u64 = 2;
/// Of `PutRecordsResultEntry`.
const ERROR_CODE: u64 = 3;
/// Of `Refusal`.
const REASON: u64 = 1;

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

pub(super) fn answer(message: &[u8]) -> Result<Answer, Malformed> {
    let mut answer = Answer::default();
    for_each_field(message, |number, value| {
        match number {
            RECORDS => match text(value, ERROR_CODE)? {
                Some(code) => *answer.failures.entry(code).or_default() += 1,
                None => answer.records += 1,
            },
            REFUSAL => {
                let reason = text(value, REASON)?.unwrap_or_default();
                answer.failures = Failures::from([(reason, 1)]);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(answer)
}

/// A field of a message that is a text.
fn text(message: &[u8], wanted: u64) -> Result<Option<String>, Malformed> {
    let mut found = None;
    for_each_field(message, |number, value| {
        if number == wanted {
            found = Some(String::from_utf8_lossy(value).into_owned());
        }
        Ok(())
    })?;
    Ok(found)
}

/// Shows the fields that have a length; others are passed over.
fn for_each_field<'a>(
    mut message: &'a [u8],
    mut show: impl FnMut(u64, &'a [u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let length = match key & 7 {
            VARINT => {
                varint(&mut message)?;
                continue;
            }
            FIXED_64 => 8,
            FIXED_32 => 4,
            LENGTH_DELIMITED => {
                usize::try_from(varint(&mut message)?).map_err(|_| "a length is too large")?
            }
            _ => return Err("a field is of no known kind"),
        };
        let (value, rest) = message.split_at_checked(length).ok_or("a field ends beyond its message")?;
        message = rest;
        if key & 7 == LENGTH_DELIMITED {
            show(key >> 3, value)?;
        }
    }
    Ok(())
}

fn varint(message: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().ok_or("a number has no end")?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number is too long")
}

#[cfg(test)]
mod tests {
    use millstream_proto::v1;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    fn entry(error_code: Option<String>) -> v1::PutRecordsResultEntry {
        let place = error_code.is_none().then(|| "49".to_owned());
        let error_message = error_code.is_some().then(|| "why".to_owned());
        v1::PutRecordsResultEntry {
            sequence_number: place.clone(),
            shard_id: place,
            error_code,
            error_message,
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_a_full_decode_finds(codes in prop::collection::vec(prop::option::of("[A-C]"), 0..20)) {
            let records: Vec<_> = codes.into_iter().map(entry).collect();
            let message = v1::PutStreamResponse { records: records.clone(), refusal: None }.encode_to_vec();
            let found = answer(&message).unwrap();
            let mut expected = Failures::new();
            for code in records.iter().filter_map(|record| record.error_code.clone()) {
                *expected.entry(code).or_default() += 1;
            }
            prop_assert_eq!(found.records, records.iter().filter(|record| record.error_code.is_none()).count() as u64);
            prop_assert_eq!(found.failures, expected);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = answer(&bytes);
        }
    }

    #[test]
    fn a_refusal_is_a_failure() {
        let refusal = v1::Refusal { reason: "ResourceNotFoundException".to_owned(), message: String::new() };
        let message = v1::PutStreamResponse { records: Vec::new(), refusal: Some(refusal) }.encode_to_vec();
        let found = answer(&message).unwrap();
        assert_eq!((found.records, found.failures["ResourceNotFoundException"]), (0, 1));
    }
}
