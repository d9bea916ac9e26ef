//! Outputs as JSON. Blobs are encoded to base64 where they will stand, without a string between.

use base64_simd::STANDARD;
use millstream_model::Timestamp;

use super::encode::Writer;

#[derive(Debug)]
pub(crate) struct JsonWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> JsonWriter<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A comma, except right after an opening bracket. No value ends in one, so nothing is to be remembered.
    fn comma(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    fn digits(&mut self, value: impl itoa::Integer) {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
}

impl Writer for JsonWriter<'_> {
    fn open_map(&mut self) {
        self.out.push(b'{');
    }

    fn member(&mut self, name: &'static str) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn entry(&mut self, key: &str) {
        self.comma();
        self.text(key);
        self.out.push(b':');
    }

    fn close_map(&mut self) {
        self.out.push(b'}');
    }

    fn open_list(&mut self, _: usize) {
        self.out.push(b'[');
    }

    fn item(&mut self) {
        self.comma();
    }

    fn close_list(&mut self) {
        self.out.push(b']');
    }

    fn text(&mut self, text: &str) {
        self.out.push(b'"');
        let mut plain = text.as_bytes();
        while let Some(at) = plain.iter().position(|byte| needs_escape(*byte)) {
            self.out.extend_from_slice(&plain[..at]);
            escape(plain[at], self.out);
            plain = &plain[at + 1..];
        }
        self.out.extend_from_slice(plain);
        self.out.push(b'"');
    }

    fn blob(&mut self, blob: &[u8]) {
        // The encoder reserves exactly what it needs; without this, every blob of a buffer that was too
        // small would copy the whole buffer.
        self.out.reserve(STANDARD.encoded_length(blob.len()) + 2);
        self.out.push(b'"');
        STANDARD.encode_append(blob, self.out);
        self.out.push(b'"');
    }

    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn null(&mut self) {
        self.out.extend_from_slice(b"null");
    }

    fn integer(&mut self, value: i64) {
        self.digits(value);
    }

    /// JSON has no infinities, and outputs none.
    fn double(&mut self, value: f64) {
        self.out.extend_from_slice(
            if value.is_finite() { format!("{value:?}") } else { "null".into() }.as_bytes(),
        );
    }

    /// Seconds with three digits of milliseconds, never through a float.
    fn timestamp(&mut self, value: Timestamp) {
        self.digits(value.as_secs());
        let millis = value.as_millis() % 1000;
        let digit = |value: u64| b'0' + u8::try_from(value % 10).unwrap_or(0);
        self.out.extend_from_slice(&[b'.', digit(millis / 100), digit(millis / 10), digit(millis)]);
    }
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut JsonWriter<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut JsonWriter::new(&mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn timestamps_have_exact_milliseconds() {
        for (millis, text) in [(1_704_067_200_123, "1704067200.123"), (1_000, "1.000"), (7, "0.007")] {
            assert_eq!(written(|writer| writer.timestamp(Timestamp::from_millis(millis))), text);
        }
    }

    #[test]
    fn commas_stand_between() {
        let text = written(|writer| {
            writer.open_map();
            writer.member("A");
            writer.open_list(2);
            writer.item();
            writer.text("{");
            writer.item();
            writer.open_map();
            writer.close_map();
            writer.close_list();
            writer.entry("b\"");
            writer.boolean(true);
            writer.close_map();
        });
        assert_eq!(text, r#"{"A":["{",{}],"b\"":true}"#);
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text in any::<String>()) {
            let json = written(|writer| writer.text(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn any_number_is_read_back(integer in any::<i64>(), double in any::<f64>()) {
            let json = written(|writer| writer.integer(integer));
            prop_assert_eq!(serde_json::from_str::<i64>(&json).unwrap(), integer);
            let json = written(|writer| writer.double(double));
            if double.is_finite() {
                prop_assert_eq!(json.parse::<f64>().unwrap(), double);
            }
        }
    }
}
