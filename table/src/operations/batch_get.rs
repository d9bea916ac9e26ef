//! BatchGetItem.

use std::collections::BTreeMap;

use super::conditions::{Placeholders, ProjectionSpec};
use super::get_item::{projection, shown};
use crate::arn::TableArn;
use crate::capacity::{Capacity, Consistency};
use crate::consumed::{Access, Consumed};
use crate::error::{Error, Result};
use crate::expression::{Parameters, Projection};
use crate::item::Item;
use crate::key::{Key, KeyRole};
use crate::tables::{Found, Inner, Tables};

/// The most keys of one call, over all tables.
const KEYS_MAX: usize = 100;
/// Of items in one reply.
const REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A BatchGetItem call.
#[derive(Clone, Debug, Default)]
pub struct BatchGetItems {
    pub tables: BTreeMap<TableArn, BatchGet>,
}

/// What is wanted of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchGet {
    pub keys: Vec<Item>,
    pub projection: ProjectionSpec,
    pub placeholders: Placeholders,
    pub is_consistent: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchGotItems {
    /// For every table that was asked for; items that are not there are missing.
    pub items: BTreeMap<TableArn, Vec<Item>>,
    /// What to ask for again: the keys for which there was no room or no capacity.
    pub unprocessed: BTreeMap<TableArn, BatchGet>,
    /// One for each table.
    pub consumed: Vec<Consumed>,
}

/// What is wanted of one table, when it makes sense.
struct Wanted {
    found: Found,
    keys: Vec<Key>,
    projection: Option<Projection>,
    consistency: Consistency,
}

impl Tables {
    pub async fn batch_get_items(&self, call: BatchGetItems) -> Result<BatchGotItems> {
        check(&call)?;
        let mut projections = BTreeMap::new();
        for (arn, get) in &call.tables {
            projections.insert(arn.clone(), projection(&get.projection, get.placeholders.clone())?);
        }
        let mut wanted = Vec::with_capacity(call.tables.len());
        for ((arn, get), (_, projection)) in call.tables.iter().zip(projections) {
            wanted.push((get, self.inner.wanted(arn, get, projection)?));
        }
        let (mut got, mut room, mut throttled) = (BatchGotItems::default(), REPLY_BYTES_MAX, None);
        for (get, wanted) in wanted {
            self.inner.batch_get(get, &wanted, &mut got, &mut room, &mut throttled).await?;
        }
        match throttled {
            // Only when nothing at all was read.
            Some(error) if got.consumed.is_empty() => Err(error),
            _ => Ok(got),
        }
    }
}

fn check(call: &BatchGetItems) -> Result<()> {
    if call.tables.values().map(|get| get.keys.len()).sum::<usize>() > KEYS_MAX {
        return Err(Error::Validation("Too many items requested for the BatchGetItem call".to_owned()));
    }
    // To AWS it is one request, whichever table a parameter is for.
    let is_given = |has: fn(&ProjectionSpec) -> bool| call.tables.values().any(|get| has(&get.projection));
    let parameters = Parameters {
        expressions: &[("ProjectionExpression", is_given(|asked| asked.expression.is_some()))],
        legacy: &[("AttributesToGet", is_given(|asked| asked.attributes.is_some()))],
        has_names: false,
        has_values: false,
    };
    parameters.check()?;
    for get in call.tables.values() {
        let has_twin = |(number, key)| get.keys.iter().skip(number + 1).any(|other| other == key);
        if get.keys.iter().enumerate().any(has_twin) {
            return Err(Error::Validation("Provided list of item keys contains duplicates".to_owned()));
        }
    }
    Ok(())
}

impl Inner {
    fn wanted(&self, arn: &TableArn, get: &BatchGet, projection: Option<Projection>) -> Result<Wanted> {
        let found = self.find_active(arn)?;
        let keys = get.keys.iter().map(|key| found.meta.keys.key(key)).collect::<Result<_>>()?;
        if let Some(projection) = &projection {
            found.meta.keys.check_scalars(&projection.paths, KeyRole::Table)?;
        }
        let consistency = if get.is_consistent { Consistency::Strong } else { Consistency::Eventual };
        Ok(Wanted { found, keys, projection, consistency })
    }

    async fn batch_get(
        &self,
        get: &BatchGet,
        wanted: &Wanted,
        got: &mut BatchGotItems,
        room: &mut usize,
        throttled: &mut Option<Error>,
    ) -> Result<()> {
        let Wanted { found, keys, projection, consistency } = wanted;
        let arn = &found.table.arn;
        let mut consumed: Option<Consumed> = None;
        let (mut items, mut unprocessed) = (Vec::new(), Vec::new());
        for (key, given) in keys.iter().zip(&get.keys) {
            if *room == 0 {
                unprocessed.push(given.clone());
                continue;
            }
            if let Err(error) = self.admit(found, Access::Read, None) {
                *throttled = Some(error);
                unprocessed.push(given.clone());
                continue;
            }
            let item = self.read_item(&found.meta, key).await?;
            let size = item.as_ref().map_or(0, Item::size);
            if size > *room {
                *room = 0;
                unprocessed.push(given.clone());
                continue;
            }
            *room -= size;
            let cost = Consumed::new(arn.clone(), Access::Read, Capacity::read(size, *consistency));
            if let Err(error) = self.charge(&found.table, &found.meta, &cost) {
                *throttled = Some(error);
                unprocessed.push(given.clone());
                continue;
            }
            consumed = Some(match consumed {
                Some(mut sum) => {
                    sum.add(&cost);
                    sum
                }
                None => cost,
            });
            items.extend(item.map(|item| shown(item, projection.as_ref())));
        }
        got.consumed.extend(consumed);
        got.items.insert(arn.clone(), items);
        if !unprocessed.is_empty() {
            got.unprocessed.insert(arn.clone(), BatchGet { keys: unprocessed, ..get.clone() });
        }
        Ok(())
    }
}
