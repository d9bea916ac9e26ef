//! Schemas as requests give them, and what is said if they make no sense together.

use std::collections::BTreeSet;
use std::fmt;

use crate::error::{Error, Result};
use crate::index::IndexProjection;
use crate::key::{KeyElement, KeySchema, PARTS_MAX};
use crate::meta::{BillingMode, OnDemandThroughput, Units};

/// One element of a KeySchema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySchemaElement {
    pub name: String,
    pub part: KeyPart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPart {
    Hash,
    Range,
}

/// A secondary index that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSpec {
    pub name: String,
    pub keys: Vec<KeySchemaElement>,
    /// Absent if the request names no type.
    pub projection: Option<ProjectionType>,
    pub non_key_attributes: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectionType {
    All,
    KeysOnly,
    Include,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalIndexSpec {
    pub index: IndexSpec,
    pub throughput: Option<Units>,
    pub limits: OnDemandThroughput,
    pub warm: Option<Units>,
}

/// A secondary index that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CheckedIndex {
    pub(super) name: String,
    pub(super) keys: KeySchema,
    pub(super) projection: IndexProjection,
}

/// The most indexes of either kind that a table may have.
pub(super) const LOCAL_INDEXES_MAX: usize = 5;
pub(super) const GLOBAL_INDEXES_MAX: usize = 20;
const TABLE_KEYS_MAX: usize = 2;
/// The most attributes that a table's indexes may include, all together.
const INCLUDED_MAX: usize = 100;
const UNITS_MAX: u64 = 1_000_000_000_000;

/// What may be said of throughput under a billing mode.
pub(super) fn check_throughput(billing: BillingMode, throughput: Option<Units>) -> Result<Units> {
    match (billing, throughput) {
        (BillingMode::PayPerRequest, Some(_)) => Err(Error::invalid_parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is \
             PAY_PER_REQUEST",
        )),
        (BillingMode::PayPerRequest, None) => Ok(Units::default()),
        (BillingMode::Provisioned, None) => Err(Error::invalid_parameter(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (BillingMode::Provisioned, Some(units)) => check_units(units).map(|()| units),
    }
}

pub(super) fn check_units(units: Units) -> Result<()> {
    for (name, value) in [("ReadCapacityUnits", units.read), ("WriteCapacityUnits", units.write)] {
        if value > UNITS_MAX {
            return Err(Error::Validation(format!("Given value {value} for {name} is out of bounds")));
        }
    }
    Ok(())
}

/// What may be said of the most that a table or an index takes that pays per request; `of` is which.
pub(super) fn check_limits(
    billing: BillingMode,
    limits: OnDemandThroughput,
    of: impl fmt::Display,
) -> Result<()> {
    if billing == BillingMode::Provisioned && limits != OnDemandThroughput::default() {
        return Err(Error::invalid_parameter(
            "Neither MaxReadRequestUnits nor MaxWriteRequestUnits can be specified when BillingMode is PROVISIONED",
        ));
    }
    for (name, most) in [("MaxReadRequestUnits", limits.read_max), ("MaxWriteRequestUnits", limits.write_max)]
    {
        if most == Some(0) {
            return Err(Error::invalid_parameter(format_args!(
                "Requested {name} for OnDemandThroughput for {of} is outside of valid range"
            )));
        }
    }
    Ok(())
}

/// What may be said of a global index's throughput under a billing mode.
pub(super) fn check_index_throughput(
    billing: BillingMode,
    index: &str,
    throughput: Option<Units>,
) -> Result<Units> {
    match (billing, throughput) {
        (BillingMode::PayPerRequest, Some(_)) => Err(Error::invalid_parameter(format_args!(
            "ProvisionedThroughput should not be specified for index: {index} when BillingMode is \
             PAY_PER_REQUEST"
        ))),
        (BillingMode::PayPerRequest, None) => Ok(Units::default()),
        (BillingMode::Provisioned, None) => Err(Error::invalid_parameter(format_args!(
            "ProvisionedThroughput must be specified for index: {index}"
        ))),
        (BillingMode::Provisioned, Some(units)) => check_units(units).map(|()| units),
    }
}

/// The key of a table.
pub(super) fn table_keys(attributes: &[KeyElement], keys: &[KeySchemaElement]) -> Result<KeySchema> {
    check_count(keys)?;
    if keys.iter().any(|key| defined(attributes, &key.name).is_none()) {
        return Err(Error::Validation(
            "Invalid KeySchema: Some index key attribute have no definition".to_owned(),
        ));
    }
    key_schema(attributes, keys, 1)
}

/// The local indexes of a table.
pub(super) fn local_indexes(
    attributes: &[KeyElement],
    table: &KeySchema,
    specs: &[IndexSpec],
) -> Result<Vec<CheckedIndex>> {
    if specs.is_empty() {
        return Err(Error::invalid_parameter("List of LocalSecondaryIndexes is empty"));
    }
    if table.range.is_empty() {
        return Err(Error::invalid_parameter(
            "Table KeySchema does not have a range key, which is required when specifying a \
             LocalSecondaryIndex",
        ));
    }
    let indexes = specs.iter().map(|spec| {
        let index = check_index(attributes, spec, 1)?;
        if index.keys.range.is_empty() {
            return Err(Error::invalid_parameter(format_args!(
                "Index KeySchema does not have a range key for index: {}",
                spec.name
            )));
        }
        let name = |keys: &KeySchema| keys.hash.first().map(|hash| hash.name.clone()).unwrap_or_default();
        let (of_index, of_table) = (name(&index.keys), name(table));
        if of_index != of_table {
            return Err(Error::invalid_parameter(format_args!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {}. \
                 index hash key: {of_index}, table hash key: {of_table}",
                spec.name
            )));
        }
        Ok(index)
    });
    let indexes = indexes.collect::<Result<Vec<_>>>()?;
    if indexes.len() > LOCAL_INDEXES_MAX {
        return Err(Error::invalid_parameter("Number of LocalSecondaryIndexes exceeds per-table limit of 5"));
    }
    Ok(indexes)
}

