//! Lists and maps: their own length, and what AWS says of them when an item breaks a rule.
//!
//! What exceeds the model's limit is refused in the end, so it is read, checked and counted, but not kept:
//! a body of very small items must not grow into many times its size. Far beyond any limit, only its syntax
//! is read.

use std::collections::BTreeMap;

use bytestring::ByteString;

use super::decoder::Decoder;
use super::shape::Shape;
use super::token::{Read, Reader};
use crate::aws::validation::constraint::{Constraint, Length, Text};
use crate::aws::validation::{Checked, Fault, Faults, SHOWN_BYTES_MAX};

/// Items of a list, or entries of a map, that are looked at. Where the model sets no limit, this is it.
const ITEMS_MAX: usize = 100_000;

/// How many are kept of a list or map that may have that length.
fn kept_max(length: Length) -> usize {
    length.max.map_or(ITEMS_MAX, |max| max as usize)
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct List<S> {
    pub(crate) length: Length,
    pub(crate) item: S,
}

impl<S: Shape> Shape for List<S> {
    type Value = Vec<S::Value>;
    const SCALAR: bool = false;

    fn class() -> String {
        format!("java.util.List<{}>", S::class())
    }

    fn decode<'b, R: Reader<'b>>(&self, decoder: &mut Decoder<'b, R>) -> Read<Option<Checked<Self::Value>>> {
        let Some(mut list) = decoder.list(Self::class)? else { return Ok(None) };
        let mut items = Vec::new();
        let mut count = 0;
        let mut inside = Faults::default();
        let mut any_broken = false;
        let mut shown = ShownList::default();
        while decoder.item(&mut list)? {
            count += 1;
            if count > ITEMS_MAX {
                decoder.skip_surplus(self.length.max)?;
                continue;
            }
            let Some(Checked { value, faults }) = self.item.decode(decoder)? else {
                inside.absorb(&format!("{count}.member"), Fault::missing().into());
                continue;
            };
            let surplus = count > kept_max(self.length);
            let broken = S::SCALAR && !faults.is_empty();
            any_broken |= broken;
            if surplus || broken {
                shown.begin::<S>(&items);
            }
            shown.add::<S>(&value, faults.first().filter(|_| broken));
            if !S::SCALAR && !faults.is_empty() {
                inside.absorb(&format!("{count}.member"), faults);
            }
            if !surplus {
                items.push(value);
            }
        }
        let mut faults = Faults::default();
        if !self.length.allows(count) || any_broken {
            shown.begin::<S>(&items);
            let shown = shown.finish();
            self.length.broken(count).into_iter().for_each(|rule| faults.push(Fault::new(&shown, rule)));
            if any_broken {
                let rules = self.item.rules().join(", ");
                faults.push(Fault::new(&shown, format!("Member must satisfy constraint: [{rules}]")));
            }
        }
        faults.append(inside);
        Ok(Some(Checked { value: items, faults }))
    }

    fn show(value: &Self::Value, shown: &mut String) {
        let mut list = ShownList::default();
        list.begin::<S>(value);
        shown.push_str(&list.finish());
    }

    fn rules(&self) -> Vec<String> {
        self.length.all()
    }
}

/// A list in AWS's texts, begun only when there is something to say about it.
#[derive(Debug, Default)]
struct ShownList {
    /// `[` and the items so far; empty before the list was begun.
    text: String,
    items: usize,
}

impl ShownList {
    /// Begins with the items so far; does nothing when it was begun before.
    fn begin<S: Shape>(&mut self, items: &[S::Value]) {
        if self.text.is_empty() {
            self.text.push('[');
            items.iter().for_each(|item| self.add::<S>(item, None));
        }
    }

    /// Adds an item, as its fault shows it where it has one.
    fn add<S: Shape>(&mut self, item: &S::Value, fault: Option<&Fault>) {
        if self.text.is_empty() || self.text.len() > SHOWN_BYTES_MAX {
            return;
        }
        if self.items > 0 {
            self.text.push_str(", ");
        }
        self.items += 1;
        match fault {
            Some(fault) => self.text.push_str(fault.shown()),
            None => S::show(item, &mut self.text),
        }
    }

    fn finish(mut self) -> String {
        self.text.push(']');
        self.text
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Map<V> {
    pub(crate) length: Length,
    pub(crate) key: Text,
    pub(crate) value: V,
}

impl<V: Shape> Map<V> {
    /// The entries of the map; of a key that comes again the last value counts, and null is no entry.
    fn entries<'b, R: Reader<'b>>(
        &self,
        decoder: &mut Decoder<'b, R>,
    ) -> Read<Option<BTreeMap<ByteString, Checked<V::Value>>>> {
        let Some(mut map) = decoder.map(Self::class)? else { return Ok(None) };
        let mut entries = BTreeMap::new();
        let mut count = 0;
        while let Some(key) = decoder.key(&mut map)? {
            count += 1;
            if count > ITEMS_MAX {
                decoder.skip_surplus(self.length.max)?;
                continue;
            }
            match self.value.decode(decoder)? {
                // One more than allowed is kept, which is what makes the length wrong.
                Some(value) if entries.len() <= kept_max(self.length) || entries.contains_key(&key) => {
                    entries.insert(key, value);
                }
                Some(_) => {}
                None => {
                    entries.remove(&key);
                }
            }
        }
        Ok(Some(entries))
    }
}

impl<V: Shape> Shape for Map<V> {
    type Value = BTreeMap<ByteString, V::Value>;
    const SCALAR: bool = false;

    fn class() -> String {
        format!("java.util.Map<java.lang.String, {}>", V::class())
    }

    fn decode<'b, R: Reader<'b>>(&self, decoder: &mut Decoder<'b, R>) -> Read<Option<Checked<Self::Value>>> {
        let Some(entries) = self.entries(decoder)? else { return Ok(None) };
        let mut map = BTreeMap::new();
        let mut inside = Faults::default();
        let mut rules = Vec::from_iter(self.length.broken(entries.len()));
        if !entries.keys().all(|key| self.key.holds(key)) {
            rules.push(format!("Map keys must satisfy constraint: [{}]", self.key.all().join(", ")));
        }
        let mut any_broken = false;
        for (key, Checked { value, mut faults }) in entries {
            // Those of a value itself are the map's.
            any_broken |= !faults.take_own().is_empty();
            if !faults.is_empty() {
                inside.absorb(&format!("{key}.member"), faults);
            }
            map.insert(key, value);
        }
        if any_broken {
            rules.push(format!("Map value must satisfy constraint: [{}]", self.value.rules().join(", ")));
        }
        let mut faults = Faults::default();
        if !rules.is_empty() {
            let mut shown = String::new();
            Self::show(&map, &mut shown);
            rules.into_iter().for_each(|rule| faults.push(Fault::new(&shown, rule)));
        }
        faults.append(inside);
        Ok(Some(Checked { value: map, faults }))
    }

    fn show(value: &Self::Value, shown: &mut String) {
        shown.push('{');
        for (index, (key, value)) in value.iter().enumerate() {
            shown.push_str(if index == 0 { "" } else { ", " });
            shown.push_str(key);
            shown.push('=');
            V::show(value, shown);
        }
        shown.push('}');
    }
}
