//! Searching JSON replies.
//!
//! Inside a JSON string every quotation mark is escaped, so `"Name"` followed by a colon is always a key,
//! never part of somebody's partition key. That makes a substring search as safe as a parser here.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

use super::{Data, Event, Failures, Page};

/// Why a reply cannot be what it should be.
type Malformed = &'static str;

/// Where the members beside the records are searched for first; they stand at one end of the reply.
const EDGE_BYTES: usize = 4096;

pub(super) fn put_record(body: &[u8]) -> Result<Failures, Malformed> {
    check_object(body)?;
    find_value(body, b"\"SequenceNumber\"").ok_or("no SequenceNumber")?;
    Ok(Failures::new())
}

pub(super) fn put_records(body: &[u8]) -> Result<Failures, Malformed> {
    check_object(body)?;
    let value = find_near_edge(body, b"\"FailedRecordCount\"").ok_or("no FailedRecordCount")?;
    let failed = number(value).ok_or("FailedRecordCount is not a number")?;
    if failed == 0 {
        return Ok(Failures::new());
    }
    let reply: PutRecordsReply = serde_json::from_slice(body).map_err(|_| "not a PutRecords reply")?;
    let mut failures = Failures::new();
    for code in reply.records.into_iter().filter_map(|record| record.error_code) {
        *failures.entry(code).or_default() += 1;
    }
    if failures.values().sum::<u64>() == failed { Ok(failures) } else { Err("FailedRecordCount is wrong") }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecordsReply {
    records: Vec<PutRecordsEntry>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecordsEntry {
    error_code: Option<String>,
}

pub(super) fn page<'a>(body: &'a [u8], on_data: impl FnMut(Data<'a>)) -> Result<Page<'a>, Malformed> {
    let (records, data_bytes) = records(body, on_data)?;
    let mut page = Page { records, data_bytes, ..Page::default() };
    if let Some(value) = find_near_edge(body, b"\"NextShardIterator\"") {
        page.next_iterator = text_or_null(value)?;
    }
    if let Some(value) = find_near_edge(body, b"\"MillisBehindLatest\"") {
        page.millis_behind_latest = number(value).ok_or("MillisBehindLatest is not a number")?;
    }
    Ok(page)
}

pub(super) fn event<'a>(body: &'a [u8], on_data: impl FnMut(Data<'a>)) -> Result<Event<'a>, Malformed> {
    let (records, data_bytes) = records(body, on_data)?;
    let behind = find_near_edge(body, b"\"MillisBehindLatest\"").ok_or("no MillisBehindLatest")?;
    let continuation = match find_near_edge(body, b"\"ContinuationSequenceNumber\"") {
        Some(value) => text_or_null(value)?,
        None => None,
    };
    let millis_behind_latest = number(behind).ok_or("MillisBehindLatest is not a number")?;
    Ok(Event { records, data_bytes, continuation, millis_behind_latest })
}

/// Shows the data of each record; returns how many there are, and how many bytes of data.
fn records<'a>(body: &'a [u8], mut on_data: impl FnMut(Data<'a>)) -> Result<(u64, u64), Malformed> {
    check_object(body)?;
    find_near_edge(body, b"\"Records\"").ok_or("no Records")?;
    let (mut records, mut data_bytes) = (0, 0);
    let key = memmem::Finder::new(b"\"Data\"");
    let mut rest = body;
    while let Some(found) = key.find(rest) {
        rest = &rest[found + key.needle().len()..];
        let Some(value) = after_colon(rest) else { continue };
        let text = string(value).ok_or("Data is not a string")?;
        rest = &value[text.len() + 2..];
        records += 1;
        data_bytes += data_len(text)? as u64;
        on_data(Data::Base64(text));
    }
    Ok((records, data_bytes))
}

/// A member with a text, from a short reply such as an error.
pub(super) fn text_member<'a>(body: &'a [u8], key: &[u8]) -> Option<Cow<'a, str>> {
    find_value(body, key).and_then(|value| text_or_null(value).ok().flatten())
}

fn check_object(body: &[u8]) -> Result<(), Malformed> {
    let trimmed = body.trim_ascii();
    let whole = trimmed.first() == Some(&b'{') && trimmed.last() == Some(&b'}');
    if whole { Ok(()) } else { Err("not a JSON object") }
}

/// What follows the first occurrence of a key (given with its quotation marks) and its colon.
fn find_value<'a>(body: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut rest = body;
    loop {
        rest = &rest[memmem::find(rest, key)? + key.len()..];
        if let Some(value) = after_colon(rest) {
            return Some(value);
        }
    }
}

/// [`find_value`], but the ends of a long reply are searched before its middle.
fn find_near_edge<'a>(body: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    if body.len() > 2 * EDGE_BYTES {
        // A key that the edge cuts in two is found by the last search.
        let (head, tail) = (&body[..EDGE_BYTES], &body[body.len() - EDGE_BYTES..]);
        if let Some(value) = find_value(tail, key) {
            return Some(value);
        }
        if let Some(value) = find_value(head, key) {
            // The value itself may reach over the edge.
            return Some(&body[EDGE_BYTES - value.len()..]);
        }
    }
    find_value(body, key)
}

/// What follows the colon, or `None` when this was not a key.
fn after_colon(rest: &[u8]) -> Option<&[u8]> {
    rest.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start)
}

/// The inside of the string at the start of `value`, still escaped.
fn string(value: &[u8]) -> Option<&[u8]> {
    let inside = value.strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        from += memchr2(b'"', b'\\', inside.get(from..)?)?;
        if inside[from] == b'"' {
            return Some(&inside[..from]);
        }
        from += 2;
    }
}

fn text_or_null(value: &[u8]) -> Result<Option<Cow<'_, str>>, Malformed> {
    if value.starts_with(b"null") {
        return Ok(None);
    }
    unescape(string(value).ok_or("not a string")?).map(Some)
}

fn unescape(text: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    if memchr(b'\\', text).is_some() {
        let quoted = [b"\"", text, b"\""].concat();
        return serde_json::from_slice(&quoted).map(Cow::Owned).map_err(|_| "not a JSON string");
    }
    std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| "not UTF-8")
}

fn data_len(text: &[u8]) -> Result<usize, Malformed> {
    if memchr(b'\\', text).is_some() {
        // Some encoders escape the solidus.
        return unescape(text).map(|text| Data::Base64(text.as_bytes()).len());
    }
    Ok(Data::Base64(text).len())
}

/// The whole number at the start of `value`; a fraction is dropped.
fn number(value: &[u8]) -> Option<u64> {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
}
