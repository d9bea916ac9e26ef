//! The parts of an item that a projection asks for.
//!
//! What is not there is left out; what is left of a list moves together in its order, so that paths into one
//! element of a list show one element.

use std::collections::BTreeMap;

use crate::expression::{Element, Path, Projection};
use crate::item::Item;
use crate::value::Value;

/// What of a value is asked for.
enum Part<'a> {
    All,
    Of(BTreeMap<&'a Element, Part<'a>>),
}

impl Projection {
    pub fn apply(&self, item: &Item) -> Item {
        show(self.paths.iter(), item)
    }
}

/// What the paths, of which none overlaps another, lead to.
pub(crate) fn show<'a>(paths: impl Iterator<Item = &'a Path>, item: &Item) -> Item {
    let mut heads: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    for path in paths {
        heads.entry(&path.head).or_insert_with(|| Part::Of(BTreeMap::new())).add(&path.tail);
    }
    let shown = heads.into_iter().filter_map(|(name, part)| Some((name, part.of(item.get(name)?)?)));
    shown.collect()
}

impl<'a> Part<'a> {
    fn add(&mut self, tail: &'a [Element]) {
        match (self, tail) {
            (Self::Of(parts), [first, rest @ ..]) => {
                parts.entry(first).or_insert_with(|| Self::Of(BTreeMap::new())).add(rest);
            }
            (part, _) => *part = Self::All,
        }
    }

    fn of(&self, value: &Value) -> Option<Value> {
        let parts = match self {
            Self::All => return Some(value.clone()),
            Self::Of(parts) => parts,
        };
        let mut shown =
            parts.iter().filter_map(|(element, part)| Some((*element, part.of(element.get(value)?)?)));
        let first = shown.next()?;
        let shown = std::iter::once(first).chain(shown);
        Some(match value {
            Value::L(_) => Value::L(shown.map(|(_, member)| member).collect()),
            _ => Value::M(
                shown
                    .filter_map(|(element, member)| match element {
                        Element::Name(name) => Some((name.to_string(), member)),
                        Element::Index(_) => None,
                    })
                    .collect(),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Substitutions;

    fn project(text: &str, item: &Item) -> Item {
        Projection::parse(text, &mut Substitutions::default()).unwrap().apply(item)
    }

    fn map(members: &[(&str, Value)]) -> Value {
        Value::M(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn item(members: &[(&str, Value)]) -> Item {
        members.iter().cloned().collect()
    }

    #[test]
    fn parts_are_shown_where_they_are() {
        let list = Value::L(vec![0.into(), map(&[("x", 1.into()), ("y", 2.into())]), 3.into()]);
        let whole = item(&[("a1", map(&[("b1", 5.into()), ("c1", list.clone())])), ("d1", "text".into())]);
        for (text, expected) in [
            ("d1", item(&[("d1", "text".into())])),
            ("a1.b1", item(&[("a1", map(&[("b1", 5.into())]))])),
            ("nothing, a1.nothing, a1.b1.x, a1.c1[7], d1[0]", Item::new()),
            ("a1.c1[2], a1.c1[0]", item(&[("a1", map(&[("c1", Value::L(vec![0.into(), 3.into()]))]))])),
            (
                "a1.c1[1].y, a1.c1[1].x",
                item(&[("a1", map(&[("c1", Value::L(vec![map(&[("x", 1.into()), ("y", 2.into())])]))]))]),
            ),
        ] {
            assert_eq!(project(text, &whole), expected, "{text}");
        }
    }
}
