//! CBOR (RFC 8949) as a stream of tokens: every integer width, half, single and double floats, definite
//! and indefinite forms.
//!
//! Tags are read over: the model says what a value is, not its tag. A length that the body cannot hold is
//! refused where it stands, so nobody allocates for it.

use std::borrow::Cow;

use super::number::Number;
use super::text::Text;
use super::token::{Extent, Malformed, Read, Reader, Token};

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// Ends a list, map or string of indefinite length.
const BREAK: u8 = 0xff;

/// The first bytes of every item.
struct Head {
    major: u8,
    /// The low five bits of the first byte.
    info: u8,
    /// The number that follows; `None` for an indefinite length (or a break, which is not an item).
    argument: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct CborReader<'b> {
    body: &'b [u8],
    position: usize,
    /// Lists and maps that may still be opened inside the ones that are open.
    nesting_left: u8,
}

impl<'b> CborReader<'b> {
    pub(crate) fn new(body: &'b [u8], nesting_max: u8) -> Self {
        Self { body, position: 0, nesting_left: nesting_max }
    }

    #[inline]
    fn take(&mut self, length: u64) -> Read<&'b [u8]> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, _) = self.body[self.position..].split_at_checked(length).ok_or(Malformed)?;
        self.position += length;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let taken = self.body[self.position..].first_chunk().ok_or(Malformed)?;
        self.position += N;
        Ok(*taken)
    }

    #[inline]
    fn head(&mut self) -> Read<Head> {
        let [first] = self.array()?;
        let info = first & 0x1f;
        let argument = match info {
            0..=23 => Some(info.into()),
            24 => Some(self.array::<1>()?[0].into()),
            25 => Some(u16::from_be_bytes(self.array()?).into()),
            26 => Some(u32::from_be_bytes(self.array()?).into()),
            27 => Some(u64::from_be_bytes(self.array()?)),
            31 => None,
            _ => return Err(Malformed),
        };
        Ok(Head { major: first >> 5, info, argument })
    }

    /// The content of a byte or text string, joined when it comes in chunks.
    #[inline]
    fn string(&mut self, major: u8, length: Option<u64>) -> Read<Cow<'b, [u8]>> {
        if let Some(length) = length {
            return self.take(length).map(Cow::Borrowed);
        }
        let mut joined = Vec::new();
        while !self.at_break() {
            let chunk = self.head()?;
            let length = chunk.argument.filter(|_| chunk.major == major).ok_or(Malformed)?;
            joined.extend_from_slice(self.take(length)?);
        }
        Ok(Cow::Owned(joined))
    }

    #[inline]
    fn text(&mut self, length: Option<u64>) -> Read<Text<'b>> {
        Ok(match self.string(TEXT, length)? {
            Cow::Borrowed(raw) => Text::Plain(raw),
            Cow::Owned(raw) => Text::Joined(raw),
        })
    }

    #[inline]
    fn open(&mut self, remaining: Option<u64>) -> Read<Extent> {
        let bytes_left = (self.body.len() - self.position) as u64;
        if remaining.is_some_and(|remaining| remaining > bytes_left) {
            return Err(Malformed);
        }
        self.nesting_left = self.nesting_left.checked_sub(1).ok_or(Malformed)?;
        Ok(Extent { remaining, fresh: true })
    }

    /// Whether a break is next; it is taken.
    #[inline]
    fn at_break(&mut self) -> bool {
        let found = self.body.get(self.position) == Some(&BREAK);
        self.position += usize::from(found);
        found
    }

    /// Counts the next item or pair; false at the end of the list or map.
    #[inline]
    fn advance(&mut self, extent: &mut Extent) -> bool {
        let ended = match &mut extent.remaining {
            Some(0) => true,
            Some(remaining) => {
                *remaining -= 1;
                false
            }
            None => self.at_break(),
        };
        self.nesting_left += u8::from(ended);
        !ended
    }

    /// Simple values and floats. What the model has no name for is refused.
    fn simple(&mut self, head: &Head) -> Read<Token<'b>> {
        let bits = head.argument.ok_or(Malformed)?;
        let float = match head.info {
            20 => return Ok(Token::Boolean(false)),
            21 => return Ok(Token::Boolean(true)),
            22 | 23 => return Ok(Token::Null),
            25 => half_float(bits),
            26 => f32::from_bits(u32::try_from(bits).map_err(|_| Malformed)?).into(),
            27 => f64::from_bits(bits),
            _ => return Err(Malformed),
        };
        // JSON has no such numbers and AWS's types no such values.
        if float.is_finite() { Ok(Token::Number(Number::Float(float))) } else { Err(Malformed) }
    }
}

