//! Every constraint of every input in the model: at the limit it holds, one beyond it does not, and the
//! text says so. The expectations are made from the model here, apart from the generator.

use super::super::generated::Operation;
use super::{decode, decode_json};
use crate::aws::codec::{Format, Refusal};
use crate::aws::requests::{Model, Node, Shape};

/// How one gets from an input to one of its values.
#[derive(Clone, Debug)]
enum Step {
    Member(&'static str),
    Item,
    Key,
    Value,
}

/// Calls `visit` for every value inside the shape.
fn walk(shape: Shape, path: &[Step], visit: &mut dyn FnMut(Shape, &[Step])) {
    let mut inside = |shape, step| walk(shape, &[path, &[step]].concat(), visit);
    match shape.kind() {
        "structure" => {
            for (name, member, _) in shape.members() {
                inside(member, Step::Member(name));
            }
        }
        "list" => inside(shape.part("member"), Step::Item),
        "map" => {
            inside(shape.part("key"), Step::Key);
            inside(shape.part("value"), Step::Value);
        }
        _ => {}
    }
    if !path.is_empty() {
        visit(shape, path);
    }
}

/// A valid value of the shape, but for the one at the path.
fn with(shape: Shape, path: &[Step], value: &Node) -> Node {
    let Some((step, rest)) = path.split_first() else { return value.clone() };
    match (step, shape.minimal()) {
        (Step::Member(name), Node::Map(mut members)) => {
            let (_, member, _) = shape.members().into_iter().find(|(other, _, _)| other == name).unwrap();
            members.retain(|(other, _)| other != name);
            members.push(((*name).to_owned(), with(member, rest, value)));
            Node::Map(members)
        }
        (Step::Item, Node::List(mut items)) => {
            items.truncate(items.len().saturating_sub(1));
            items.insert(0, with(shape.part("member"), rest, value));
            Node::List(items)
        }
        (Step::Key, _) => {
            let Node::Text(key) = value else { panic!("a key is text") };
            Node::Map(vec![(key.clone(), shape.part("value").minimal())])
        }
        (Step::Value, _) => Node::Map(vec![("k".to_owned(), with(shape.part("value"), rest, value))]),
        other => panic!("{other:?}"),
    }
}

/// The path as AWS writes it, up to the list or map that answers for its scalars.
fn written(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Member(name) => name[..1].to_lowercase() + &name[1..],
        Step::Item => "1.member".to_owned(),
        Step::Key | Step::Value => "k.member".to_owned(),
    });
    steps.collect::<Vec<_>>().join(".")
}

