//! Whether published messages have the members of the model, by its names and of its types.

use std::collections::BTreeSet;
use std::ptr::from_ref;

use super::model::{Model, Shape};
use crate::aws::codec::protobuf::Shapes;
use crate::aws::codec::protobuf::schema::{Count, Kind, Message};

/// Finds what differs, and says where.
#[derive(Debug)]
pub(crate) struct Likeness {
    /// Members of the model that are not published.
    unpublished: &'static [&'static str],
    /// Shapes with the messages that stand for them; values of tables hold values.
    seen: BTreeSet<(&'static str, *const Message)>,
}

impl Likeness {
    pub(crate) fn but(unpublished: &'static [&'static str]) -> Self {
        Self { unpublished, seen: BTreeSet::new() }
    }

    /// How many were looked at.
    pub(crate) fn shapes(&self) -> usize {
        self.seen.len()
    }

    /// The request and the answer of a call.
    pub(crate) fn check_call(&mut self, model: Model, operation: &str, shapes: Shapes) {
        self.check(operation, shapes.input(), model.input_of(operation));
        match model.output_of(operation) {
            Some(output) => self.check(operation, shapes.output(), output),
            None => assert!(shapes.output().fields().is_empty(), "{operation}"),
        }
    }

    pub(crate) fn check(&mut self, path: &str, message: &'static Message, shape: Shape) {
        if !self.seen.insert((shape.name, from_ref(message))) {
            return;
        }
        self.check_members(path, message, shape, self.unpublished);
    }

    /// What an exception says beside its text, which is the status's own.
    pub(crate) fn check_exception(&mut self, model: Model, name: &'static str) {
        let message = Message::named(name).unwrap_or_else(|| panic!("{name} is not published"));
        self.check_members(name, message, model.shape(name), &["Message", "message"]);
    }

    fn check_members(&mut self, path: &str, message: &'static Message, shape: Shape, but: &[&str]) {
        let members: BTreeSet<_> =
            shape.members().iter().map(|(name, ..)| *name).filter(|name| !but.contains(name)).collect();
        let fields: BTreeSet<_> = message.fields().iter().map(|field| field.name.as_str()).collect();
        assert_eq!(fields, members, "{path}");
        for (name, member, _) in shape.members() {
            let Some(field) = message.by_name(name) else { continue };
            let path = format!("{path}.{name}");
            if field.count == Count::One {
                self.check_value(&path, &field.kind, member);
            } else {
                let (count, value) = parts(member).unwrap_or_else(|| panic!("{path} is one value"));
                assert_eq!(field.count, count, "{path}");
                self.check_value(&path, &field.kind, value);
            }
        }
    }

    fn check_value(&mut self, path: &str, kind: &'static Kind, shape: Shape) {
        match (kind, shape.kind()) {
            (Kind::Choice(values), "enum") => {
                let names: BTreeSet<_> = values.iter().map(|(_, name)| name.as_str()).collect();
                assert_eq!(names, shape.enum_values().into_iter().collect::<BTreeSet<_>>(), "{path}");
            }
            (Kind::Message(_), "structure") => self.check(path, kind.message().unwrap(), shape),
            (Kind::Message(_), "list" | "map") => {
                let content = kind.message().and_then(Message::content);
                let content = content.unwrap_or_else(|| panic!("{path} has no list or map inside"));
                let (count, value) = parts(shape).unwrap();
                assert_eq!(content.count, count, "{path}");
                self.check_value(path, &content.kind, value);
            }
            (Kind::Text, "string")
            | (Kind::Blob, "blob")
            | (Kind::Boolean, "boolean")
            | (Kind::Integer, "integer" | "long")
            | (Kind::Double, "double")
            | (Kind::Time, "timestamp") => {}
            (kind, other) => panic!("{path} is {kind:?} and should be {other}"),
        }
    }
}

/// What a list or a map has in it.
fn parts(shape: Shape) -> Option<(Count, Shape)> {
    match shape.kind() {
        "list" => Some((Count::List, shape.part("member"))),
        "map" => Some((Count::Map, shape.part("value"))),
        _ => None,
    }
}
