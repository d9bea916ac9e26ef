//! Outputs as CBOR, in the form that AWS sends: maps of indefinite length, timestamps as tag 1 with whole
//! milliseconds (RFC 8949 means seconds there, AWS and its clients do not).

use millstream_model::Timestamp;

use super::encode::Writer;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;

const OPEN_MAP: u8 = 0xbf;
const BREAK: u8 = 0xff;
const EPOCH_TAG: u8 = 0xc1;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const DOUBLE: u8 = 0xfb;

#[derive(Debug)]
pub(crate) struct CborWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> CborWriter<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// The type of an item and its number, in as few bytes as it takes.
    #[allow(clippy::cast_possible_truncation)] // each arm's range fits its type
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        match argument {
            0..=23 => self.out.push(major | argument as u8),
            24..=0xff => self.out.extend_from_slice(&[major | 24, argument as u8]),
            0x100..=0xffff => {
                self.out.push(major | 25);
                self.out.extend_from_slice(&(argument as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.out.push(major | 26);
                self.out.extend_from_slice(&(argument as u32).to_be_bytes());
            }
            _ => {
                self.out.push(major | 27);
                self.out.extend_from_slice(&argument.to_be_bytes());
            }
        }
    }

    fn string(&mut self, major: u8, content: &[u8]) {
        self.head(major, content.len() as u64);
        self.out.extend_from_slice(content);
    }
}

impl Writer for CborWriter<'_> {
    fn open_map(&mut self) {
        self.out.push(OPEN_MAP);
    }

    fn member(&mut self, name: &'static str) {
        self.text(name);
    }

    fn entry(&mut self, key: &str) {
        self.text(key);
    }

    fn close_map(&mut self) {
        self.out.push(BREAK);
    }

    fn open_list(&mut self, length: usize) {
        self.head(LIST, length as u64);
    }

    fn item(&mut self) {}

    fn close_list(&mut self) {}

    fn text(&mut self, text: &str) {
        self.string(TEXT, text.as_bytes());
    }

    fn blob(&mut self, blob: &[u8]) {
        self.string(BYTES, blob);
    }

    fn boolean(&mut self, value: bool) {
        self.out.push(if value { TRUE } else { FALSE });
    }

    fn null(&mut self) {
        self.out.push(NULL);
    }

    fn integer(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(UNSIGNED, value),
            Err(_) => self.head(NEGATIVE, value.unsigned_abs() - 1),
        }
    }

    fn double(&mut self, value: f64) {
        self.out.push(DOUBLE);
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.out.push(EPOCH_TAG);
        self.head(UNSIGNED, value.as_millis());
    }
}

#[cfg(test)]
mod tests {
    use ciborium::Value;
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut CborWriter<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut CborWriter::new(&mut out));
        out
    }

    fn read(body: &[u8]) -> Value {
        ciborium::from_reader(body).unwrap()
    }

    #[test]
    fn timestamps_are_tagged_milliseconds() {
        let out = written(|writer| writer.timestamp(Timestamp::from_millis(1_700_000_000_123)));
        assert_eq!(out, [0xc1, 0x1b, 0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b]);
    }

    #[test]
    fn heads_are_as_short_as_can_be() {
        for (value, length) in [(23, 1), (24, 2), (255, 2), (256, 3), (65_535, 3), (65_536, 5), (1 << 32, 9)]
        {
            assert_eq!(written(|writer| writer.integer(value)).len(), length, "{value}");
            assert_eq!(written(|writer| writer.integer(-1 - value)).len(), length, "{value}");
        }
    }

    proptest! {
        #[test]
        fn scalars_are_read_back(integer in any::<i64>(), double in -1e300_f64..1e300, text in any::<String>(), blob in any::<Vec<u8>>()) {
            prop_assert_eq!(read(&written(|writer| writer.integer(integer))), Value::from(integer));
            prop_assert_eq!(read(&written(|writer| writer.double(double))), Value::from(double));
            prop_assert_eq!(read(&written(|writer| writer.text(&text))), Value::Text(text));
            prop_assert_eq!(read(&written(|writer| writer.blob(&blob))), Value::Bytes(blob));
        }
    }
}
