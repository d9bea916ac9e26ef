//! Requests made from choices: right ones, or with some of their values wrong.

use super::body::Node;
use super::model::Shape;

/// Choices made beforehand, so that a failure shrinks to fewer and simpler ones.
pub(crate) struct Tape<'t> {
    choices: std::slice::Iter<'t, u16>,
    /// Whether some of the values are wrong.
    flawed: bool,
}

impl<'t> Tape<'t> {
    pub(crate) fn new(choices: &'t [u16], flawed: bool) -> Self {
        Self { choices: choices.iter(), flawed }
    }

    /// The body of a request of that shape.
    pub(crate) fn request(&mut self, input: Shape) -> Node {
        self.structure(input)
    }

    /// One of `count`; the first when the tape has run out.
    fn choose(&mut self, count: usize) -> usize {
        usize::from(self.choices.next().copied().unwrap_or(0)) % count
    }

    fn flaw(&mut self, one_in: usize) -> bool {
        self.flawed && self.choose(one_in) == one_in - 1
    }

    fn value(&mut self, shape: Shape) -> Node {
        if self.flaw(40) {
            return Node::Null;
        }
        if self.flaw(60) {
            return self.wrong_type(shape);
        }
        match shape.kind() {
            // A value has one type, whatever its model says.
            "structure" if shape.name == "AttributeValue" && !self.flaw(30) => {
                let members = shape.members();
                let (name, member, _) = members[self.choose(members.len())];
                Node::map([(name, self.value(member))])
            }
            "structure" => self.structure(shape),
            "list" => {
                let length = self.length(shape, 4);
                Node::List((0..length).map(|_| self.value(shape.part("member"))).collect())
            }
            "map" => {
                let length = self.length(shape, 4);
                let mut entry = |index| (format!("k{}", index % 7), self.value(shape.part("value")));
                Node::Map((0..length).map(&mut entry).collect())
            }
            "string" => self.text(shape),
            "enum" if self.flaw(8) => Node::text("Other"),
            "enum" => {
                let values = shape.enum_values();
                Node::text(values[self.choose(values.len())])
            }
            "blob" => Node::Blob((0..self.choose(30)).map(|byte| byte as u8 * 9).collect()),
            "integer" | "long" => self.number(shape),
            "boolean" => Node::Boolean(self.choose(2) == 1),
            "timestamp" => Node::Millis((self.choose(1 << 16) as u64) << self.choose(27)),
            other => panic!("{other}"),
        }
    }

    fn structure(&mut self, shape: Shape) -> Node {
        let mut members = Vec::new();
        for (name, member, required) in shape.members() {
            if if required { !self.flaw(15) } else { self.choose(2) == 1 } {
                members.push((name.to_owned(), self.value(member)));
            }
        }
        if !members.is_empty() {
            let turn = self.choose(members.len());
            members.rotate_left(turn);
        }
        if self.choose(4) == 1 {
            members.push((
                "Unknown".to_owned(),
                Node::map([("X", Node::List(vec![Node::Millis(1), Node::Null]))]),
            ));
        }
        Node::Map(members)
    }

    fn length(&mut self, shape: Shape, spread: usize) -> usize {
        if self.flaw(20) {
            return [0, 11, 51, 201][self.choose(4)];
        }
        usize::try_from(shape.min().unwrap_or(0)).unwrap() + self.choose(spread)
    }

    fn text(&mut self, shape: Shape) -> Node {
        if self.flaw(8) {
            return Node::text(["", "a b", "é\"\\\u{1}", "x:*", "\u{2028}"][self.choose(5)]);
        }
        let extra = self.choose(12);
        let valid = shape.valid_text();
        let longer = shape.text_of_length(valid.encode_utf16().count() + extra);
        let fits = |text: &String| shape.max().is_none_or(|max| text.encode_utf16().count() as i64 <= max);
        Node::Text(longer.filter(fits).unwrap_or(valid))
    }

    fn number(&mut self, shape: Shape) -> Node {
        let offset = self.choose(9) as i64;
        if self.flaw(8) {
            return Node::Integer([i64::MIN, -1, 0, 1 << 40, i64::MAX][self.choose(5)]);
        }
        Node::Integer(shape.min().map_or(offset, |min| min + offset).min(shape.max().unwrap_or(i64::MAX)))
    }

    /// Wrong in both formats alike: what only one of them can tell apart is tested by itself.
    fn wrong_type(&mut self, shape: Shape) -> Node {
        let wrong =
            [Node::List(vec![]), Node::map([("a", Node::Integer(1))]), Node::Boolean(true), Node::text("x")];
        match shape.kind() {
            "blob" => wrong[self.choose(3)].clone(),
            _ => wrong[self.choose(4)].clone(),
        }
    }
}