impl<'b> Reader<'b> for CborReader<'b> {
    #[inline]
    fn token(&mut self) -> Read<Token<'b>> {
        let mut head = self.head()?;
        while head.major == TAG {
            head.argument.ok_or(Malformed)?;
            head = self.head()?;
        }
        let argument = head.argument;
        Ok(match head.major {
            UNSIGNED => Token::Number(Number::Integer(argument.ok_or(Malformed)?.into())),
            NEGATIVE => Token::Number(Number::Integer(-1 - i128::from(argument.ok_or(Malformed)?))),
            BYTES => Token::Bytes(self.string(BYTES, argument)?),
            TEXT => Token::Text(self.text(argument)?),
            LIST => Token::List(self.open(argument)?),
            MAP => Token::Map(self.open(argument)?),
            _ => self.simple(&head)?,
        })
    }

    #[inline]
    fn item(&mut self, list: &mut Extent) -> Read<bool> {
        Ok(self.advance(list))
    }

    #[inline]
    fn key(&mut self, map: &mut Extent) -> Read<Option<Text<'b>>> {
        if !self.advance(map) {
            return Ok(None);
        }
        let head = self.head()?;
        if head.major == TEXT { self.text(head.argument).map(Some) } else { Err(Malformed) }
    }

    fn end(&mut self) -> Read<()> {
        if self.position == self.body.len() { Ok(()) } else { Err(Malformed) }
    }
}

