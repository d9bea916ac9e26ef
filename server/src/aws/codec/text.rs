//! Strings as they stand in the body, made into text only when somebody wants them.
//!
//! Most strings become slices of the body without a copy, and a JSON blob never becomes text at all: its
//! base64 is decoded from where it stands. A string that nobody wants is still checked when it is skipped.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;

use super::token::{Malformed, Read};

/// A string that was found but not yet looked into.
#[derive(Debug)]
pub(crate) enum Text<'b> {
    /// A CBOR text string: any UTF-8.
    Plain(&'b [u8]),
    /// A name that the body only hints at, as with a protobuf field's number.
    Known(&'static str),
    /// Between the quotes of a JSON string, without a backslash.
    Quoted(&'b [u8]),
    /// Between the quotes of a JSON string, with backslashes.
    Escaped(&'b [u8]),
    /// A CBOR text string that came in chunks.
    Joined(Vec<u8>),
}

impl<'b> Text<'b> {
    #[inline]
    pub(crate) fn read(self) -> Read<Cow<'b, str>> {
        match self {
            Self::Plain(raw) => utf8(raw).map(Cow::Borrowed),
            Self::Known(name) => Ok(Cow::Borrowed(name)),
            Self::Quoted(raw) => utf8(without_controls(raw)?).map(Cow::Borrowed),
            Self::Escaped(raw) => unescape(utf8(without_controls(raw)?)?).map(Cow::Owned),
            Self::Joined(raw) => String::from_utf8(raw).map(Cow::Owned).map_err(|_| Malformed),
        }
    }

    /// Without escapes, so that its bytes can be compared.
    #[inline]
    pub(crate) fn resolved(self) -> Read<Self> {
        match self {
            Self::Escaped(_) => Ok(Self::Joined(self.read()?.into_owned().into_bytes())),
            other => Ok(other),
        }
    }

    /// The bytes, not yet known to be UTF-8.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Plain(raw) | Self::Quoted(raw) | Self::Escaped(raw) => raw,
            Self::Known(name) => name.as_bytes(),
            Self::Joined(raw) => raw,
        }
    }

    /// The text as a slice of `body`, which it must have been read from; copied only where it was escaped
    /// or chunked.
    #[inline]
    pub(crate) fn share(self, body: &Bytes) -> Read<ByteString> {
        match self {
            Self::Plain(raw) => ByteString::try_from(body.slice_ref(raw)).map_err(|_| Malformed),
            Self::Quoted(raw) => {
                ByteString::try_from(body.slice_ref(without_controls(raw)?)).map_err(|_| Malformed)
            }
            Self::Known(name) => Ok(ByteString::from_static(name)),
            other @ (Self::Escaped(_) | Self::Joined(_)) => Ok(other.read()?.into_owned().into()),
        }
    }
}

#[inline]
fn utf8(raw: &[u8]) -> Read<&str> {
    std::str::from_utf8(raw).map_err(|_| Malformed)
}

/// JSON wants control characters escaped.
fn without_controls(raw: &[u8]) -> Read<&[u8]> {
    // No early exit, so that it runs sixteen bytes at a time.
    if raw.iter().fold(false, |found, byte| found | (*byte < 0x20)) { Err(Malformed) } else { Ok(raw) }
}

/// Resolves JSON's escapes. Halves of a surrogate pair that stand alone are refused: no UTF-8 text has them.
fn unescape(raw: &str) -> Read<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        let character = match chars.next().ok_or(Malformed)? {
            plain @ ('"' | '\\' | '/') => plain,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (character, after) = unescape_utf16(chars.as_str())?;
                chars = after.chars();
                character
            }
            _ => return Err(Malformed),
        };
        text.push(character);
        rest = chars.as_str();
    }
    text.push_str(rest);
    Ok(text)
}

/// The character whose first four hex digits begin `rest`, and what follows it.
fn unescape_utf16(rest: &str) -> Read<(char, &str)> {
    let (first, rest) = code_unit(rest)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Ok((character, rest));
    }
    let (second, rest) = code_unit(rest.strip_prefix("\\u").ok_or(Malformed)?)?;
    match char::decode_utf16([first, second]).next() {
        Some(Ok(character)) => Ok((character, rest)),
        _ => Err(Malformed),
    }
}

fn code_unit(rest: &str) -> Read<(u16, &str)> {
    let (digits, rest) = rest.split_at_checked(4).ok_or(Malformed)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Malformed);
    }
    Ok((u16::from_str_radix(digits, 16).map_err(|_| Malformed)?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(raw: &str) -> Read<String> {
        Text::Escaped(raw.as_bytes()).read().map(Cow::into_owned)
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(escaped(r#"a\"\\\/\b\f\n\r\t"#).unwrap(), "a\"\\/\u{8}\u{c}\n\r\t");
        assert_eq!(escaped(r"\u00e9\uD83D\uDE00x").unwrap(), "é😀x");
    }

    #[test]
    fn broken_escapes_are_refused() {
        for raw in
            [r"\", r"\x", r"\u12", r"\u+123", r"\ud800", r"\ud800\u0041", r"\ud800x", r"\udc00", "\\ué"]
        {
            assert_eq!(escaped(raw), Err(Malformed), "{raw}");
        }
    }

    #[test]
    fn controls_and_broken_utf8_are_refused() {
        assert_eq!(Text::Quoted(b"a\nb").read(), Err(Malformed));
        assert_eq!(Text::Quoted(b"a\xff").read(), Err(Malformed));
        assert_eq!(Text::Plain(b"\xc3").read(), Err(Malformed));
        assert_eq!(Text::Plain(b"a\nb").read().unwrap(), "a\nb");
    }

    #[test]
    fn plain_text_shares_the_body() {
        let body = Bytes::from_static(b"\"name\"");
        let shared = Text::Quoted(&body[1..5]).share(&body).unwrap();
        assert_eq!(shared, "name");
        assert_eq!(shared.as_bytes().as_ptr(), body[1..].as_ptr());
    }

    proptest! {
        #[test]
        fn escapes_mean_what_serde_json_says(raw in r#"([ab"/é\\]|\\[bfnrtux"/\\]|[0-9a-fA-FdD]{1,4}|\\ud[89a-f]{1}[0-9a-f]{2}){0,6}"#) {
            let reference: Result<String, _> = serde_json::from_str(&format!("\"{raw}\""));
            if let Ok(expected) = reference {
                prop_assert_eq!(escaped(&raw).unwrap(), expected);
            } else if !raw.replace("\\\\", "").replace("\\\"", "").contains('"') {
                // Whatever ends the string early is the reader's to refuse.
                prop_assert_eq!(escaped(&raw), Err(Malformed));
            }
        }
    }
}
