//! Request bodies as trees, to be written in both formats.

use base64_simd::STANDARD;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Boolean(bool),
    Integer(i64),
    /// A timestamp.
    Millis(u64),
    Text(String),
    Blob(Vec<u8>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(crate) fn map<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A body as it is easily written down. JSON has no blobs: `blob` makes them of the texts of members that are some.
    #[cfg(test)]
    pub(crate) fn of_json(body: &serde_json::Value, blob: &dyn Fn(&str, &str) -> Option<Vec<u8>>) -> Self {
        use serde_json::Value as Json;
        let member = |(name, value): (&String, &Json)| {
            let bytes = value.as_str().and_then(|text| blob(name, text));
            (name.clone(), bytes.map_or_else(|| Self::of_json(value, blob), Self::Blob))
        };
        match body {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Boolean(*value),
            Json::Number(number) => Self::Integer(number.as_i64().unwrap()),
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::List(items.iter().map(|item| Self::of_json(item, blob)).collect()),
            Json::Object(members) => Self::Map(members.iter().map(member).collect()),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Millis(millis) => format!("{}.{:03}", millis / 1000, millis % 1000),
            Self::Text(text) => serde_json::to_string(text).unwrap(),
            Self::Blob(blob) => format!("\"{}\"", STANDARD.encode_to_string(blob)),
            Self::List(items) => {
                format!("[{}]", items.iter().map(Self::to_json).collect::<Vec<_>>().join(", "))
            }
            Self::Map(members) => {
                let member = |(name, value): &(String, Self)| {
                    format!("{}:{}", serde_json::to_string(name).unwrap(), value.to_json())
                };
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }

    /// Lists and maps of indefinite length, as the AWS SDK for Java writes them, or of definite length.
    pub(crate) fn to_cbor(&self, indefinite: bool) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_cbor(indefinite, &mut out);
        out
    }

    fn write_cbor(&self, indefinite: bool, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0xf6),
            Self::Boolean(value) => out.push(0xf4 + u8::from(*value)),
            Self::Integer(value) => match u64::try_from(*value) {
                Ok(value) => head(0, value, out),
                Err(_) => head(1, value.unsigned_abs() - 1, out),
            },
            Self::Millis(millis) => {
                out.push(0xc1);
                head(0, *millis, out);
            }
            Self::Text(text) => string(3, text.as_bytes(), out),
            Self::Blob(blob) => string(2, blob, out),
            Self::List(items) => {
                open(4, items.len(), indefinite, out);
                items.iter().for_each(|item| item.write_cbor(indefinite, out));
                out.extend(indefinite.then_some(0xff));
            }
            Self::Map(members) => {
                open(5, members.len(), indefinite, out);
                for (name, value) in members {
                    string(3, name.as_bytes(), out);
                    value.write_cbor(indefinite, out);
                }
                out.extend(indefinite.then_some(0xff));
            }
        }
    }
}

/// Always in four or eight bytes, which no encoder of ours does.
fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    match u32::try_from(argument) {
        Ok(argument) => {
            out.push(major << 5 | 26);
            out.extend_from_slice(&argument.to_be_bytes());
        }
        Err(_) => {
            out.push(major << 5 | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

fn open(major: u8, length: usize, indefinite: bool, out: &mut Vec<u8>) {
    if indefinite { out.push(major << 5 | 31) } else { head(major, length as u64, out) }
}

fn string(major: u8, content: &[u8], out: &mut Vec<u8>) {
    head(major, content.len() as u64, out);
    out.extend_from_slice(content);
}
