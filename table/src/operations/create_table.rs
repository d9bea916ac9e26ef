//! CreateTable.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_model::Span;
use millstream_storage::WriteSet;
use prost::Message;

use super::describe::TableDescription;
use super::schema::{self, CheckedIndex, GlobalIndexSpec, IndexSpec, KeySchemaElement};
use super::tags::check_tags;
use crate::arn::TableArn;
use crate::counts::Counts;
use crate::error::{Error, Result};
use crate::index::{GlobalIndex, Index, IndexPhase};
use crate::key::KeyElement;
use crate::keyspace::store_row::{StoreRow, store_key};
use crate::keyspace::table_row::{self, table_key};
use crate::live_table::LiveTable;
use crate::meta::{
    BillingMode, OnDemandThroughput, Phase, Policy, ServerSideEncryption, StreamView, TableClass, TableMeta,
    Throughput, Units,
};
use crate::store::Evidence;
use crate::tables::{Control, Inner, Tables};

/// A CreateTable call.
#[derive(Clone, Debug)]
pub struct CreateTable {
    pub arn: TableArn,
    pub attributes: Vec<KeyElement>,
    pub keys: Vec<KeySchemaElement>,
    pub local_indexes: Option<Vec<IndexSpec>>,
    pub global_indexes: Option<Vec<GlobalIndexSpec>>,
    /// Absent: provisioned.
    pub billing: Option<BillingMode>,
    pub throughput: Option<Units>,
    pub limits: OnDemandThroughput,
    pub warm: Option<Units>,
    pub stream: Option<StreamSpec>,
    pub encryption: Option<EncryptionSpec>,
    pub tags: BTreeMap<String, String>,
    pub class: Option<TableClass>,
    pub deletion_protection: bool,
    /// Whoever gives it had it checked.
    pub policy: Option<String>,
}

impl CreateTable {
    /// A table without throughput of its own, and with nothing else that is not asked for.
    pub fn on_demand(arn: TableArn, attributes: Vec<KeyElement>, keys: Vec<KeySchemaElement>) -> Self {
        Self {
            arn,
            attributes,
            keys,
            local_indexes: None,
            global_indexes: None,
            billing: Some(BillingMode::PayPerRequest),
            throughput: None,
            limits: OnDemandThroughput::default(),
            warm: None,
            stream: None,
            encryption: None,
            tags: BTreeMap::new(),
            class: None,
            deletion_protection: false,
            policy: None,
        }
    }
}

/// Whether a table is to have a stream, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    pub enabled: bool,
    pub view: Option<StreamView>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionSpec {
    pub enabled: bool,
    pub key: Option<String>,
}

/// What a CreateTable call asks for, when it makes sense.
struct Checked {
    keys: crate::key::KeySchema,
    local: Vec<CheckedIndex>,
    global: Vec<CheckedIndex>,
    billing: BillingMode,
    units: Units,
}

impl Tables {
    pub async fn create_table(&self, call: CreateTable) -> Result<TableDescription> {
        self.carry_through("creation of a table", move |tables| async move {
            tables.inner.create_table(call).await
        })
        .await
    }
}

impl Inner {
    async fn create_table(&self, call: CreateTable) -> Result<TableDescription> {
        let checked = check(&call)?;
        let mut control = self.control.lock().await;
        let arn = call.arn.clone();
        match self.catalog.by_arn(&arn) {
            Some(table) if table.meta().status(self.now()).is_some() => {
                return Err(Error::ResourceInUse(format!("Table already exists: {}", arn.name)));
            }
            Some(table) => self.bury(&mut control, &table).await?,
            None => {}
        }
        let tables = self.catalog.of(&arn.account, &arn.region);
        let there = tables.iter().filter(|table| table.meta().status(self.now()).is_some());
        if there.count() >= self.settings.tables_max {
            return Err(Error::LimitExceeded(format!(
                "Subscriber limit exceeded: There is a limit of {} tables per subscriber",
                self.settings.tables_max
            )));
        }
        let meta = self.new_meta(&control, call, checked)?;
        self.insert(&mut control, arn.clone(), meta).await?;
        Ok(TableDescription::of(&self.find(&arn)?).begun(|meta, moment| {
            meta.phase = Phase::Creating(moment);
            meta.on_demand_since = None;
            meta.global_indexes.iter_mut().for_each(|index| index.phase = IndexPhase::Creating(moment));
        }))
    }