/// The global indexes of a new table.
pub(super) fn global_indexes(
    attributes: &[KeyElement],
    specs: &[GlobalIndexSpec],
) -> Result<Vec<CheckedIndex>> {
    if specs.is_empty() {
        return Err(Error::invalid_parameter("List of GlobalSecondaryIndexes is empty"));
    }
    let indexes = specs.iter().map(|spec| check_index(attributes, &spec.index, PARTS_MAX));
    let indexes = indexes.collect::<Result<Vec<_>>>()?;
    if indexes.len() > GLOBAL_INDEXES_MAX {
        return Err(Error::invalid_parameter("GlobalSecondaryIndex count exceeds the per-table limit of 20"));
    }
    Ok(indexes)
}

/// What holds for all indexes of a table together.
pub(super) fn check_together<'a>(
    indexes: impl Iterator<Item = (&'a str, &'a IndexProjection)> + Clone,
) -> Result<()> {
    let mut names = BTreeSet::new();
    for (name, _) in indexes.clone() {
        if !names.insert(name) {
            return Err(Error::invalid_parameter(format_args!("Duplicate index name: {name}")));
        }
    }
    let included = indexes.map(|(_, projection)| match projection {
        IndexProjection::Include(names) => names.len(),
        _ => 0,
    });
    let included: usize = included.sum();
    if included > INCLUDED_MAX {
        return Err(Error::invalid_parameter(format_args!(
            "NonKeyAttributes combined count across all indexes exceeds the per-table limit of \
             {INCLUDED_MAX}"
        )));
    }
    Ok(())
}

/// Whether every attribute that is defined is a key of something.
pub(super) fn check_all_used<'a>(
    attributes: &[KeyElement],
    table: &'a KeySchema,
    indexes: impl Iterator<Item = &'a KeySchema>,
    has_indexes: bool,
) -> Result<()> {
    let keys = std::iter::once(table).chain(indexes).flat_map(KeySchema::elements);
    let used: BTreeSet<_> = keys.map(|element| element.name.as_str()).collect();
    let defined: BTreeSet<_> = attributes.iter().map(|element| element.name.as_str()).collect();
    if used == defined && defined.len() == attributes.len() {
        return Ok(());
    }
    if !has_indexes {
        return Err(Error::invalid_parameter(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in \
             AttributeDefinitions",
        ));
    }
    Err(Error::invalid_parameter(format_args!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
        listed(defined),
        listed(used)
    )))
}

