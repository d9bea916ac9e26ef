//! Which paths of one expression are in each other's way: one leads to, or into, what another leads to, or two
//! take the same thing for a map and for a list.
//!
//! The paths go into a tree one by one, so that the cost is that of their lengths and not of their pairs.

use std::collections::BTreeMap;

use super::Fault;
use super::path::{Element, Path};

/// Whatever paths lead to or through.
#[derive(Default)]
struct Node<'a> {
    /// The first path through here, by its place among all.
    first: usize,
    /// Whether that path ends here; then no other one goes through.
    is_end: bool,
    parts: BTreeMap<&'a Element, Node<'a>>,
    /// The first path that goes on by a name, and the first one by an index.
    first_by: [Option<usize>; 2],
}

/// What a path meets among those before it: the places of the first that overlaps and of the first that
/// conflicts.
#[derive(Default)]
struct Met {
    overlap: Option<usize>,
    conflict: Option<usize>,
}

/// Overlaps are reported before conflicts, and in both the earlier path is the first.
pub(super) fn paths_are_apart(paths: &[Path]) -> Result<(), Fault> {
    let mut heads: BTreeMap<&str, Node<'_>> = BTreeMap::new();
    let mut conflict = None;
    for (place, path) in paths.iter().enumerate() {
        let Some(node) = heads.get_mut(&*path.head) else {
            heads.insert(&path.head, Node::of(path, 0, place));
            continue;
        };
        let met = node.add(path, place);
        if let Some(earlier) = met.overlap {
            return Err(fault("overlap", &paths[earlier], path));
        }
        conflict = conflict.or(met.conflict.map(|earlier| (earlier, place)));
    }
    match conflict {
        Some((earlier, later)) => Err(fault("conflict", &paths[earlier], &paths[later])),
        None => Ok(()),
    }
}

fn fault(word: &str, earlier: &Path, later: &Path) -> Fault {
    format!(
        "Two document paths {word} with each other; must remove or rewrite one of these paths; path one: \
         {earlier}, path two: {later}"
    )
}

impl<'a> Node<'a> {
    /// What one path leads through, behind so many elements of its tail.
    fn of(path: &'a Path, depth: usize, place: usize) -> Self {
        let mut node = Self { first: place, is_end: depth == path.tail.len(), ..Self::default() };
        if let Some(element) = path.tail.get(depth) {
            node.first_by[by(element)] = Some(place);
            node.parts.insert(element, Self::of(path, depth + 1, place));
        }
        node
    }

    /// Adds a path that leads through here, as long as it overlaps none.
    fn add(&mut self, path: &'a Path, place: usize) -> Met {
        let mut met = Met::default();
        let mut node = self;
        for (depth, element) in path.tail.iter().enumerate() {
            if node.is_end {
                met.overlap = Some(node.first);
                return met;
            }
            let kind = by(element);
            met.conflict = met.conflict.into_iter().chain(node.first_by[1 - kind]).min();
            node.first_by[kind].get_or_insert(place);
            if !node.parts.contains_key(element) {
                node.parts.insert(element, Self::of(path, depth + 1, place));
                return met;
            }
            let Some(next) = node.parts.get_mut(element) else { return met };
            node = next;
        }
        met.overlap = Some(node.first);
        met
    }
}

fn by(element: &Element) -> usize {
    match element {
        Element::Name(_) => 0,
        Element::Index(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// How two paths clash, by themselves.
    fn clash(one: &Path, other: &Path) -> Option<&'static str> {
        if one.head != other.head {
            return None;
        }
        for (ours, theirs) in one.tail.iter().zip(&other.tail) {
            if by(ours) != by(theirs) {
                return Some("conflict");
            }
            if ours != theirs {
                return None;
            }
        }
        Some("overlap")
    }

    fn in_pairs(paths: &[Path]) -> Result<(), Fault> {
        for word in ["overlap", "conflict"] {
            for (at, later) in paths.iter().enumerate() {
                if let Some(earlier) = paths[..at].iter().find(|earlier| clash(earlier, later) == Some(word))
                {
                    return Err(fault(word, earlier, later));
                }
            }
        }
        Ok(())
    }

    fn path() -> impl Strategy<Value = Path> {
        let element = prop_oneof![
            3 => prop::sample::select(vec!["b", "c", "d"]).prop_map(|name| Element::Name(name.into())),
            1 => (0_u32..2).prop_map(Element::Index),
        ];
        let head = prop::sample::select(vec!["a", "b", "c", "d"]);
        (head, vec(element, 0..4)).prop_map(|(head, tail)| Path { head: head.into(), tail })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_tree_finds_what_pairs_find(paths in vec(path(), 0..7)) {
            prop_assert_eq!(paths_are_apart(&paths), in_pairs(&paths));
        }
    }
}
