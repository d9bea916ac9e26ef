//! Lines of JSON, sent as they stand; only the key is looked for.

use std::fmt;
use std::io::Read;
use std::ops::ControlFlow;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::each_line;
use super::{InputError, Intake};

pub(super) fn read(file: impl Read, intake: &mut Intake<'_>) -> Result<ControlFlow<()>, InputError> {
    each_line(file, intake, |intake, number, line| {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let parsed = match intake.key_field() {
            Some(field) => key_of(line, field),
            None => serde_json::from_slice::<IgnoredAny>(line).map(|_| None),
        };
        let key = parsed.map_err(|error| {
            let what = if error.is_data() { "" } else { "not JSON: " };
            intake.malformed(number, format!("{what}{error}"))
        })?;
        intake.accept(number, key, Bytes::copy_from_slice(line))
    })
}

/// The text of a member of an object: strings without their quotes, numbers and booleans as written. `None`
/// for null and where there is no such member.
fn key_of(line: &[u8], field: &str) -> serde_json::Result<Option<String>> {
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let raw = Member(field).deserialize(&mut deserializer)?;
    deserializer.end()?;
    let Some(raw) = raw else { return Ok(None) };
    match raw.get().as_bytes() {
        [b'"', ..] => serde_json::from_str(raw.get()).map(Some),
        [b'{' | b'[', ..] => Err(serde_json::Error::custom(format_args!("{field:?} is no single value"))),
        b"null" => Ok(None),
        _ => Ok(Some(raw.get().to_owned())),
    }
}

/// Finds one member of an object and checks the rest without keeping it.
struct Member<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with a member {:?}", self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(wanted) = members.next_key_seed(IsName(self.0))? {
            if wanted {
                // As everywhere with JSON, the last of several wins.
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Compares a member's name without keeping it.
struct IsName<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}
