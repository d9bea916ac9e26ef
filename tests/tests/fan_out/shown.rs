//! What SDKs show, read from the lines of [`crate::driver`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

/// How an SDK shows that a call or a subscription failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The class or type by which a program of this language tells it from others.
    pub(crate) class: String,
    /// The error of the service, unless it is one of the SDK or of the connection.
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) status: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consumer {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) status: String,
    pub(crate) created_millis: u64,
    pub(crate) stream_arn: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) records: Vec<Record>,
    pub(crate) continuation: Option<String>,
    pub(crate) millis_behind: u64,
    pub(crate) children: Vec<Child>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) number: String,
    pub(crate) key: String,
    pub(crate) data: Vec<u8>,
    pub(crate) arrival_millis: u64,
    pub(crate) encryption: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    pub(crate) shard: String,
    pub(crate) parents: Vec<String>,
    /// The first and the last hash key.
    pub(crate) range: Vec<String>,
}

impl Failure {
    pub(crate) fn of(shown: &Value) -> Self {
        Self {
            class: text(shown, "class"),
            code: optional(shown, "code"),
            message: text(shown, "message"),
            status: shown["status"].as_u64(),
        }
    }
}

impl Consumer {
    pub(crate) fn of(shown: &Value) -> Self {
        Self {
            name: text(shown, "name"),
            arn: text(shown, "arn"),
            status: text(shown, "status"),
            created_millis: number(shown, "created"),
            stream_arn: optional(shown, "stream"),
        }
    }
}

impl Event {
    pub(crate) fn of(shown: &Value) -> Self {
        Self {
            records: list(shown, "records").iter().map(Record::of).collect(),
            continuation: optional(shown, "continuation"),
            millis_behind: number(shown, "behind"),
            children: list(shown, "children").iter().map(Child::of).collect(),
        }
    }
}

impl Record {
    fn of(shown: &Value) -> Self {
        Self {
            number: text(shown, "number"),
            key: text(shown, "key"),
            data: BASE64.decode(text(shown, "data")).unwrap(),
            arrival_millis: number(shown, "arrival"),
            encryption: optional(shown, "encryption"),
        }
    }
}

impl Child {
    fn of(shown: &Value) -> Self {
        let texts = |name| list(shown, name).iter().map(|text| text.as_str().unwrap().to_owned()).collect();
        Self { shard: text(shown, "shard"), parents: texts("parents"), range: texts("range") }
    }
}

fn optional(shown: &Value, name: &str) -> Option<String> {
    shown[name].as_str().map(str::to_owned)
}

fn text(shown: &Value, name: &str) -> String {
    optional(shown, name).unwrap_or_else(|| panic!("no {name} in {shown}"))
}

fn number(shown: &Value, name: &str) -> u64 {
    shown[name].as_u64().unwrap_or_else(|| panic!("no {name} in {shown}"))
}

fn list<'a>(shown: &'a Value, name: &str) -> &'a [Value] {
    shown[name].as_array().unwrap_or_else(|| panic!("no {name} in {shown}"))
}
