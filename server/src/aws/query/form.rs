//! Parameters of the query protocol: flat names, in which a dot leads into a structure and `member.N` into a list.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

/// The most parts of a name, so that what is made of it is not nested too deeply. Those of the deepest parameter are
/// eight.
const DEPTH_MAX: usize = 12;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Form {
    root: BTreeMap<String, Node>,
}

#[derive(Debug)]
enum Node {
    Text(String),
    Inner(BTreeMap<String, Node>),
}

impl Form {
    /// `None` where a name leads too deep, or into something that another name says is a text.
    pub(crate) fn parse(encoded: &[u8]) -> Option<Self> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(encoded) {
            let steps: Vec<&str> = name.split('.').collect();
            if steps.len() > DEPTH_MAX {
                return None;
            }
            insert(&mut form.root, &steps, value.into_owned())?;
        }
        Some(form)
    }

    pub(super) fn action(&self) -> Option<&str> {
        self.text("Action")
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.text("Version")
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.root.get(name)? {
            Node::Text(text) => Some(text),
            Node::Inner(_) => None,
        }
    }

    /// The parameters as a body of JSON, in which every scalar is a text.
    pub(crate) fn into_json(self) -> Bytes {
        // Writing a value fails for maps alone whose keys are no texts.
        serde_json::to_vec(&structure(self.root)).unwrap_or_default().into()
    }
}

fn insert(map: &mut BTreeMap<String, Node>, steps: &[&str], value: String) -> Option<()> {
    let (first, rest) = steps.split_first()?;
    if rest.is_empty() {
        return match map.insert((*first).to_owned(), Node::Text(value)) {
            Some(Node::Inner(_)) => None,
            _ => Some(()),
        };
    }
    match map.entry((*first).to_owned()).or_insert_with(|| Node::Inner(BTreeMap::new())) {
        Node::Inner(inner) => insert(inner, rest, value),
        Node::Text(_) => None,
    }
}

fn structure(map: BTreeMap<String, Node>) -> Value {
    Value::Object(map.into_iter().map(|(name, node)| (name, json(node))).collect())
}

fn json(node: Node) -> Value {
    match node {
        Node::Text(text) => Value::String(text),
        Node::Inner(mut map) => match (map.len(), map.remove("member")) {
            (1, Some(Node::Inner(members))) => match numbered(members) {
                Ok(items) => Value::Array(items.into_values().map(json).collect()),
                Err(members) => structure(members),
            },
            (_, member) => {
                map.extend(member.map(|member| ("member".to_owned(), member)));
                structure(map)
            }
        },
    }
}

/// The items of a list in the order of their numbers, or the map if it is none.
fn numbered(map: BTreeMap<String, Node>) -> Result<BTreeMap<u32, Node>, BTreeMap<String, Node>> {
    if !map.keys().all(|key| key.parse::<u32>().is_ok()) {
        return Err(map);
    }
    Ok(map.into_iter().filter_map(|(key, node)| Some((key.parse().ok()?, node))).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(form: &str) -> Option<Value> {
        Form::parse(form.as_bytes()).map(|form| serde_json::from_slice(&form.into_json()).unwrap())
    }

    #[test]
    fn names_lead_into_lists_and_structures() {
        let form = "Action=PutMetricData&Namespace=my+app%2F1&MetricData.member.2.MetricName=b\
                    &MetricData.member.10.MetricName=c&MetricData.member.1.MetricName=a\
                    &MetricData.member.1.Dimensions.member.1.Name=Operation&MetricData.member.1.Values.member.1=1.5";
        let first = json!({"MetricName": "a", "Dimensions": [{"Name": "Operation"}], "Values": ["1.5"]});
        let expected = json!({
            "Action": "PutMetricData",
            "Namespace": "my app/1",
            "MetricData": [first, {"MetricName": "b"}, {"MetricName": "c"}],
        });
        assert_eq!(read(form), Some(expected));
        assert_eq!(Form::parse(form.as_bytes()).unwrap().action(), Some("PutMetricData"));
    }

    #[test]
    fn names_that_contradict_each_other_are_refused() {
        for form in ["A=1&A.B=2", "A.B=2&A=1", &format!("A{}=1", ".B".repeat(16))] {
            assert_eq!(read(form), None, "{form}");
        }
        assert_eq!(read("A.member.x=1"), Some(json!({"A": {"x": "1"}})));
        assert_eq!(read(""), Some(json!({})));
    }

    proptest! {
        #[test]
        fn any_form_is_read_or_refused(form in "([A-C]|member|[0-9]|\\.|=|&|%[0-9a-f]{2}|\\PC){0,30}") {
            let _ = read(&form);
        }

        #[test]
        fn texts_come_back(text in "\\PC{0,20}") {
            let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            prop_assert_eq!(read(&format!("A={encoded}")), Some(json!({"A": text})));
        }
    }
}
