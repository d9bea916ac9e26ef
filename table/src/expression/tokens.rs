//! The tokens of an expression, as far as a message about a syntax error needs them.

/// Where the tokens of a text begin and end, in bytes.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

/// What AWS says of a text that makes no sense from some byte on: the token there, and it between its
/// neighbours.
pub(super) fn syntax_error(text: &str, at: usize) -> String {
    let spans: Vec<_> = Tokens { text, at: 0 }.collect();
    let place = spans.iter().position(|(_, end)| *end > at).unwrap_or(spans.len());
    let token = spans.get(place).map_or("<EOF>", |(start, end)| &text[*start..*end]);
    let from = spans.get(place.saturating_sub(1)).map_or(0, |(start, _)| *start);
    // What is behind the last token belongs to the end.
    let to = spans.get(place + 1).or(spans.get(place)).map_or(text.len(), |(_, end)| *end);
    format!("Syntax error; token: \"{token}\", near: \"{}\"", &text[from..to])
}

impl Iterator for Tokens<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let rest = &self.text[self.at..];
        let start = self.at + rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let rest = &self.text[start..];
        let first = rest.chars().next()?;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let words = |from: usize| from + rest[from..].bytes().take_while(|byte| is_word(*byte)).count();
        let length = match first {
            '#' | ':' => words(1),
            '1'..='9' => rest.bytes().take_while(u8::is_ascii_digit).count(),
            _ if first.is_ascii_alphabetic() => words(0),
            '<' if rest.starts_with("<>") || rest.starts_with("<=") => 2,
            '>' if rest.starts_with(">=") => 2,
            _ => first.len_utf8(),
        };
        self.at = start + length;
        Some((start, self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_shown_between_its_neighbours() {
        for (text, at, token, near) in [
            ("a = = :v", 4, "=", "= = :v"),
            ("a = ", 4, "<EOF>", "= "),
            ("a  <>  :b c", 10, "c", ":b c"),
            ("!!", 0, "!", "!!"),
            ("", 0, "<EOF>", ""),
            ("a é b", 2, "é", "a é b"),
            ("(a)", 0, "(", "(a"),
            ("a[1b]", 3, "b", "1b]"),
            ("a[00]", 3, "0", "00]"),
            ("SET _abc = :v", 4, "_", "SET _abc"),
            ("a_b _", 4, "_", "a_b _"),
        ] {
            let expected = format!("Syntax error; token: \"{token}\", near: \"{near}\"");
            assert_eq!(syntax_error(text, at), expected, "{text}");
        }
    }
}
