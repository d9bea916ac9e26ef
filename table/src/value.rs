//! Attribute values: scalars, sets, documents.
//!
//! Sets are sorted and without duplicates from construction on, so that equality is set equality and there is
//! one encoding of each. That a set is not empty is what the constructors ensure; that nothing is nested too
//! deeply is what [`crate::Item::check`] does, because depth counts from the item.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64_simd::STANDARD as BASE64;
use bytes::Bytes;

use crate::error::{Error, Result};
use crate::number::Number;

/// How deeply a value may be nested. A scalar is one level, a list around it makes two.
pub const DEPTH_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    S(String),
    N(Number),
    B(Bytes),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<Number>),
    Bs(BTreeSet<Bytes>),
    M(BTreeMap<String, Value>),
    L(Vec<Value>),
    Bool(bool),
    Null,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    S,
    N,
    B,
    Ss,
    Ns,
    Bs,
    M,
    L,
    Bool,
    Null,
}

impl Type {
    pub const ALL: [Self; 10] =
        [Self::S, Self::N, Self::B, Self::Ss, Self::Ns, Self::Bs, Self::M, Self::L, Self::Bool, Self::Null];

    /// The type's name on the wire and in `attribute_type`, as in `NS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
            Self::Ss => "SS",
            Self::Ns => "NS",
            Self::Bs => "BS",
            Self::M => "M",
            Self::L => "L",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
        }
    }

    /// The type of that name, if there is one.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The word for the type in what is said about operands of ADD and DELETE.
    pub fn word(self) -> &'static str {
        match self {
            Self::S => "STRING",
            Self::N => "NUMBER",
            Self::B => "BINARY",
            Self::Ss => "STRING_SET",
            Self::Ns => "NUMBER_SET",
            Self::Bs => "BINARY_SET",
            Self::M => "MAP",
            Self::L => "LIST",
            Self::Bool => "BOOLEAN",
            Self::Null => "NULL",
        }
    }

    pub fn is_set(self) -> bool {
        matches!(self, Self::Ss | Self::Ns | Self::Bs)
    }

    /// Whether values of the type are before or behind one another, as those of S, N and B are.
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::S | Self::N | Self::B)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    /// # Errors
    ///
    /// When there are no members, or a member is there twice.
    pub fn string_set(members: Vec<String>) -> Result<Self> {
        if members.is_empty() {
            return Err(Error::invalid_parameter("An string set  may not be empty"));
        }
        if has_duplicates(&members) {
            let shown = members.join(", ");
            return Err(Error::invalid_parameter(format_args!(
                "Input collection [{shown}] contains duplicates."
            )));
        }
        Ok(Self::Ss(members.into_iter().collect()))
    }

    /// # Errors
    ///
    /// When there are no members, or two members are the same number.
    pub fn number_set(members: Vec<Number>) -> Result<Self> {
        if members.is_empty() {
            return Err(Error::invalid_parameter("An number set  may not be empty"));
        }
        if has_duplicates(&members) {
            return Err(Error::Validation("Input collection contains duplicates".to_owned()));
        }
        Ok(Self::Ns(members.into_iter().collect()))
    }

    /// # Errors
    ///
    /// When there are no members, or a member is there twice.
    pub fn binary_set(members: Vec<Bytes>) -> Result<Self> {
        if members.is_empty() {
            return Err(Error::invalid_parameter("Binary sets should not be empty"));
        }
        if has_duplicates(&members) {
            let shown: Vec<_> = members.iter().map(|member| BASE64.encode_to_string(member)).collect();
            let shown = shown.join(", ");
            return Err(Error::invalid_parameter(format_args!(
                "Input collection [{shown}]of type BS contains duplicates."
            )));
        }
        Ok(Self::Bs(members.into_iter().collect()))
    }

    pub fn kind(&self) -> Type {
        match self {
            Self::S(_) => Type::S,
            Self::N(_) => Type::N,
            Self::B(_) => Type::B,
            Self::Ss(_) => Type::Ss,
            Self::Ns(_) => Type::Ns,
            Self::Bs(_) => Type::Bs,
            Self::M(_) => Type::M,
            Self::L(_) => Type::L,
            Self::Bool(_) => Type::Bool,
            Self::Null => Type::Null,
        }
    }

    /// What the value counts for in the size of an item, in bytes.
    pub fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
            Self::Ss(members) => members.iter().map(String::len).sum(),
            Self::Ns(members) => members.iter().map(|member| member.size()).sum(),
            Self::Bs(members) => members.iter().map(Bytes::len).sum(),
            Self::M(members) => {
                3 + members.iter().map(|(name, value)| 1 + name.len() + value.size()).sum::<usize>()
            }
            Self::L(members) => 3 + members.iter().map(|member| 1 + member.size()).sum::<usize>(),
            Self::Bool(_) | Self::Null => 1,
        }
    }

    /// Whether the value has at most so many levels. Looks no deeper than that.
    pub fn fits_into(&self, levels: usize) -> bool {
        let Some(below) = levels.checked_sub(1) else { return false };
        match self {
            Self::M(members) => members.values().all(|member| member.fits_into(below)),
            Self::L(members) => members.iter().all(|member| member.fits_into(below)),
            _ => true,
        }
    }
}

