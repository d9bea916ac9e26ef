//! Which partition key a record gets.

use bytestring::ByteString;
use md5::{Digest, Md5};
use millstream_model::limits::PARTITION_KEY_CHARS_MAX;
use millstream_runtime::Entropy;
use serde_json::Value;

/// Where partition keys come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PartitionKey {
    /// A new one for each record.
    #[default]
    Random,
    /// The MD5 of the record's data.
    Deterministic,
    /// The path of the file.
    File,
    Constant(String),
    /// A member of the record, which is JSON by then: its name, or a JSON pointer where it begins with `/`.
    Field(String),
    /// A column, from 0, of a record that is as it was in the file.
    Column {
        index: usize,
        delimiter: u8,
    },
}

impl PartitionKey {
    /// The key of a record; random where the record has none of its own.
    pub(crate) fn of(
        &self,
        raw: &[u8],
        data: &[u8],
        path: impl FnOnce() -> String,
        entropy: &dyn Entropy,
    ) -> ByteString {
        let found = match self {
            Self::Random => None,
            Self::Deterministic => Some(md5_of(data)),
            Self::File => Some(path()),
            Self::Constant(key) => Some(key.clone()),
            Self::Field(name) => field(data, name),
            Self::Column { index, delimiter } => column(raw, *index, *delimiter),
        };
        let key = found.filter(|key| !key.is_empty());
        key.map_or_else(|| random(entropy), within_limit)
    }
}

fn random(entropy: &dyn Entropy) -> ByteString {
    format!("{:016x}", entropy.next_u64()).into()
}

fn md5_of(data: &[u8]) -> String {
    hex::encode(Md5::digest(data))
}

/// What is too long to be a key is stood for by its MD5, so that equal values still are in one shard.
fn within_limit(key: String) -> ByteString {
    if key.encode_utf16().count() > PARTITION_KEY_CHARS_MAX {
        md5_of(key.as_bytes()).into()
    } else {
        key.into()
    }
}

fn field(data: &[u8], name: &str) -> Option<String> {
    let value: Value = serde_json::from_slice(data).ok()?;
    let found = if name.starts_with('/') { value.pointer(name) } else { value.get(name) };
    match found? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn column(raw: &[u8], index: usize, delimiter: u8) -> Option<String> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(raw);
    let mut record = csv::ByteRecord::new();
    let is_there = reader.read_byte_record(&mut record).ok()?;
    is_there.then(|| record.get(index).map(|field| String::from_utf8_lossy(field).into_owned())).flatten()
}

#[cfg(test)]
mod tests {
    use millstream_runtime::SeededEntropy;

    use super::*;

    fn key(from: &PartitionKey, raw: &str, data: &str) -> String {
        let path = || "/var/log/app.log".to_owned();
        from.of(raw.as_bytes(), data.as_bytes(), path, &SeededEntropy::new(7)).to_string()
    }

    #[test]
    fn keys_come_from_where_they_should() {
        let json = r#"{"user":{"id":17},"host":"a","none":null,"empty":""}"#;
        let field = |name: &str| key(&PartitionKey::Field(name.to_owned()), "", json);
        let random = key(&PartitionKey::Random, "", json);
        assert_eq!(field("host"), "a");
        assert_eq!(field("/user/id"), "17");
        assert_eq!(field("user"), r#"{"id":17}"#);
        for name in ["none", "empty", "missing", "/user/name"] {
            assert_eq!(field(name), random, "{name}");
        }
        assert_eq!(key(&PartitionKey::Field("host".to_owned()), "", "no JSON"), random);
        assert_eq!(key(&PartitionKey::File, "", ""), "/var/log/app.log");
        assert_eq!(key(&PartitionKey::Constant("k".to_owned()), "", ""), "k");
        assert_eq!(key(&PartitionKey::Deterministic, "", "abc"), "900150983cd24fb0d6963f7d28e17f72");
        let column = |index| key(&PartitionKey::Column { index, delimiter: b';' }, "1;\"two; too\";3\n", "");
        assert_eq!([column(0), column(1), column(2)], ["1", "two; too", "3"]);
        assert_eq!(column(3), random);
    }

    #[test]
    fn a_value_that_is_too_long_has_a_key_of_its_own() {
        let long = format!(r#"{{"k":"{}"}}"#, "x".repeat(300));
        let of = key(&PartitionKey::Field("k".to_owned()), "", &long);
        assert_eq!(of.len(), 32);
        assert_eq!(of, key(&PartitionKey::Field("k".to_owned()), "", &long));
    }
}
