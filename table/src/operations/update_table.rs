//! UpdateTable.

use millstream_model::{Span, Timestamp};

use super::create_table::{EncryptionSpec, StreamSpec, encryption, new_index, stream_view};
use super::describe::TableDescription;
use super::schema::{
    self, GLOBAL_INDEXES_MAX, GlobalIndexSpec, check_index, check_index_throughput, check_units,
};
use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::index::{GlobalIndex, IndexPhase};
use crate::key::{KeyElement, PARTS_MAX};
use crate::meta::{BillingMode, OnDemandThroughput, Phase, Status, TableClass, TableMeta, Throughput, Units};
use crate::settings::Delays;
use crate::tables::{Found, Inner, Tables};

/// An UpdateTable call. What is absent stays as it is.
#[derive(Clone, Debug)]
pub struct UpdateTable {
    pub arn: TableArn,
    /// Those that an index which is to be made needs; others may be there again.
    pub attributes: Vec<KeyElement>,
    pub billing: Option<BillingMode>,
    pub throughput: Option<Units>,
    pub limits: Option<OnDemandThroughput>,
    pub warm: Option<Units>,
    pub global_indexes: Vec<GlobalIndexUpdate>,
    pub stream: Option<StreamSpec>,
    pub encryption: Option<EncryptionSpec>,
    pub class: Option<TableClass>,
    pub deletion_protection: Option<bool>,
}

/// One entry of GlobalSecondaryIndexUpdates, of which exactly one member must be there.
#[derive(Clone, Debug, Default)]
pub struct GlobalIndexUpdate {
    pub create: Option<GlobalIndexSpec>,
    pub update: Option<GlobalIndexChange>,
    /// The index of that name.
    pub delete: Option<String>,
}

#[derive(Clone, Debug)]
pub struct GlobalIndexChange {
    pub name: String,
    pub throughput: Option<Units>,
    pub limits: Option<OnDemandThroughput>,
    pub warm: Option<Units>,
}

/// Of one UTC day, without having to wait in between; then one each hour.
const DECREASES_FREE: u32 = 4;
const DECREASE_PAUSE_MILLIS: u64 = 3600 * 1000;

impl UpdateTable {
    /// A call that changes nothing yet.
    pub fn new(arn: TableArn) -> Self {
        Self {
            arn,
            attributes: Vec::new(),
            billing: None,
            throughput: None,
            limits: None,
            warm: None,
            global_indexes: Vec::new(),
            stream: None,
            encryption: None,
            class: None,
            deletion_protection: None,
        }
    }

    fn asks_for_nothing(&self) -> bool {
        self.billing.is_none()
            && self.throughput.is_none()
            && self.limits.is_none()
            && self.warm.is_none()
            && self.global_indexes.is_empty()
            && self.stream.is_none()
            && self.encryption.is_none()
            && self.class.is_none()
            && self.deletion_protection.is_none()
    }
}

impl Tables {
    pub async fn update_table(&self, call: UpdateTable) -> Result<TableDescription> {
        self.carry_through("update of a table", move |tables| async move {
            tables.inner.update_table(&call).await
        })
        .await
    }
}

impl Inner {
    async fn update_table(&self, call: &UpdateTable) -> Result<TableDescription> {
        check(call)?;
        let mut control = self.control.lock().await;
        let found = self.find(&call.arn)?;
        // What is told to be gone neither is in the way of another index nor has its name.
        self.bury_indexes(&mut control, &found.table, found.now).await?;
        let found = self.find(&call.arn)?;
        check_state(&found, call)?;
        let mut meta = TableMeta::clone(&found.meta);
        let delays = self.settings.delays;
        change_throughput(&mut meta, call, found.now)?;
        let is_paced_anew =
            meta.billing == found.meta.billing && meta.throughput.units != found.meta.throughput.units;
        let last_orphan = self.orphans.last_created(&call.arn);
        change_stream(&mut meta, call, found.now, last_orphan, is_paced_anew)?;
        change_indexes(&mut meta, call, found.now, delays)?;
        change_rest(&mut meta, call, found.now)?;
        // Deletion protection, as AWS has it, is no update that shows.
        if !(only_protection(call)) {
            meta.begin_update(found.now, delays.update);
        }
        let fills = meta.global_indexes.iter().any(GlobalIndex::is_filling);
        self.change(&mut control, &found, |present| *present = meta).await?;
        if fills {
            self.filler.notify_one();
        }
        self.janitor.notify_one();
        let described = TableDescription::of(&self.find(&call.arn)?);
        Ok(described.begun(|meta, moment| show_begun(meta, &found.meta, call, moment)))
    }
}