/// An index by itself, of which the hash key and the range key have so many attributes at most.
pub(super) fn check_index(
    attributes: &[KeyElement],
    spec: &IndexSpec,
    parts_max: usize,
) -> Result<CheckedIndex> {
    if spec.keys.iter().any(|key| defined(attributes, &key.name).is_none()) {
        return Err(Error::invalid_parameter(format_args!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], \
             AttributeDefinitions: [{}]",
            listed(spec.keys.iter().map(|key| key.name.as_str())),
            listed(attributes.iter().map(|element| element.name.as_str()))
        )));
    }
    let keys = key_schema(attributes, &spec.keys, parts_max)?;
    let names = spec.non_key_attributes.as_ref();
    let projection = match (spec.projection, names) {
        (None, _) => return Err(Error::invalid_parameter("Unknown ProjectionType: null")),
        (Some(ProjectionType::Include), Some(names)) => IndexProjection::Include(names.clone()),
        (Some(ProjectionType::Include), None) => {
            return Err(Error::invalid_parameter(
                "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
            ));
        }
        (Some(kind), Some(_)) => {
            let kind = if kind == ProjectionType::All { "ALL" } else { "KEYS_ONLY" };
            return Err(Error::invalid_parameter(format_args!(
                "ProjectionType is {kind}, but NonKeyAttributes is specified"
            )));
        }
        (Some(ProjectionType::All), None) => IndexProjection::All,
        (Some(ProjectionType::KeysOnly), None) => IndexProjection::KeysOnly,
    };
    Ok(CheckedIndex { name: spec.name.clone(), keys, projection })
}

/// Of attributes that are all defined: first hash keys, then range keys.
fn key_schema(attributes: &[KeyElement], keys: &[KeySchemaElement], parts_max: usize) -> Result<KeySchema> {
    let invalid = |what: &str| Err(Error::Validation(what.to_owned()));
    let hashes = keys.iter().take_while(|key| key.part == KeyPart::Hash).count();
    let (hash, range) = keys.split_at(hashes);
    if hash.is_empty() {
        return invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
    }
    if parts_max == 1 && hash.len() > 1 {
        return invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    }
    if range.iter().any(|key| key.part != KeyPart::Range) {
        return invalid("Invalid KeySchema: A HASH key follows a RANGE key");
    }
    if hash.len() > parts_max || range.len() > parts_max {
        return Err(Error::Validation(format!(
            "Invalid KeySchema: There are at most {parts_max} HASH keys and {parts_max} RANGE keys"
        )));
    }
    let names: BTreeSet<_> = keys.iter().map(|key| key.name.as_str()).collect();
    if names.len() < keys.len() {
        return invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name");
    }
    let element = |key: &KeySchemaElement| {
        defined(attributes, &key.name).cloned().ok_or_else(|| {
            Error::Validation("Invalid KeySchema: Some index key attribute have no definition".to_owned())
        })
    };
    let elements = |keys: &[KeySchemaElement]| keys.iter().map(element).collect::<Result<Vec<_>>>();
    Ok(KeySchema { hash: elements(hash)?, range: elements(range)? })
}

/// What the model leaves to the service: it allows as many as an index may have.
fn check_count(keys: &[KeySchemaElement]) -> Result<()> {
    if keys.len() <= TABLE_KEYS_MAX {
        return Ok(());
    }
    let shown = keys.iter().map(|key| {
        let part = if key.part == KeyPart::Hash { "HASH" } else { "RANGE" };
        format!("KeySchemaElement(attributeName={}, keyType={part})", key.name)
    });
    Err(Error::Validation(format!(
        "1 validation error detected: Value '[{}]' at 'keySchema' failed to satisfy constraint: Member must have \
         length less than or equal to {TABLE_KEYS_MAX}",
        shown.collect::<Vec<_>>().join(", ")
    )))
}

fn defined<'a>(attributes: &'a [KeyElement], name: &str) -> Option<&'a KeyElement> {
    attributes.iter().find(|element| element.name == name)
}

fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}
