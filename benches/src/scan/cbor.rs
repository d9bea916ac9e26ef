//! Walking CBOR replies. Every item says how long it is, so data is stepped over, not looked at.

use std::borrow::Cow;

use super::{Data, Failures, Page};

/// Why a reply cannot be what it should be.
type Malformed = &'static str;

const CUT_SHORT: Malformed = "the CBOR ends early";
/// Kinesis nests four deep; what goes deeper is not from there.
const DEPTH_MAX: u8 = 16;

const UNSIGNED: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
const NULL: u64 = 22;
const BREAK: u8 = 0xff;

pub(super) fn put_record(body: &[u8]) -> Result<Failures, Malformed> {
    let mut found = false;
    Reader::new(body).members(|reader, key| {
        found |= key == b"SequenceNumber";
        reader.skip(0).map(|()| Walk::On)
    })?;
    if found { Ok(Failures::new()) } else { Err("no SequenceNumber") }
}

pub(super) fn put_records(body: &[u8]) -> Result<Failures, Malformed> {
    let mut failed = None;
    let mut failures = Failures::new();
    Reader::new(body).members(|reader, key| {
        match key {
            b"FailedRecordCount" => {
                failed = Some(reader.unsigned()?);
                if failed == Some(0) {
                    return Ok(Walk::Stop);
                }
            }
            b"Records" => reader.elements(|reader| error_code(reader, &mut failures))?,
            _ => reader.skip(0)?,
        }
        Ok(Walk::On)
    })?;
    match failed {
        None => Err("no FailedRecordCount"),
        Some(0) => Ok(Failures::new()),
        Some(failed) if failures.values().sum::<u64>() == failed => Ok(failures),
        Some(_) => Err("FailedRecordCount is wrong"),
    }
}

fn error_code(reader: &mut Reader<'_>, failures: &mut Failures) -> Result<(), Malformed> {
    reader.members(|reader, key| {
        if key == b"ErrorCode" {
            if let Some(code) = reader.text_or_null()? {
                *failures.entry(code.into_owned()).or_default() += 1;
            }
        } else {
            reader.skip(0)?;
        }
        Ok(Walk::On)
    })
}

pub(super) fn page<'a>(body: &'a [u8], mut on_data: impl FnMut(Data<'a>)) -> Result<Page<'a>, Malformed> {
    let mut page = Page::default();
    let mut complete = false;
    Reader::new(body).members(|reader, key| {
        match key {
            b"Records" => {
                complete = true;
                reader.elements(|reader| {
                    page.records += 1;
                    page.data_bytes += record(reader, &mut on_data)?;
                    Ok(())
                })?;
            }
            b"NextShardIterator" => page.next_iterator = reader.text_or_null()?,
            b"MillisBehindLatest" => page.millis_behind_latest = reader.unsigned()?,
            _ => reader.skip(0)?,
        }
        Ok(Walk::On)
    })?;
    if complete { Ok(page) } else { Err("no Records") }
}

/// Steps over one record and returns the length of its data.
fn record<'a>(reader: &mut Reader<'a>, on_data: &mut impl FnMut(Data<'a>)) -> Result<u64, Malformed> {
    let mut data_bytes = None;
    reader.members(|reader, key| {
        if key == b"Data" {
            let data = reader.data()?;
            data_bytes = Some(data.len() as u64);
            on_data(data);
        } else {
            reader.skip(0)?;
        }
        Ok(Walk::On)
    })?;
    data_bytes.ok_or("a record without Data")
}

/// A member with a text, from a short reply such as an error.
pub(super) fn text_member<'a>(body: &'a [u8], name: &[u8]) -> Option<Cow<'a, str>> {
    let mut text = None;
    let walked = Reader::new(body).members(|reader, key| {
        if key == name {
            text = reader.text_or_null()?;
            return Ok(Walk::Stop);
        }
        reader.skip(0).map(|()| Walk::On)
    });
    walked.ok().and(text)
}