/// What the call began shows as under way: throughput is still what it was `before`, unless the table is paid for anew.
fn show_begun(meta: &mut TableMeta, before: &TableMeta, call: &UpdateTable, moment: Span) {
    let is_paid_anew = meta.billing != before.billing;
    if !is_paid_anew {
        meta.throughput = before.throughput;
    }
    if !only_protection(call) {
        meta.phase = Phase::Updating(moment);
    }
    for update in &call.global_indexes {
        let (name, phase) = match (&update.create, &update.update, &update.delete) {
            (Some(create), _, _) => (&create.index.name, IndexPhase::Filling(moment)),
            (_, Some(change), _) => (&change.name, IndexPhase::Updating(moment)),
            (_, _, Some(name)) => (name, IndexPhase::Deleting(moment)),
            (None, None, None) => continue,
        };
        if let Some(index) = index_mut(meta, name) {
            index.phase = phase;
            if let Some(before) = before.global_index(name).filter(|_| !is_paid_anew) {
                index.throughput = before.throughput;
            }
        }
    }
}

fn only_protection(call: &UpdateTable) -> bool {
    UpdateTable { deletion_protection: None, ..call.clone() }.asks_for_nothing()
}

fn check(call: &UpdateTable) -> Result<()> {
    if call.asks_for_nothing() {
        return Err(Error::Validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
             GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
                .to_owned(),
        ));
    }
    if call.billing == Some(BillingMode::PayPerRequest) && call.throughput.is_some() {
        return Err(Error::invalid_parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is \
             PAY_PER_REQUEST",
        ));
    }
    call.throughput.map_or(Ok(()), check_units)?;
    if call.class.is_some() && !(UpdateTable { class: None, ..call.clone() }).asks_for_nothing() {
        return Err(Error::invalid_parameter(
            "TableClass modification must be the only operation in the request",
        ));
    }
    let mut names = std::collections::BTreeSet::new();
    for update in &call.global_indexes {
        let name = match (&update.create, &update.update, &update.delete) {
            (Some(create), None, None) => &create.index.name,
            (None, Some(change), None) => &change.name,
            (None, None, Some(name)) => name,
            (None, None, None) => {
                return Err(Error::invalid_parameter(
                    "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                     GlobalSecondaryIndexUpdate.Delete must not be null",
                ));
            }
            _ => {
                return Err(Error::invalid_parameter(
                    "Only one of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                     GlobalSecondaryIndexUpdate.Delete can be specified",
                ));
            }
        };
        if !names.insert(name) {
            return Err(Error::invalid_parameter(format_args!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )));
        }
    }
    let online = call.global_indexes.iter().filter(|update| update.update.is_none());
    if online.count() > 1 {
        return Err(one_at_a_time());
    }
    stream_view(call.stream).map(|_| ())
}

fn one_at_a_time() -> Error {
    Error::LimitExceeded(
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
            .to_owned(),
    )
}

fn check_state(found: &Found, call: &UpdateTable) -> Result<()> {
    let in_use = |what: &str| {
        Err(Error::ResourceInUse(format!(
            "Attempt to change a resource which is still in use: Table is being {what}: {}",
            found.table.arn.name
        )))
    };
    match found.status {
        Status::Creating => in_use("created"),
        Status::Deleting => in_use("deleted"),
        Status::Updating => in_use("updated"),
        Status::Active => {
            let is_passing = |global: &GlobalIndex| {
                matches!(global.status(found.now), Some(Status::Creating | Status::Deleting))
            };
            let is_online = call.global_indexes.iter().any(|update| update.update.is_none());
            match is_online && found.meta.global_indexes.iter().any(is_passing) {
                true => Err(one_at_a_time()),
                false => Ok(()),
            }
        }
    }
}