fn has_duplicates<T: Ord>(members: &[T]) -> bool {
    members.iter().collect::<BTreeSet<_>>().len() < members.len()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::S(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::N(number.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn sets_are_refused_with_awss_words() {
        let prefix = "One or more parameter values were invalid:";
        let strings = |members: &[&str]| Value::string_set(members.iter().map(ToString::to_string).collect());
        assert_eq!(message(strings(&[])), format!("{prefix} An string set  may not be empty"));
        assert_eq!(
            message(strings(&["a", "b", "a"])),
            format!("{prefix} Input collection [a, b, a] contains duplicates.")
        );
        assert_eq!(message(Value::number_set(vec![])), format!("{prefix} An number set  may not be empty"));
        let same = ["1", "1.0"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(message(Value::number_set(same)), "Input collection contains duplicates");
        assert_eq!(message(Value::binary_set(vec![])), format!("{prefix} Binary sets should not be empty"));
        let same = vec![Bytes::from_static(b"a"); 2];
        assert_eq!(
            message(Value::binary_set(same)),
            format!("{prefix} Input collection [YQ==, YQ==]of type BS contains duplicates.")
        );
    }

    #[test]
    fn sets_are_equal_whatever_their_order() {
        let set = |members: [&str; 2]| Value::string_set(members.map(str::to_owned).to_vec()).unwrap();
        assert_eq!(set(["a", "b"]), set(["b", "a"]));
    }

    #[test]
    fn sizes_follow_the_documented_rules() {
        let map = BTreeMap::from([("ab".to_owned(), Value::from("xyz")), ("c".to_owned(), Value::Null)]);
        assert_eq!(Value::M(map).size(), 3 + (1 + 2 + 3) + (1 + 1 + 1));
        assert_eq!(Value::L(vec![Value::Bool(true), Value::from(12)]).size(), 3 + (1 + 1) + (1 + 2));
        assert_eq!(Value::S("é".to_owned()).size(), 2);
        assert_eq!(Value::string_set(vec!["a".to_owned(), "bc".to_owned()]).unwrap().size(), 3);
    }

    #[test]
    fn thirty_one_lists_around_a_scalar_fit_and_thirty_two_do_not() {
        let nested = |count| (0..count).fold(Value::Null, |inner, _| Value::L(vec![inner]));
        assert!(nested(31).fits_into(DEPTH_MAX));
        assert!(!nested(32).fits_into(DEPTH_MAX));
    }

    #[test]
    fn every_type_is_found_by_its_name() {
        for kind in Type::ALL {
            assert_eq!(Type::of_name(kind.name()), Some(kind));
        }
        assert_eq!(Type::of_name("s"), None);
    }
}
