//! What PutStream and Subscribe answer, searched field by field.

use std::borrow::Cow;

use super::{Answer, Data, Event, Failures};

type Malformed = &'static str;

/// Of `PutStreamResponse`.
const RECORDS: u64 = 1;
const REFUSAL: u64 = 2;
/// Of `SubscribeResponse`, whose records have the same number.
const CONTINUATION: u64 = 2;
const MILLIS_BEHIND_LATEST: u64 = 3;
/// Of `Record`.
const DATA: u64 = 3;
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
    for_each_field(message, |number, field| {
        let Field::Bytes(value) = field else { return Ok(()) };
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

pub(super) fn event<'a>(
    message: &'a [u8],
    mut on_data: impl FnMut(Data<'a>),
) -> Result<Event<'a>, Malformed> {
    let mut event = Event::default();
    for_each_field(message, |number, field| {
        match (number, field) {
            (RECORDS, Field::Bytes(record)) => {
                let data = bytes(record, DATA)?.unwrap_or_default();
                event.records += 1;
                event.data_bytes += data.len() as u64;
                on_data(Data::Raw(data));
            }
            (CONTINUATION, Field::Bytes(value)) => {
                let number = std::str::from_utf8(value).map_err(|_| "a number is not UTF-8")?;
                event.continuation = Some(Cow::Borrowed(number));
            }
            (MILLIS_BEHIND_LATEST, Field::Number(millis)) => event.millis_behind_latest = millis,
            _ => {}
        }
        Ok(())
    })?;
    Ok(event)
}

/// A field of a message that is a text.
fn text(message: &[u8], wanted: u64) -> Result<Option<String>, Malformed> {
    Ok(bytes(message, wanted)?.map(|value| String::from_utf8_lossy(value).into_owned()))
}

/// A field of a message that has a length.
fn bytes(message: &[u8], wanted: u64) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    for_each_field(message, |number, field| {
        if let (true, Field::Bytes(value)) = (number == wanted, field) {
            found = Some(value);
        }
        Ok(())
    })?;
    Ok(found)
}

#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Shows all fields but those of a fixed width.
fn for_each_field<'a>(
    mut message: &'a [u8],
    mut show: impl FnMut(u64, Field<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let length = match key & 7 {
            VARINT => {
                let number = varint(&mut message)?;
                show(key >> 3, Field::Number(number))?;
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
            show(key >> 3, Field::Bytes(value))?;
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
            let _ = event(&bytes, |_| {});
        }

        #[test]
        fn it_shows_the_data_of_every_record(
            data in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10), behind in 0..i64::MAX,
        ) {
            let record = |data: &Vec<u8>| v1::Record {
                sequence_number: "49".to_owned(),
                data: data.clone().into(),
                partition_key: Some("k".to_owned()),
                ..v1::Record::default()
            };
            let message = v1::SubscribeResponse {
                records: data.iter().map(record).collect(),
                continuation_sequence_number: Some("50".to_owned()),
                millis_behind_latest: behind,
                child_shards: Vec::new(),
            };
            let message = message.encode_to_vec();
            let mut shown = Vec::new();
            let found = event(&message, |data| shown.push(data)).unwrap();
            prop_assert_eq!(shown, data.iter().map(|data| Data::Raw(data)).collect::<Vec<_>>());
            prop_assert_eq!(found.records, data.len() as u64);
            prop_assert_eq!(found.data_bytes, data.iter().map(Vec::len).sum::<usize>() as u64);
            prop_assert_eq!(found.continuation.as_deref(), Some("50"));
            prop_assert_eq!(i64::try_from(found.millis_behind_latest), Ok(behind));
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
