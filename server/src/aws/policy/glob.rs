//! IAM's wildcards: `*` for any characters, `?` for one.

/// Whether the pattern stands for all of the text. Takes time in proportion to both lengths multiplied, at worst.
pub(super) fn is_match(pattern: &str, text: &str) -> bool {
    is_match_by(pattern, text, |one, other| one == other)
}

/// As [`is_match`], for names of actions.
pub(super) fn is_match_ignoring_case(pattern: &str, text: &str) -> bool {
    is_match_by(pattern, text, |one, other| one.eq_ignore_ascii_case(&other))
}

fn is_match_by(pattern: &str, text: &str, is_same: impl Fn(char, char) -> bool) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Behind the last `*`, and what it does not stand for yet.
    let mut retry = None;
    loop {
        let here = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                retry = Some((pattern.clone(), here.clone()));
                text = here;
            }
            (Some('?'), Some(_)) => {}
            (Some(one), Some(other)) if is_same(one, other) => {}
            // The last `*` stands for one character more.
            _ => {
                let Some((behind, rest)) = &mut retry else { return false };
                if rest.next().is_none() {
                    return false;
                }
                (pattern, text) = (behind.clone(), rest.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn wildcards_stand_for_characters() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b:c", true),
            ("a*", "a", true),
            ("?", "", false),
            ("?", "é", true),
            ("a?c*", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-", false),
            ("**a", "ba", true),
            ("arn:*:stream/o*", "arn:aws:kinesis:r:1:stream/orders", true),
            ("A", "a", false),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} {text}");
        }
        assert!(is_match_ignoring_case("get*RECORDS", "GetRecords"));
    }

    #[test]
    fn many_wildcards_take_no_time() {
        let (pattern, text) = ("*a".repeat(1000) + "b", "a".repeat(2048));
        assert!(!is_match(&pattern, &text));
    }

    proptest! {
        #[test]
        fn agrees_with_regular_expressions(pattern in "[ab*?]{0,8}", text in "[abé]{0,8}") {
            let regex = pattern.replace('*', ".*").replace('?', ".");
            let regex = Regex::new(&format!("^(?s:{regex})$")).unwrap();
            prop_assert_eq!(is_match(&pattern, &text), regex.is_match(&text));
        }
    }
}