/// Whether the rest of a map is of interest.
enum Walk {
    On,
    Stop,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The first byte(s) of an item.
struct Head {
    major: u8,
    /// The length, count or value; `None` for indefinite lengths.
    argument: Option<u64>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], Malformed> {
        let count = usize::try_from(count).map_err(|_| CUT_SHORT)?;
        let end = self.at.checked_add(count).ok_or(CUT_SHORT)?;
        let taken = self.bytes.get(self.at..end).ok_or(CUT_SHORT)?;
        self.at = end;
        Ok(taken)
    }

    fn head(&mut self) -> Result<Head, Malformed> {
        let first = self.take(1)?[0];
        let argument = match first & 0x1f {
            small @ 0..=23 => Some(u64::from(small)),
            width @ 24..=27 => {
                let bytes = self.take(1 << (width - 24))?;
                Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
            }
            31 => None,
            _ => return Err("reserved CBOR"),
        };
        Ok(Head { major: first >> 5, argument })
    }

    /// True, and stepped over, when an indefinite list, map or string ends here.
    fn at_break(&mut self) -> Result<bool, Malformed> {
        let ends = *self.bytes.get(self.at).ok_or(CUT_SHORT)? == BREAK;
        self.at += usize::from(ends);
        Ok(ends)
    }

    /// Calls `each` for as many items as a list or map head announces.
    fn repeat(
        &mut self,
        count: Option<u64>,
        mut each: impl FnMut(&mut Self) -> Result<Walk, Malformed>,
    ) -> Result<(), Malformed> {
        let mut left = count;
        loop {
            match &mut left {
                Some(0) => return Ok(()),
                Some(left) => *left -= 1,
                None if self.at_break()? => return Ok(()),
                None => {}
            }
            if let Walk::Stop = each(self)? {
                return Ok(());
            }
        }
    }

    /// Visits the members of the map that begins here; `each` reads or skips the value.
    fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, &'a [u8]) -> Result<Walk, Malformed>,
    ) -> Result<(), Malformed> {
        let head = self.head()?;
        if head.major != MAP {
            return Err("not a CBOR map");
        }
        self.repeat(head.argument, |reader| {
            let key = reader.head()?;
            let (TEXT, Some(length)) = (key.major, key.argument) else { return Err("not a text key") };
            let key = reader.take(length)?;
            each(reader, key)
        })
    }

    fn elements(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let head = self.head()?;
        if head.major != LIST {
            return Err("not a CBOR list");
        }
        self.repeat(head.argument, |reader| each(reader).map(|()| Walk::On))
    }

    fn unsigned(&mut self) -> Result<u64, Malformed> {
        match self.head()? {
            Head { major: UNSIGNED, argument: Some(value) } => Ok(value),
            _ => Err("not a whole number"),
        }
    }

    fn text_or_null(&mut self) -> Result<Option<Cow<'a, str>>, Malformed> {
        match self.head()? {
            Head { major: SIMPLE, argument: Some(NULL) } => Ok(None),
            Head { major: TEXT, argument: Some(length) } => {
                let text = std::str::from_utf8(self.take(length)?).map_err(|_| "not UTF-8")?;
                Ok(Some(Cow::Borrowed(text)))
            }
            _ => Err("not a text"),
        }
    }

    /// A blob; a few implementations send it in base64 even here.
    fn data(&mut self) -> Result<Data<'a>, Malformed> {
        match self.head()? {
            Head { major: BYTES, argument: Some(length) } => Ok(Data::Raw(self.take(length)?)),
            Head { major: TEXT, argument: Some(length) } => Ok(Data::Base64(self.take(length)?)),
            _ => Err("Data is not a byte string"),
        }
    }

    fn skip(&mut self, depth: u8) -> Result<(), Malformed> {
        if depth > DEPTH_MAX {
            return Err("too deeply nested");
        }
        let head = self.head()?;
        match (head.major, head.argument) {
            (BYTES | TEXT, Some(length)) => self.take(length).map(|_| ()),
            (BYTES | TEXT | LIST, count) => {
                self.repeat(count, |reader| reader.skip(depth + 1).map(|()| Walk::On))
            }
            (MAP, count) => self.repeat(count, |reader| {
                reader.skip(depth + 1)?;
                reader.skip(depth + 1).map(|()| Walk::On)
            }),
            (TAG, Some(_)) => self.skip(depth + 1),
            (_, Some(_)) => Ok(()),
            (_, None) => Err("a break out of place"),
        }
    }
}