    fn new_meta(&self, control: &Control, call: CreateTable, checked: Checked) -> Result<TableMeta> {
        let now = self.now();
        let span = Span::starting(now, self.settings.delays.create);
        let specs = call.global_indexes.unwrap_or_default();
        let mut meta = TableMeta {
            uid: control.store.next_table_uid,
            phase: span.map_or(Phase::Steady, Phase::Creating),
            next_index_uid: 1,
            id: self.entropy.uuid(),
            created: now,
            attributes: call.attributes,
            keys: checked.keys,
            local_indexes: Vec::new(),
            global_indexes: Vec::new(),
            billing: checked.billing,
            on_demand_since: (checked.billing == BillingMode::PayPerRequest).then_some(now),
            throughput: Throughput::of(checked.units),
            limits: call.limits,
            warm: call.warm,
            streams: Vec::new(),
            tags: call.tags,
            deletion_protection: call.deletion_protection,
            recovery: None,
            expiry: None,
            class: call.class,
            class_changed: None,
            encryption: encryption(call.encryption),
            policy: call.policy.map(|text| Policy { text, revision: self.revision() }),
            destinations: Vec::new(),
        };
        for index in checked.local {
            let uid = meta.take_index_uid();
            meta.local_indexes.push(new_index(uid, index));
        }
        for (index, spec) in checked.global.into_iter().zip(specs) {
            let uid = meta.take_index_uid();
            meta.global_indexes.push(GlobalIndex {
                index: new_index(uid, index),
                throughput: Throughput::of(spec.throughput.unwrap_or_default()),
                limits: spec.limits,
                warm: spec.warm,
                phase: span.map_or(IndexPhase::Steady, IndexPhase::Creating),
            });
        }
        if let Some(view) = stream_view(call.stream)? {
            meta.begin_stream(view, now, self.orphans.last_created(&call.arn));
        }
        Ok(meta)
    }

    async fn insert(&self, control: &mut Control, arn: TableArn, meta: TableMeta) -> Result<()> {
        let next_table_uid = meta.uid.checked_add(1);
        let next_table_uid =
            next_table_uid.ok_or_else(|| Error::Internal("no table uid is left".to_owned()))?;
        let store = StoreRow { next_table_uid, ..control.store };
        let (key, row) = (table_key(&arn), table_row::encode(&meta));
        let mut writes = WriteSet::new();
        writes.put(store_key(), store.encode_to_vec());
        writes.put(key.clone(), row.clone());
        self.store(writes, Evidence { key, value: Some(row) }).await?;
        control.store = store;
        self.catalog.insert(Arc::new(LiveTable::new(arn, meta, Counts::default())));
        Ok(())
    }

    /// Tells a policy from all others.
    pub(super) fn revision(&self) -> String {
        let number = u128::from_be_bytes(self.entropy.bytes()) >> 64;
        number.to_string()
    }
}

fn check(call: &CreateTable) -> Result<Checked> {
    let billing = call.billing.unwrap_or_default();
    let units = schema::check_throughput(billing, call.throughput)?;
    schema::check_limits(billing, call.limits, "table")?;
    let keys = schema::table_keys(&call.attributes, &call.keys)?;
    let has_indexes = call.local_indexes.is_some() || call.global_indexes.is_some();
    if !has_indexes {
        schema::check_all_used(&call.attributes, &keys, std::iter::empty(), false)?;
    }
    let local = match &call.local_indexes {
        Some(specs) => schema::local_indexes(&call.attributes, &keys, specs)?,
        None => Vec::new(),
    };
    let global = match &call.global_indexes {
        Some(specs) => schema::global_indexes(&call.attributes, specs)?,
        None => Vec::new(),
    };
    for spec in call.global_indexes.iter().flatten() {
        schema::check_index_throughput(billing, &spec.index.name, spec.throughput)?;
        schema::check_limits(billing, spec.limits, format_args!("index {}", spec.index.name))?;
    }
    let all = || local.iter().chain(&global);
    schema::check_together(all().map(|index| (index.name.as_str(), &index.projection)))?;
    if has_indexes {
        schema::check_all_used(&call.attributes, &keys, all().map(|index| &index.keys), true)?;
    }
    stream_view(call.stream)?;
    check_tags(&call.tags)?;
    Ok(Checked { keys, local, global, billing, units })
}

pub(super) fn new_index(uid: u32, index: CheckedIndex) -> Index {
    Index { uid, name: index.name, keys: index.keys, projection: index.projection }
}

/// `None` if there is to be no stream.
pub(super) fn stream_view(spec: Option<StreamSpec>) -> Result<Option<StreamView>> {
    match spec {
        None | Some(StreamSpec { enabled: false, view: None }) => Ok(None),
        Some(StreamSpec { enabled: true, view: Some(view) }) => Ok(Some(view)),
        Some(StreamSpec { enabled: true, view: None }) => {
            Err(Error::invalid_parameter("StreamViewType must be specified when StreamEnabled is true"))
        }
        Some(StreamSpec { enabled: false, view: Some(_) }) => Err(Error::invalid_parameter(
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
        )),
    }
}

/// AWS's own key, which is the default, is shown as no choice at all.
pub(super) fn encryption(spec: Option<EncryptionSpec>) -> Option<ServerSideEncryption> {
    spec.filter(|spec| spec.enabled).map(|spec| ServerSideEncryption { key: spec.key })
}
