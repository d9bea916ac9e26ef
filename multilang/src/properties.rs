//! Java's `.properties` files: keys and values, with escapes, lines that go on, and comments.
//!
//! The format is that of `java.util.Properties.load`, ISO 8859-1 included: characters outside it are written as
//! `\uXXXX`. Blanks behind a value are left out, which Java keeps and nobody means. What keys mean is not known here.

/// What separates a key from its value, beside `=` and `:`, and is left out around both.
const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];

/// The entries of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub value: String,
    /// Where it begins, from 1.
    pub line: usize,
}

/// An escape that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: \\u is not followed by four hexadecimal digits")]
pub struct InvalidProperties {
    pub line: usize,
}

impl Properties {
    /// Reads a whole file.
    ///
    /// # Errors
    /// If a `\u` is not followed by four hexadecimal digits.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidProperties> {
        let text: String = bytes.iter().copied().map(char::from).collect();
        let text = text.replace("\r\n", "\n");
        let mut lines = text.split(['\n', '\r']).zip(1..);
        let mut entries = Vec::new();
        while let Some((natural, line)) = lines.next() {
            let mut logical = natural.trim_start_matches(BLANKS).to_owned();
            if logical.is_empty() || logical.starts_with(['#', '!']) {
                continue;
            }
            while goes_on(&logical) {
                logical.pop();
                let Some((more, _)) = lines.next() else { break };
                logical.push_str(more.trim_start_matches(BLANKS));
            }
            let (key, value) = halves(&logical);
            let meant = |text| unescaped(text).ok_or(InvalidProperties { line });
            entries.push(Entry { key: meant(key)?, value: meant(value.trim_end_matches(BLANKS))?, line });
        }
        Ok(Self(entries))
    }

    /// The value of a key; the last one where there are several, as in Java.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }
}

/// Whether a line ends with a backslash that is not itself escaped.
fn goes_on(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

/// Key and value of a line, as they are written.
fn halves(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|character: char| {
        let ends = !escaped && (character == '=' || character == ':' || BLANKS.contains(&character));
        escaped = !escaped && character == '\\';
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(BLANKS);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(BLANKS))
}

/// What a text with escapes means; `None` where one is no escape.
fn unescaped(text: &str) -> Option<String> {
    // Escapes are of UTF-16, so that two of them may be one character.
    let mut units = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let meant = match character {
            '\\' => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    units.push(unit(characters.by_ref().take(4))?);
                    continue;
                }
                Some(other) => other,
                None => break,
            },
            plain => plain,
        };
        units.extend_from_slice(meant.encode_utf16(&mut [0; 2]));
    }
    Some(String::from_utf16_lossy(&units))
}

fn unit(digits: impl Iterator<Item = char>) -> Option<u16> {
    let values: Vec<_> = digits.map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let value = (values.len() == 4).then(|| values.iter().fold(0, |value, digit| value * 16 + digit))?;
    u16::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let parsed = Properties::parse(text.as_bytes()).unwrap();
        parsed.entries().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
    }

    fn is(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(pairs(text), expected, "{text:?}");
    }

    #[test]
    fn the_examples_of_javas_documentation() {
        is("Truth = Beauty\n  Truth:Beauty\nTruth                    :Beauty", &[("Truth", "Beauty"); 3]);
        is(
            "fruits      apple, banana, pear, \\\n            cantaloupe, watermelon, \\\r\n  kiwi, mango",
            &[("fruits", "apple, banana, pear, cantaloupe, watermelon, kiwi, mango")],
        );
        is("cheeses\n", &[("cheeses", "")]);
        is("\\:\\= = x", &[(":=", "x")]);
    }

    #[test]
    fn comments_blanks_and_continuations() {
        is("# a = b \\\nc = d\n ! e\n\n\t\n=f\n", &[("c", "d"), ("", "f")]);
        is("a = b\\\\\nc = d", &[("a", "b\\"), ("c", "d")]);
        is("a = b\\\n\nc = d", &[("a", "b"), ("c", "d")]);
        is("a = b\\\n# no comment", &[("a", "b# no comment")]);
        is("a = b\\", &[("a", "b")]);
        is("a == b: c \t", &[("a", "= b: c")]);
        is("a\rb=1\r\nc=2", &[("a", ""), ("b", "1"), ("c", "2")]);
    }

    #[test]
    fn escapes_and_their_faults() {
        is("a\\ b = \\u0041\\t\\q\\ \\uD83D\\uDE00", &[("a b", "A\tq \u{1f600}")]);
        for text in ["a=1\nb=\\u12", "a=1\nb=\\u12G4", "a\nb=\\u+123"] {
            assert_eq!(Properties::parse(text.as_bytes()), Err(InvalidProperties { line: 2 }), "{text}");
        }
        let latin = Properties::parse(b"a = caf\xe9").unwrap();
        assert_eq!(latin.get("a"), Some("caf\u{e9}"));
    }

    #[test]
    fn the_last_of_a_key_counts_and_its_line_is_known() {
        let parsed = Properties::parse(b"# c\na=1\nb=2 \\\n3\na=4").unwrap();
        assert_eq!(parsed.get("a"), Some("4"));
        assert_eq!(parsed.entries().map(|entry| entry.line).collect::<Vec<_>>(), [2, 3, 5]);
    }

    /// As Java writes them.
    fn written(text: &str, is_key: bool) -> String {
        let mut out = String::new();
        for (place, unit) in text.encode_utf16().enumerate() {
            match char::from_u32(unit.into()).unwrap_or('\0') {
                ' ' if is_key || place == 0 => out.push_str("\\ "),
                '\\' => out.push_str("\\\\"),
                '\t' => out.push_str("\\t"),
                special @ ('=' | ':' | '#' | '!') => out.extend(['\\', special]),
                plain @ ' '..='~' => out.push(plain),
                _ => out.push_str(&format!("\\u{unit:04X}")),
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entries in proptest::collection::vec((".{1,12}", ".{0,12}"), 0..8)) {
            let entries: Vec<(String, String)> =
                entries.into_iter().map(|(k, v)| (k, v.trim_end().to_owned())).collect();
            let mut text = String::new();
            for (key, value) in &entries {
                text += &format!("{}={}\n", written(key, true), written(value, false));
            }
            prop_assert_eq!(pairs(&text), entries);
        }

        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>) {
            let _ = Properties::parse(&bytes);
        }
    }
}
