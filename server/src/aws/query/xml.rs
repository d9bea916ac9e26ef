//! The little XML that is answered.

use std::borrow::Cow;

/// An error's code and text, and whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::aws) struct ErrorText {
    code: String,
    text: String,
    is_senders: bool,
}

impl ErrorText {
    pub(in crate::aws) fn sender(code: impl Into<String>, text: String) -> Self {
        Self { code: code.into(), text, is_senders: true }
    }

    pub(in crate::aws) fn receiver(code: impl Into<String>, text: String) -> Self {
        Self { code: code.into(), text, is_senders: false }
    }

    /// As the body of an answer.
    pub(in crate::aws) fn to_xml(&self, namespace: &str, request_id: &str) -> String {
        let kind = if self.is_senders { "Sender" } else { "Receiver" };
        let (code, text) = (escape(&self.code), escape(&self.text));
        format!(
            "<ErrorResponse xmlns=\"{namespace}\">\n  <Error>\n    <Type>{kind}</Type>\n    <Code>{code}</Code>\n    \
             <Message>{text}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n"
        )
    }
}

/// A text as it stands between tags. What XML cannot hold at all becomes a question mark.
fn escape(text: &str) -> Cow<'_, str> {
    let is_plain =
        |c: char| !matches!(c, '<' | '>' | '&' | '"' | '\'' | '\u{fffe}' | '\u{ffff}') && !c.is_control();
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", u32::from(c))),
            c if is_plain(c) => escaped.push(c),
            _ => escaped.push('?'),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_become_tags() {
        assert_eq!(escape("plain text, é"), "plain text, é");
        assert_eq!(escape("<a b=\"c\">&'\n\u{1}"), "&lt;a b=&quot;c&quot;&gt;&amp;&apos;&#10;?");
    }

    #[test]
    fn errors_are_told_as_aws_tells_them() {
        let xml = ErrorText::sender("InvalidAction", "no <X>".to_owned()).to_xml("ns", "id");
        assert!(xml.starts_with("<ErrorResponse xmlns=\"ns\">"));
        for part in ["<Type>Sender</Type>", "<Code>InvalidAction</Code>", "no &lt;X&gt;", "<RequestId>id<"] {
            assert!(xml.contains(part), "{part}");
        }
    }
}
