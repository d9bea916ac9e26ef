//! The services' models as the tests read them, apart from the generator: shapes, and values that keep or break
//! their constraints.

use std::sync::LazyLock;

use serde_json::Value;

use super::body::Node;

static KINESIS: LazyLock<Value> = LazyLock::new(|| read("kinesis-2013-12-02"));
static TABLES: LazyLock<Value> = LazyLock::new(|| read("dynamodb-2012-08-10"));
static TABLE_STREAMS: LazyLock<Value> = LazyLock::new(|| read("dynamodb-streams-2012-08-10"));

fn read(name: &str) -> Value {
    let path = format!("{}/../codegen/models/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The model of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    Kinesis,
    Tables,
    TableStreams,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    value: &'static Value,
    model: Model,
}

impl Model {
    fn value(self) -> &'static Value {
        match self {
            Self::Kinesis => &KINESIS,
            Self::Tables => &TABLES,
            Self::TableStreams => &TABLE_STREAMS,
        }
    }

    pub(crate) fn input_of(self, operation: &str) -> Shape {
        Shape::named(self, self.value()["operations"][operation]["input"]["shape"].as_str().unwrap())
    }

    /// `None` where an operation answers with nothing.
    #[cfg(test)]
    pub(crate) fn output_of(self, operation: &str) -> Option<Shape> {
        let name = self.value()["operations"][operation]["output"]["shape"].as_str();
        name.map(|name| Shape::named(self, name))
    }

    /// The shape of that name, an exception say.
    #[cfg(test)]
    pub(crate) fn shape(self, name: &'static str) -> Shape {
        Shape::named(self, name)
    }
}

/// What a pattern of the model allows: any text of the prefix and one or more of the character, up to the
/// length, if the pattern sets one.
struct Example {
    pattern: &'static str,
    prefix: &'static str,
    fill: char,
    chars: Option<(usize, usize)>,
}

const fn example(pattern: &'static str, prefix: &'static str, fill: char) -> Example {
    Example { pattern, prefix, fill, chars: None }
}

