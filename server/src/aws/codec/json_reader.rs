//! JSON (RFC 8259) as a stream of tokens.
//!
//! Its own because AWS's rules are about tokens (which class of value stands where another was expected),
//! because base64 must be decoded from where it stands, and because nesting is bounded without a stack.

use memchr::memchr2;

use super::number::Number;
use super::text::Text;
use super::token::{Extent, Malformed, Read, Reader, Token};

#[derive(Debug)]
pub(crate) struct JsonReader<'b> {
    body: &'b [u8],
    position: usize,
    /// Lists and maps that may still be opened inside the ones that are open.
    nesting_left: u8,
}

impl<'b> JsonReader<'b> {
    pub(crate) fn new(body: &'b [u8], nesting_max: u8) -> Self {
        Self { body, position: 0, nesting_left: nesting_max }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.body.get(self.position).copied()
    }

    /// The next byte that is not white space, left in place.
    #[inline]
    fn peek_token(&mut self) -> Read<u8> {
        while let Some(byte) = self.peek() {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(byte);
            }
            self.position += 1;
        }
        Err(Malformed)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Read<()> {
        if self.peek_token()? != byte {
            return Err(Malformed);
        }
        self.position += 1;
        Ok(())
    }

    fn literal(&mut self, word: &str, token: Token<'b>) -> Read<Token<'b>> {
        if !self.body[self.position..].starts_with(word.as_bytes()) {
            return Err(Malformed);
        }
        self.position += word.len();
        Ok(token)
    }

    /// A string whose opening quote is next.
    #[inline]
    fn string(&mut self) -> Read<Text<'b>> {
        let start = self.position + 1;
        let mut end = start;
        let mut escaped = false;
        loop {
            let rest = self.body.get(end..).ok_or(Malformed)?;
            end += memchr2(b'"', b'\\', rest).ok_or(Malformed)?;
            if self.body[end] == b'"' {
                break;
            }
            escaped = true;
            end += 2;
        }
        self.position = end + 1;
        let raw = &self.body[start..end];
        Ok(if escaped { Text::Escaped(raw) } else { Text::Quoted(raw) })
    }

    fn number(&mut self) -> Read<Token<'b>> {
        let start = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        if self.peek() == Some(b'0') {
            self.position += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.position += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.position += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.position += 1;
            }
            self.digits()?;
        }
        let digits = std::str::from_utf8(&self.body[start..self.position]).map_err(|_| Malformed)?;
        Ok(Token::Number(Number::Decimal(digits)))
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.position;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.position += 1;
        }
        if self.position == start { Err(Malformed) } else { Ok(()) }
    }

    #[inline]
    fn open(&mut self) -> Read<Extent> {
        self.position += 1;
        self.nesting_left = self.nesting_left.checked_sub(1).ok_or(Malformed)?;
        Ok(Extent { remaining: None, fresh: true })
    }

    /// Moves on to the next item or key, past the comma; false when `close` ends the list or map.
    #[inline]
    fn advance(&mut self, extent: &mut Extent, close: u8) -> Read<bool> {
        let next = self.peek_token()?;
        if next == close {
            self.position += 1;
            self.nesting_left += 1;
            return Ok(false);
        }
        if !extent.fresh {
            if next != b',' {
                return Err(Malformed);
            }
            self.position += 1;
        }
        extent.fresh = false;
        Ok(true)
    }
}

impl<'b> Reader<'b> for JsonReader<'b> {
    #[inline]
    fn token(&mut self) -> Read<Token<'b>> {
        match self.peek_token()? {
            b'"' => self.string().map(Token::Text),
            b'{' => self.open().map(Token::Map),
            b'[' => self.open().map(Token::List),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal("true", Token::Boolean(true)),
            b'f' => self.literal("false", Token::Boolean(false)),
            b'n' => self.literal("null", Token::Null),
            _ => Err(Malformed),
        }
    }

    #[inline]
    fn item(&mut self, list: &mut Extent) -> Read<bool> {
        self.advance(list, b']')
    }

    #[inline]
    fn key(&mut self, map: &mut Extent) -> Read<Option<Text<'b>>> {
        if !self.advance(map, b'}')? {
            return Ok(None);
        }
        if self.peek_token()? != b'"' {
            return Err(Malformed);
        }
        let key = self.string()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    fn end(&mut self) -> Read<()> {
        match self.peek_token() {
            Ok(_) => Err(Malformed),
            Err(Malformed) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_json(body: &[u8], nesting_max: u8) -> bool {
        let mut reader = JsonReader::new(body, nesting_max);
        let all = reader.token().and_then(|token| reader.skip(token));
        all.and_then(|()| reader.end()).is_ok()
    }

    #[test]
    fn the_grammar_is_kept() {
        for body in ["{}", " [ ] ", "-0.5e+3", "0", "\"\"", r#"{"a":[1,{"b":null}],"a":true}"#, "\tfalse\r\n"]
        {
            assert!(is_json(body.as_bytes(), 16), "{body}");
        }
        for body in [
            "",
            " ",
            "{",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{a:1}"#,
            r#"{"a" 1}"#,
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "nul",
            "nulll",
            "True",
            "\"",
            "\"\\",
            "\"a",
            "\"\\\"",
            "{} {}",
            "[]]",
            "{]",
            "[}",
            "'a'",
            "NaN",
            "\u{feff}{}",
            "[1}",
            "1,",
            "/**/1",
        ] {
            assert!(!is_json(body.as_bytes(), 16), "{body}");
        }
    }

    #[test]
    fn nesting_has_a_limit_and_costs_nothing() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(is_json(nested(16).as_bytes(), 16));
        assert!(!is_json(nested(17).as_bytes(), 16));
        assert!(!is_json("[".repeat(1_000_000).as_bytes(), 16));
        assert!(!is_json("{\"a\":".repeat(1_000_000).as_bytes(), 16));
        // Closing gives the level back.
        assert!(is_json(format!("[{}[]]", "[],".repeat(1000)).as_bytes(), 2));
    }

    /// `None` where the reference gives up: a number that no `f64` holds is JSON all the same.
    fn is_json_to_serde(body: &[u8]) -> Option<bool> {
        match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(_) => Some(true),
            Err(error) if error.to_string().starts_with("number out of range") => None,
            Err(_) => Some(false),
        }
    }

    #[test]
    fn numbers_may_be_of_any_size() {
        assert!(is_json(b"0.1E310", 1));
        assert_eq!(is_json_to_serde(b"0.1E310"), None);
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(body in r#"([\[\]{},: ]|"[a\\"nu/é]{0,3}"|-?[0-9]{1,2}(\.[0-9])?([eE][+-]?[0-9])?|true|false|null|\PC){0,12}"#) {
            let reference = is_json_to_serde(body.as_bytes());
            prop_assume!(reference.is_some());
            prop_assert_eq!(Some(is_json(body.as_bytes(), 100)), reference, "{}", body);
        }

        #[test]
        fn any_bytes_are_refused_or_read(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let reference = is_json_to_serde(&body);
            prop_assume!(reference.is_some());
            prop_assert_eq!(Some(is_json(&body, 100)), reference);
        }
    }
}