fn shown(node: &Node) -> String {
    match node {
        Node::Text(text) => text.clone(),
        Node::Integer(value) => value.to_string(),
        Node::Blob(blob) => format!("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", blob.len()),
        Node::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Node::Map(entries) => {
            let entry = |(key, value): &(String, Node)| format!("{key}={}", shown(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        other => panic!("{other:?}"),
    }
}

/// What a shape says of its items, in the order of AWS's lists.
fn rules(shape: Shape) -> String {
    let number = matches!(shape.kind(), "integer" | "long");
    let what = if number { "value" } else { "length" };
    let mut rules = Vec::new();
    rules.extend(shape.max().map(|max| format!("Member must have {what} less than or equal to {max}")));
    rules.extend(shape.min().map(|min| format!("Member must have {what} greater than or equal to {min}")));
    rules.extend(shape.pattern().map(pattern_rule));
    rules.join(", ")
}

fn pattern_rule(pattern: &str) -> String {
    let pattern = match pattern {
        r"^(0|([1-9]\d{0,128}))$" => r"0|([1-9]\d{0,128})",
        r"^(0|([1-9]\d{0,38}))$" => r"0|([1-9]\d{0,38})",
        other => other,
    };
    format!("Member must satisfy regular expression pattern: {pattern}")
}

struct Case {
    operation: Operation,
    input: Shape,
    shape: Shape,
    path: Vec<Step>,
}

impl Case {
    fn accepts(&self, value: &Node) {
        let body = with(self.input, &self.path, value);
        let json = decode_json(self.operation, &body.to_json());
        assert!(json.is_ok(), "{}: {json:?}", self.name());
        assert_eq!(decode(self.operation, Format::Cbor, body.to_cbor(true)), json, "{}", self.name());
    }

    fn refuses(&self, value: &Node, rule: &str) {
        let body = with(self.input, &self.path, value);
        let path = match self.path.split_last() {
            Some((Step::Item | Step::Key | Step::Value, outer)) => outer,
            _ => &self.path,
        };
        let (value, rule) = match self.path.last() {
            Some(Step::Item) => (
                Node::List(vec![value.clone()]),
                format!("Member must satisfy constraint: [{}]", rules(self.shape)),
            ),
            Some(Step::Key) => {
                let Node::Text(key) = value else { panic!("a key is text") };
                let entry = Node::Map(vec![(key.clone(), Node::text(""))]);
                (entry, format!("Map keys must satisfy constraint: [{}]", rules(self.shape)))
            }
            Some(Step::Value) => (
                Node::map([("k", value.clone())]),
                format!("Map value must satisfy constraint: [{}]", rules(self.shape)),
            ),
            _ => (value.clone(), rule.to_owned()),
        };
        let text = format!(
            "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: {rule}",
            shown(&value),
            written(path)
        );
        let expected = Err(Refusal::Invalid(text));
        assert_eq!(decode_json(self.operation, &body.to_json()), expected, "{}", self.name());
        assert_eq!(decode(self.operation, Format::Cbor, body.to_cbor(false)), expected, "{}", self.name());
    }

    fn name(&self) -> String {
        format!("{} {} ({})", self.operation, written(&self.path), self.shape.name)
    }

    fn check(&self) {
        match self.shape.kind() {
            "integer" | "long" => self.check_number(),
            "string" => self.check_string(),
            "blob" => self.check_blob(),
            "enum" => self.check_enum(),
            "list" => self.check_list(),
            "structure" | "boolean" | "timestamp" | "map" => {}
            other => panic!("{other}"),
        }
    }

    fn check_number(&self) {
        if let Some(min) = self.shape.min() {
            self.accepts(&Node::Integer(min));
            let rule = format!("Member must have value greater than or equal to {min}");
            self.refuses(&Node::Integer(min - 1), &rule);
        }
        if let Some(max) = self.shape.max() {
            self.accepts(&Node::Integer(max));
            let rule = format!("Member must have value less than or equal to {max}");
            self.refuses(&Node::Integer(max + 1), &rule);
        }
    }

    fn check_string(&self) {
        let text = |units: i64| self.shape.text_of_length(usize::try_from(units).unwrap()).map(Node::Text);
        self.accepts(&Node::Text(self.shape.valid_text()));
        // A text of a megabyte is tested elsewhere, with what is shown of it.
        if let Some(max) = self.shape.max().filter(|max| *max < 10_000) {
            if let Some(at_limit) = text(max) {
                self.accepts(&at_limit);
            }
            if let Some(beyond) = text(max + 1) {
                self.refuses(&beyond, &format!("Member must have length less than or equal to {max}"));
            }
        }
        if let Some(below) = self.shape.min().filter(|min| *min > 0).and_then(|min| text(min - 1)) {
            let min = self.shape.min().unwrap();
            self.refuses(&below, &format!("Member must have length greater than or equal to {min}"));
        }
        if let Some(pattern) = self.shape.pattern() {
            let mut broken = self.shape.valid_text();
            let last = broken.pop().unwrap_or('x');
            broken.push_str(&" ".repeat(last.len_utf16()));
            let broken = if pattern == "[^:*]*" { "a:b".to_owned() } else { broken };
            self.refuses(&Node::Text(broken), &pattern_rule(pattern));
        }
    }

    fn check_blob(&self) {
        let max = usize::try_from(self.shape.max().unwrap()).unwrap();
        self.accepts(&Node::Blob(vec![1; max]));
        let rule = format!("Member must have length less than or equal to {max}");
        self.refuses(&Node::Blob(vec![1; max + 1]), &rule);
    }

    fn check_enum(&self) {
        for value in self.shape.enum_values() {
            self.accepts(&Node::text(value));
        }
        // The order of the set, and lists of enums, are tested elsewhere.
        let body = with(self.input, &self.path, &Node::text("NONE_OF_THEM"));
        let refused = decode_json(self.operation, &body.to_json());
        assert!(
            matches!(&refused, Err(Refusal::Invalid(text)) if text.contains("enum value set")),
            "{refused:?}"
        );
    }

    fn check_list(&self) {
        let item = self.shape.part("member").minimal();
        if let Some(max) = self.shape.max().filter(|max| *max <= 500) {
            let max = usize::try_from(max).unwrap();
            self.accepts(&Node::List(vec![item; max]));
        }
        if let Some(min) = self.shape.min().filter(|min| *min > 0) {
            let rule = format!("Member must have length greater than or equal to {min}");
            self.refuses(&Node::List(vec![]), &rule);
        }
    }
}

#[test]
fn every_limit_of_the_model() {
    let mut cases = 0;
    for operation in Operation::ALL {
        let input = Model::Kinesis.input_of(operation.name());
        walk(input, &[], &mut |shape, path| {
            cases += 1;
            Case { operation, input, shape, path: path.to_vec() }.check();
        });
    }
    assert!(cases > 300, "{cases}");
}

#[test]
fn every_required_member() {
    for operation in Operation::ALL {
        let input = Model::Kinesis.input_of(operation.name());
        let Node::Map(members) = input.minimal() else { panic!() };
        assert!(decode_json(operation, &input.minimal().to_json()).is_ok(), "{operation}");
        for (missing, _) in &members {
            let rest = members.iter().filter(|(name, _)| name != missing).cloned().collect();
            let text = format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                missing[..1].to_lowercase() + &missing[1..]
            );
            assert_eq!(decode_json(operation, &Node::Map(rest).to_json()), Err(Refusal::Invalid(text)));
        }
    }
}