/// IEEE 754 binary16: five bits of exponent, ten of fraction.
fn half_float(bits: u64) -> f64 {
    let fraction = f64::from(u32::try_from(bits & 0x3ff).unwrap_or(0));
    let exponent = i32::try_from(bits >> 10 & 0x1f).unwrap_or(0);
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits >> 15 & 1 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use ciborium::Value;
    use proptest::prelude::*;

    use super::*;

    fn is_cbor(body: &[u8], nesting_max: u8) -> bool {
        let mut reader = CborReader::new(body, nesting_max);
        let all = reader.token().and_then(|token| reader.skip(token));
        all.and_then(|()| reader.end()).is_ok()
    }

    fn number(body: &[u8]) -> f64 {
        match CborReader::new(body, 1).token() {
            Ok(Token::Number(number)) => number.to_float(),
            other => panic!("{other:?}"),
        }
    }

    fn text(body: &[u8]) -> String {
        match CborReader::new(body, 1).token() {
            Ok(Token::Text(text)) => text.read().unwrap().into_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// RFC 8949, appendix A.
    #[test]
    fn numbers_of_every_width() {
        let vectors: [(&[u8], f64); 18] = [
            (&[0x17], 23.0),
            (&[0x18, 0x18], 24.0),
            (&[0x19, 0x03, 0xe8], 1000.0),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], 1e6),
            (&[0x1b, 0x00, 0x00, 0x00, 0xe8, 0xd4, 0xa5, 0x10, 0x00], 1e12),
            (&[0x20], -1.0),
            (&[0x39, 0x03, 0xe7], -1000.0),
            (&[0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -18_446_744_073_709_551_616.0),
            (&[0xf9, 0x00, 0x00], 0.0),
            (&[0xf9, 0x3c, 0x00], 1.0),
            (&[0xf9, 0x3e, 0x00], 1.5),
            (&[0xf9, 0x7b, 0xff], 65_504.0),
            (&[0xf9, 0x00, 0x01], 5.960_464_477_539_063e-8),
            (&[0xf9, 0x04, 0x00], 0.000_061_035_156_25),
            (&[0xf9, 0xc4, 0x00], -4.0),
            (&[0xfa, 0x47, 0xc3, 0x50, 0x00], 100_000.0),
            (&[0xfb, 0xc0, 0x10, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66], -4.1),
            (&[0xc1, 0x1a, 0x51, 0x4b, 0x67, 0xb0], 1_363_896_240.0),
        ];
        for (body, expected) in vectors {
            assert_eq!(number(body), expected, "{body:02x?}");
        }
    }

    #[test]
    fn strings_may_come_in_chunks() {
        assert_eq!(text(&[0x64, b'I', b'E', b'T', b'F']), "IETF");
        assert_eq!(text(&[0x7f, 0x61, 0xc3, 0x61, 0xa9, 0x60, 0xff]), "é");
        assert!(is_cbor(&[0x5f, 0x42, 1, 2, 0x41, 3, 0xff], 1));
        // A chunk of another type, an indefinite chunk, no break.
        for body in [&[0x5f, 0x61, b'a', 0xff][..], &[0x7f, 0x7f, 0xff, 0xff], &[0x7f, 0x61, b'a']] {
            assert!(!is_cbor(body, 1), "{body:02x?}");
        }
    }

    #[test]
    fn what_is_not_a_value_is_refused() {
        let refused: [&[u8]; 14] = [
            &[],
            &[0xff],
            &[0x1f],
            &[0x1c],
            &[0x18],
            &[0xc1],
            &[0xdf, 0x00],
            &[0xf8, 0x20],
            &[0xf9, 0x7e, 0x00],
            &[0xfa, 0x7f, 0x80, 0x00, 0x00],
            &[0xa1, 0x01, 0x02],
            &[0xbf, 0x61, b'a', 0xff],
            &[0x9f, 0x00],
            &[0x00, 0x00],
        ];
        for body in refused {
            assert!(!is_cbor(body, 16), "{body:02x?}");
        }
    }

    #[test]
    fn announced_lengths_are_not_believed() {
        for major in [0x40, 0x60, 0x80, 0xa0] {
            let mut body = vec![major | 27];
            body.extend_from_slice(&(1_u64 << 60).to_be_bytes());
            assert!(!is_cbor(&body, 16));
            body[1..9].fill(0xff);
            assert!(!is_cbor(&body, 16));
        }
    }

    #[test]
    fn nesting_has_a_limit_and_costs_nothing() {
        let nested = |levels: usize| [vec![0x81; levels - 1], vec![0x80]].concat();
        assert!(is_cbor(&nested(16), 16));
        assert!(!is_cbor(&nested(17), 16));
        assert!(!is_cbor(&vec![0x9f; 1_000_000], 16));
        assert!(!is_cbor(&vec![0x81; 1_000_000], 16));
        // Tags are not levels, but there must be a value at last.
        assert!(is_cbor(&[vec![0xc6; 1_000_000], vec![0x00]].concat(), 16));
        assert!(!is_cbor(&vec![0xc6; 1_000_000], 16));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let ours = is_cbor(&body, 16);
            // The reference also takes what has no meaning here (keys that are not text, NaN and such).
            if ours {
                let reference: Result<Value, _> = ciborium::from_reader(body.as_slice());
                prop_assert!(reference.is_ok(), "{:?}", reference);
            }
        }

        #[test]
        fn half_floats_are_those_of_the_reference(bits in any::<u16>()) {
            let [high, low] = bits.to_be_bytes();
            let body = [0xf9, high, low];
            let reference: f64 = ciborium::from_reader(body.as_slice()).unwrap();
            if reference.is_finite() {
                prop_assert_eq!(number(&body), reference);
            } else {
                prop_assert!(!is_cbor(&body, 1));
            }
        }
    }
}