fn change_throughput(meta: &mut TableMeta, call: &UpdateTable, now: Timestamp) -> Result<()> {
    let before = meta.billing;
    if let Some(billing) = call.billing {
        meta.billing = billing;
    }
    match (before, meta.billing) {
        (BillingMode::Provisioned, BillingMode::PayPerRequest) => {
            meta.on_demand_since = Some(now);
            meta.throughput = Throughput::default();
            meta.global_indexes.iter_mut().for_each(|global| global.throughput = Throughput::default());
        }
        (BillingMode::PayPerRequest, BillingMode::Provisioned) => {
            let units = call.throughput.ok_or_else(|| {
                Error::invalid_parameter(
                    "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
                )
            })?;
            meta.throughput = Throughput::of(units);
            for global in &mut meta.global_indexes {
                let change = call.global_indexes.iter().filter_map(|update| update.update.as_ref());
                let mut of_index = change.filter(|change| change.name == global.index.name);
                let units = of_index.next().and_then(|change| change.throughput);
                let units = check_index_throughput(BillingMode::Provisioned, &global.index.name, units)?;
                global.throughput = Throughput::of(units);
            }
        }
        (BillingMode::PayPerRequest, BillingMode::PayPerRequest) if call.throughput.is_some() => {
            return Err(Error::invalid_parameter(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is \
                 PAY_PER_REQUEST",
            ));
        }
        (BillingMode::Provisioned, BillingMode::Provisioned) => {
            if let Some(units) = call.throughput {
                let what = |present: Units| unchanged("table", "", present, units);
                let present = meta.throughput;
                // Together with something else the same units are no mistake.
                if present.units == units && call.global_indexes.is_empty() && call.billing.is_none() {
                    return Err(what(present.units));
                }
                meta.throughput = changed(present, units, now)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn unchanged(kind: &str, name: &str, present: Units, asked: Units) -> Error {
    Error::Validation(format!(
        "The provisioned throughput for the {kind}{name} will not change. The requested value equals the current \
         value. Current ReadCapacityUnits provisioned for the {kind}{name}: {}. Requested ReadCapacityUnits: {}. \
         Current WriteCapacityUnits provisioned for the {kind}{name}: {}. Requested WriteCapacityUnits: {}. Refer to \
         the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
        present.read, asked.read, present.write, asked.write
    ))
}

/// With these units from now on.
fn changed(present: Throughput, units: Units, now: Timestamp) -> Result<Throughput> {
    let mut changed = Throughput { units, ..present };
    if units.read > present.units.read || units.write > present.units.write {
        changed.increased = Some(now);
    }
    if units.read < present.units.read || units.write < present.units.write {
        let today = present.decreases_today(now);
        let is_too_soon =
            present.decreased.is_some_and(|last| now.millis_since(last) < DECREASE_PAUSE_MILLIS);
        if today >= DECREASES_FREE && is_too_soon {
            return Err(Error::LimitExceeded(format!(
                "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. \
                 After the first {DECREASES_FREE} decreases, each subsequent decrease in the same UTC day can be \
                 performed at most once every 3600 seconds. Number of decreases today: {today}."
            )));
        }
        changed.decreased = Some(now);
        changed.decreases = today + 1;
    }
    Ok(changed)
}

fn change_stream(
    meta: &mut TableMeta,
    call: &UpdateTable,
    now: Timestamp,
    last_orphan: Option<Timestamp>,
    is_paced_anew: bool,
) -> Result<()> {
    let Some(spec) = call.stream else { return Ok(()) };
    if is_paced_anew {
        return Err(Error::invalid_parameter("You cannot modify stream status while updating table IOPS"));
    }
    match (stream_view(Some(spec))?, meta.stream().is_some()) {
        (Some(_), true) => {
            let name = &call.arn.name;
            Err(Error::Validation(format!("Table already has an enabled stream: TableName: {name}")))
        }
        (None, false) => Err(Error::Validation("Table is already stream disabled".to_owned())),
        (None, true) => {
            meta.end_stream(now);
            Ok(())
        }
        (Some(view), false) => {
            meta.begin_stream(view, now, last_orphan);
            Ok(())
        }
    }
}

fn change_indexes(meta: &mut TableMeta, call: &UpdateTable, now: Timestamp, delays: Delays) -> Result<()> {
    for update in &call.global_indexes {
        if let Some(spec) = &update.create {
            add_index(meta, call, spec, Span::of(now, delays.create))?;
        }
        let no_index = || Error::ResourceNotFound("Requested resource not found".to_owned());
        if let Some(name) = &update.delete {
            let global = index_mut(meta, name).ok_or_else(no_index)?;
            global.phase = IndexPhase::Deleting(Span::of(now, delays.delete));
            let kept = meta.keys.clone();
            let indexes = meta.indexes().filter(|index| index.name != *name);
            let used: Vec<_> = indexes.map(|index| index.keys.clone()).chain([kept]).collect();
            meta.attributes.retain(|attribute| used.iter().any(|keys| keys.has(&attribute.name)));
        }
        if let Some(change) = &update.update {
            let billing = meta.billing;
            let is_converted = call.billing == Some(BillingMode::Provisioned);
            let global = index_mut(meta, &change.name).ok_or_else(no_index)?;
            if let Some(units) = change.throughput.filter(|_| !is_converted) {
                let units = check_index_throughput(billing, &change.name, Some(units))?;
                if global.throughput.units == units {
                    return Err(unchanged("index ", &change.name, units, units));
                }
                global.throughput = changed(global.throughput, units, now)?;
            }
            if let Some(limits) = change.limits {
                schema::check_limits(billing, limits, format_args!("index {}", change.name))?;
                global.limits = limits;
            }
            global.warm = change.warm.or(global.warm);
            if let (Some(span), IndexPhase::Steady | IndexPhase::Updating(_) | IndexPhase::Creating(_)) =
                (Span::starting(now, delays.update), global.phase)
            {
                global.phase = IndexPhase::Updating(span);
            }
        }
    }
    Ok(())
}

fn index_mut<'a>(meta: &'a mut TableMeta, name: &str) -> Option<&'a mut GlobalIndex> {
    meta.global_indexes.iter_mut().find(|global| global.index.name == name)
}

fn add_index(meta: &mut TableMeta, call: &UpdateTable, spec: &GlobalIndexSpec, span: Span) -> Result<()> {
    if meta.index(&spec.index.name).is_some() {
        return Err(Error::Validation("Attempting to create an index which already exists".to_owned()));
    }
    if meta.global_indexes.len() >= GLOBAL_INDEXES_MAX {
        return Err(Error::LimitExceeded(
            "Subscriber limit exceeded: The number of global secondary indexes per table is limited to 20"
                .to_owned(),
        ));
    }
    let units = check_index_throughput(meta.billing, &spec.index.name, spec.throughput)?;
    schema::check_limits(meta.billing, spec.limits, format_args!("index {}", spec.index.name))?;
    let mut attributes = meta.attributes.clone();
    for attribute in &call.attributes {
        match attributes.iter().find(|present| present.name == attribute.name) {
            Some(present) if present.kind != attribute.kind => {
                return Err(Error::invalid_parameter(format_args!(
                    "Attempting to redefine the type of attribute {}",
                    attribute.name
                )));
            }
            Some(_) => {}
            None => attributes.push(attribute.clone()),
        }
    }
    // Those that the table has already are to be named again.
    let index = check_index(&call.attributes, &spec.index, PARTS_MAX)?;
    let projections = meta.indexes().map(|index| (index.name.as_str(), &index.projection));
    let all: Vec<_> = projections.chain([(index.name.as_str(), &index.projection)]).collect();
    schema::check_together(all.into_iter())?;
    // Only those that something is made of are kept.
    let is_used = |name: &str| {
        let mut present = meta.indexes().map(|index| &index.keys).chain([&meta.keys, &index.keys]);
        present.any(|keys| keys.has(name))
    };
    attributes.retain(|attribute| is_used(&attribute.name));
    meta.attributes = attributes;
    let uid = meta.take_index_uid();
    meta.global_indexes.push(GlobalIndex {
        index: new_index(uid, index),
        throughput: Throughput::of(units),
        limits: spec.limits,
        warm: spec.warm,
        phase: IndexPhase::Filling(span),
    });
    Ok(())
}

fn change_rest(meta: &mut TableMeta, call: &UpdateTable, now: Timestamp) -> Result<()> {
    if let Some(limits) = call.limits {
        schema::check_limits(meta.billing, limits, "table")?;
        meta.limits = limits;
    }
    meta.warm = call.warm.or(meta.warm);
    meta.deletion_protection = call.deletion_protection.unwrap_or(meta.deletion_protection);
    if let Some(class) = call.class {
        meta.class = Some(class);
        meta.class_changed = Some(now);
    }
    if let Some(spec) = &call.encryption {
        meta.encryption = encryption(Some(spec.clone()));
    }
    Ok(())
}