const EXAMPLES: &[Example] = &[
    example("[a-zA-Z0-9_.-]+", "", 'x'),
    example(r"[\.\-_/#A-Za-z0-9]+", "", '#'),
    example("[^:*]*", "", 'é'),
    example(r"[a-zA-Z0-9\.\_]+", "", '_'),
    example(r"[0-9A-Za-z!\-_'.*()\/]+", "", '\''),
    example(r"[0-9A-Za-z!\-_'.*()\/=:{}]+", "", '{'),
    example("[0-9a-z_]+", "", '_'),
    example(r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+", "arn:aws:kinesis:us-east-1:123456789012:stream/", 'é'),
    example(r"arn:aws.*:kinesis:.*:\d{12}:channel/\S+", "arn:aws-cn:kinesis:r:123456789012:channel/", 'x'),
    example(r"arn:aws.*:kinesis:.*:\d{12}:queue/\S+", "arn:aws:kinesis::123456789012:queue/", 'x'),
    example(
        r"arn:aws.*:kinesis:.*:\d{12}:.*(stream|channel|queue)/\S+",
        "arn:aws:kinesis:us-east-1:123456789012:stream/",
        'x',
    ),
    example(
        r"^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+",
        "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:",
        '7',
    ),
    example(
        r"arn:aws[-a-z0-9]*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+",
        "arn:aws:iam::123456789012:role/",
        '@',
    ),
    example(
        r"arn:aws[-a-z0-9]*:glue:[-a-z0-9]+:\d{12}:schema/[-a-zA-Z0-9_$#.]+/[-a-zA-Z0-9_$#.]+",
        "arn:aws:glue:us-east-1:123456789012:schema/registry/",
        '$',
    ),
    Example { pattern: r"^(0|([1-9]\d{0,128}))$", prefix: "1", fill: '0', chars: Some((1, 129)) },
    Example { pattern: r"^(0|([1-9]\d{0,38}))$", prefix: "1", fill: '0', chars: Some((1, 39)) },
    Example { pattern: r"\d{12}", prefix: "", fill: '4', chars: Some((12, 12)) },
    Example {
        pattern: "[a-z0-9]{20}-[a-z0-9]{3}",
        prefix: "abcdefghij0123456789-",
        fill: 'z',
        chars: Some((24, 24)),
    },
    Example {
        pattern: "arn:aws[-a-z0-9]*:s3:::[a-z0-9._-]{3,63}",
        prefix: "arn:aws:s3:::",
        fill: 'b',
        chars: Some((16, 76)),
    },
    Example {
        pattern: r"arn:aws[-a-z0-9]*:s3tables:[-a-z0-9]+:\d{12}:bucket/[a-z0-9_-]{3,63}",
        prefix: "arn:aws:s3tables:us-east-1:123456789012:bucket/",
        fill: 'b',
        chars: Some((50, 110)),
    },
];

impl Shape {
    fn named(model: Model, name: &'static str) -> Self {
        Self { name, value: &model.value()["shapes"][name], model }
    }

    pub(crate) fn kind(self) -> &'static str {
        if self.value.get("enum").is_some() { "enum" } else { self.value["type"].as_str().unwrap() }
    }

    pub(crate) fn min(self) -> Option<i64> {
        self.value["min"].as_i64()
    }

    pub(crate) fn max(self) -> Option<i64> {
        self.value["max"].as_i64()
    }

    pub(crate) fn pattern(self) -> Option<&'static str> {
        self.value["pattern"].as_str()
    }

    pub(crate) fn enum_values(self) -> Vec<&'static str> {
        self.value["enum"].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
    }

    pub(crate) fn part(self, role: &str) -> Self {
        Self::named(self.model, self.value[role]["shape"].as_str().unwrap())
    }

    /// Name, shape, whether it is required.
    pub(crate) fn members(self) -> Vec<(&'static str, Self, bool)> {
        let required = |name: &str| {
            self.value["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name))
        };
        let members = self.value["members"].as_object().unwrap().iter();
        members
            .map(|(name, member)| {
                let shape = Self::named(self.model, member["shape"].as_str().unwrap());
                (name.as_str(), shape, required(name))
            })
            .collect()
    }

    fn example(self) -> Example {
        let Some(pattern) = self.pattern() else { return example("", "", '😀') };
        let found = EXAMPLES.iter().find(|example| example.pattern == pattern);
        let found = found.unwrap_or_else(|| panic!("no example for {pattern}"));
        Example { ..*found }
    }

    /// A text of so many UTF-16 code units that keeps the pattern, if there can be one.
    pub(crate) fn text_of_length(self, units: usize) -> Option<String> {
        let Example { prefix, fill, chars, .. } = self.example();
        let (min, max) = match (chars, self.pattern()) {
            (Some(chars), _) => chars,
            (None, Some(pattern)) if !pattern.ends_with('*') => (prefix.len() + 1, usize::MAX),
            (None, _) => (0, usize::MAX),
        };
        if !(min..=max).contains(&units) {
            return None;
        }
        // A character outside the BMP counts twice.
        let mut text = prefix.to_owned();
        while text.encode_utf16().count() + fill.len_utf16() <= units {
            text.push(fill);
        }
        text.push_str(&"a".repeat(units - text.encode_utf16().count()));
        Some(text)
    }

    /// The shortest lengths first that may keep the pattern.
    pub(crate) fn valid_text(self) -> String {
        (self.min().unwrap_or(0).max(0)..200)
            .find_map(|units| self.text_of_length(usize::try_from(units).unwrap()))
            .unwrap()
    }

    /// The least that keeps all constraints.
    pub(crate) fn minimal(self) -> Node {
        let least = || self.min().unwrap_or(0);
        match self.kind() {
            "structure" => {
                let required = self.members().into_iter().filter(|(_, _, required)| *required);
                Node::Map(required.map(|(name, shape, _)| (name.to_owned(), shape.minimal())).collect())
            }
            "list" => Node::List((0..least()).map(|_| self.part("member").minimal()).collect()),
            "map" => Node::Map(
                (0..least()).map(|index| (format!("k{index}"), self.part("value").minimal())).collect(),
            ),
            "string" => Node::Text(self.valid_text()),
            "enum" => Node::text(self.enum_values()[0]),
            "blob" => Node::Blob(vec![7; usize::try_from(least()).unwrap()]),
            "integer" | "long" => Node::Integer(least()),
            "boolean" => Node::Boolean(true),
            "timestamp" => Node::Millis(1_704_067_200_123),
            other => panic!("{other}"),
        }
    }
}
