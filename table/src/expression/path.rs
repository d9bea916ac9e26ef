//! Document paths: an attribute's name, then names and list indexes that lead into it.

use std::fmt;
use std::sync::Arc;

use crate::item::Item;
use crate::value::Value;

/// Paths are sorted as what they lead to is: indexes by number. Names are shared: a request may use one that
/// is long in very many paths.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The attribute.
    pub head: Arc<str>,
    pub tail: Vec<Element>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    Name(Arc<str>),
    Index(u32),
}

impl Path {
    /// To a whole attribute.
    pub fn attribute(name: impl Into<Arc<str>>) -> Self {
        Self { head: name.into(), tail: Vec::new() }
    }

    /// Whether the path leads into an attribute, not to it.
    pub fn is_nested(&self) -> bool {
        !self.tail.is_empty()
    }

    /// What the path leads to; `None` if nothing is there.
    pub fn get<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        self.tail.iter().try_fold(item.get(&self.head)?, |value, element| element.get(value))
    }
}

impl Element {
    pub(crate) fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match (self, value) {
            (Self::Name(name), Value::M(members)) => members.get(&**name),
            (Self::Index(index), Value::L(members)) => members.get(*index as usize),
            _ => None,
        }
    }

    pub(crate) fn get_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        match (self, value) {
            (Self::Name(name), Value::M(members)) => members.get_mut(&**name),
            (Self::Index(index), Value::L(members)) => members.get_mut(*index as usize),
            _ => None,
        }
    }
}

/// As messages show paths: `[a, [0], b]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.head)?;
        for element in &self.tail {
            match element {
                Element::Name(name) => write!(f, ", {name}")?,
                Element::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(head: &str, tail: &[Element]) -> Path {
        Path { head: head.into(), tail: tail.to_vec() }
    }

    fn name(name: &str) -> Element {
        Element::Name(name.into())
    }

    #[test]
    fn a_path_leads_through_maps_and_lists() {
        let list = Value::L(vec![Value::Null, 7.into()]);
        let item = Item::from_iter([("a", Value::M([("b".to_owned(), list)].into()))]);
        assert_eq!(path("a", &[name("b"), Element::Index(1)]).get(&item), Some(&7.into()));
        for missing in [
            path("x", &[]),
            path("a", &[name("x")]),
            path("a", &[Element::Index(0)]),
            path("a", &[name("b"), Element::Index(2)]),
        ] {
            assert_eq!(missing.get(&item), None, "{missing}");
        }
    }

    #[test]
    fn messages_show_indexes_in_brackets() {
        assert_eq!(path("a", &[Element::Index(0), name("b")]).to_string(), "[a, [0], b]");
    }
}
