//! TransactWriteItems: several writes and conditions, all or none, and none of them twice.
//!
//! All items are locked before the first is looked at, and are written with one commit; so transactions and
//! single writes come one after the other as far as they have to do with the same items. Nobody is turned away
//! because somebody else is at work: he waits. A token is kept together with what was written under it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use md5::{Digest, Md5};
use millstream_model::Timestamp;
use prost::Message;

use super::conditions::{ConditionSpec, Placeholders};
use super::write_item::{Act, CollectionMetrics, Decided, Write};
use crate::arn::TableArn;
use crate::capacity::Capacity;
use crate::consumed::{Access, Consumed, by_table};
use crate::error::{CancellationCode, CancellationReason, Error, Result};
use crate::expression::Update;
use crate::item::Item;
use crate::item_locks::ItemGuard;
use crate::key::Key;
use crate::keyspace::entry_key::item_key;
use crate::keyspace::token_row::{self, TokenRow, token_key};
use crate::tables::{Entered, Found, Tables};
use crate::write::{Besides, lock_name};

/// Of all items together, in bytes.
pub(super) const BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a token stands for what was done under it.
const TOKEN_LIFE: Duration = Duration::from_secs(10 * 60);

/// A TransactWriteItems call: 1 to 100 actions on as many items.
#[derive(Clone, Debug)]
pub struct TransactWriteItems {
    pub writes: Vec<TransactWrite>,
    /// Within ten minutes, the same transaction under the same token is carried out once.
    pub token: Option<String>,
    pub with_collections: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TransactWrite {
    pub table: TableArn,
    pub action: TransactAction,
    /// Required for [`TransactAction::Check`].
    pub condition: Option<String>,
    pub placeholders: Placeholders,
    /// Whether the reason shows the item of which the condition did not hold.
    pub shows_failure: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TransactAction {
    Put(Item),
    /// The item with this key.
    Delete(Item),
    /// The item with this key, by this expression.
    Update(Item, String),
    /// Nothing but the condition, of the item with this key.
    Check(Item),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactWrittenItems {
    /// One for each table. Of reads, if the transaction had been carried out before.
    pub consumed: Vec<Consumed>,
    pub collections: BTreeMap<TableArn, Vec<CollectionMetrics>>,
}

/// The right to use a token.
struct Token {
    guard: ItemGuard,
    key: Bytes,
    fingerprint: Bytes,
    /// What was done under it, if something was.
    done: Option<TokenRow>,
}

impl Token {
    /// What is to be kept of it, besides what is done under it.
    fn rows(&self, now: Timestamp, costs_again: Vec<u64>) -> Vec<(Bytes, Bytes)> {
        let expires = now.plus(TOKEN_LIFE);
        let fingerprint = self.fingerprint.clone();
        let row = TokenRow { fingerprint, expires_millis: expires.as_millis(), costs_again };
        let expiry = (token_row::expiry_key(expires, &self.key), Bytes::new());
        vec![(self.key.clone(), row.encode_to_vec().into()), expiry]
    }
}

impl Tables {
    pub async fn transact_write_items(&self, call: TransactWriteItems) -> Result<TransactWrittenItems> {
        let writes = call.writes.iter().map(parse).collect::<Result<Vec<_>>>()?;
        check_size(&call.writes)?;
        let inner = &self.inner;
        let entered = inner.enter_all(call.writes.iter().map(|write| write.table.clone())).await?;
        let keys = keys(&writes, &entered)?;
        let token = self.token(&call).await?;
        let found: Vec<_> = writes
            .iter()
            .filter_map(|write| entered.get(&write.table).map(|entered| entered.found.clone()))
            .collect();
        let names: Vec<_> = found.iter().zip(&keys).map(|(found, key)| lock_name(&found.meta, key)).collect();
        let (_, mut held) = inner.hold(entered.into_values().collect(), names).await;
        let mut places = BTreeSet::new();
        for (found, key) in found.iter().zip(&keys) {
            places.insert((found.table.arn.clone(), Key::of_hash(key.hash.clone())));
        }
        let consumed = match token.as_ref().and_then(|token| token.done.as_ref()) {
            Some(done) => cost_again(&found, &done.costs_again),
            None => {
                let decided = self.decide_all(&writes, &found, keys).await?;
                let costs = self.charge_all(&found, &decided)?;
                let puts = match token {
                    Some(token) => {
                        let costs_again = decided.iter().map(|one| one.mutation.cost_again().halves());
                        let rows = token.rows(inner.now(), costs_again.collect());
                        held.keep(token.guard, rows)
                    }
                    None => Vec::new(),
                };
                let mutations: Vec<_> = decided.into_iter().map(|decided| decided.mutation).collect();
                self.carry_out(held, mutations, Besides { puts }).await?;
                costs
            }
        };
        let collections = match call.with_collections {
            true => self.collections_at(places).await?,
            false => BTreeMap::new(),
        };
        Ok(TransactWrittenItems { consumed, collections })
    }

    /// What becomes of every item, if nothing stands in the way of any of them.
    async fn decide_all(&self, writes: &[Write], found: &[Found], keys: Vec<Key>) -> Result<Vec<Decided>> {
        let mut decided = Vec::with_capacity(writes.len());
        let mut reasons = Vec::with_capacity(writes.len());
        for ((write, found), key) in writes.iter().zip(found).zip(keys) {
            let before = self.inner.read_item(&found.meta, &key).await?;
            let outcome = check_put(write).and_then(|()| write.decide(found, key, before));
            match outcome {
                Ok(one) => {
                    decided.push(one);
                    reasons.push(CancellationReason::default());
                }
                Err(error) => reasons.push(reason(error)?),
            }
        }
        match decided.len() == writes.len() {
            true => Ok(decided),
            false => Err(Error::TransactionCanceled { reasons }),
        }
    }

    fn charge_all(&self, found: &[Found], decided: &[Decided]) -> Result<Vec<Consumed>> {
        let costs = decided.iter().map(|decided| decided.mutation.cost().in_transaction());
        let costs = by_table(costs);
        for cost in &costs {
            let Some(payer) = found.iter().find(|found| found.table.arn == cost.table) else { continue };
            if self.inner.charge(&payer.table, &payer.meta, cost).is_err() {
                let reasons = found.iter().map(|found| match found.table.arn == cost.table {
                    true => throttled(),
                    false => CancellationReason::default(),
                });
                return Err(Error::TransactionCanceled { reasons: reasons.collect() });
            }
        }
        Ok(costs)
    }

    /// The token of the call.
    async fn token(&self, call: &TransactWriteItems) -> Result<Option<Token>> {
        let (Some(token), Some(first)) = (&call.token, call.writes.first()) else { return Ok(None) };
        let key = token_key(&first.table.account, &first.table.region, token);
        let guard = self.inner.locks.try_lock(key.clone()).ok_or_else(|| {
            let text = "The transaction with the given request token is already in progress.";
            Error::TransactionInProgress(text.to_owned())
        })?;
        let fingerprint = fingerprint(&call.writes);
        let now = self.inner.now();
        let row = self.inner.slot.get(&key).await?.map(|row| token_row::decode(&key, &row)).transpose()?;
        let done = row.filter(|row| now < Timestamp::from_millis(row.expires_millis));
        if done.as_ref().is_some_and(|done| done.fingerprint != fingerprint) {
            return Err(Error::IdempotentParameterMismatch(
                "The request uses the same client token as a previous, but non-identical request.".to_owned(),
            ));
        }
        Ok(Some(Token { guard, key, fingerprint, done }))
    }
}

/// What a transaction costs that had been carried out before: as much as reading what it was carried out on.
fn cost_again(found: &[Found], halves: &[u64]) -> Vec<Consumed> {
    let cost = |(found, halves): (&Found, &u64)| {
        Consumed::new(found.table.arn.clone(), Access::Read, Capacity::of_halves(*halves))
    };
    by_table(found.iter().zip(halves).map(cost))
}

fn parse(write: &TransactWrite) -> Result<Write> {
    let mut substitutions = write.placeholders.clone().substitutions()?;
    let act = match &write.action {
        TransactAction::Put(item) => Act::Put(item.clone()),
        TransactAction::Delete(key) => Act::Delete(key.clone()),
        TransactAction::Check(key) => Act::Check(key.clone()),
        TransactAction::Update(key, text) => {
            Act::Update(key.clone(), Update::parse(text, &mut substitutions)?)
        }
    };
    let condition = write.condition.clone().map(ConditionSpec::expression).unwrap_or_default();
    let condition = condition.parse(&mut substitutions)?;
    // Placeholders without any expression are no mistake here, as they are in writes of one item.
    if condition.is_some() || matches!(act, Act::Update(..)) {
        substitutions.finish()?;
    }
    Ok(Write { table: write.table.clone(), act, condition, shows_failure: write.shows_failure })
}

fn check_size(writes: &[TransactWrite]) -> Result<()> {
    let size = |write: &TransactWrite| {
        let item = match &write.action {
            TransactAction::Put(item)
            | TransactAction::Delete(item)
            | TransactAction::Update(item, _)
            | TransactAction::Check(item) => item.size(),
        };
        let values = write.placeholders.values.iter().flatten();
        item + values.map(|(_, value)| value.size()).sum::<usize>()
    };
    if writes.iter().map(size).sum::<usize>() > BYTES_MAX {
        return Err(too_large());
    }
    Ok(())
}

pub(super) fn too_large() -> Error {
    Error::Validation("Collection of items in the transaction exceeds the maximum size of 4 MB".to_owned())
}

/// The keys of all items, none of which may be there twice. The first that can be none cancels the transaction, and AWS
/// looks no further.
fn keys(writes: &[Write], entered: &BTreeMap<TableArn, Entered>) -> Result<Vec<Key>> {
    let (mut keys, mut places) = (Vec::with_capacity(writes.len()), Vec::with_capacity(writes.len()));
    for (number, write) in writes.iter().enumerate() {
        let Some(entered) = entered.get(&write.table) else { continue };
        let meta = &entered.found.meta;
        let key = write.key(meta).or_else(|error| {
            let mut reasons = vec![CancellationReason::default(); writes.len()];
            reasons[number] = reason(error)?;
            Err(Error::TransactionCanceled { reasons })
        })?;
        places.push(item_key(meta.uid, &key));
        keys.push(key);
    }
    places.sort_unstable();
    match places.array_windows().any(|[one, next]| one == next) {
        false => Ok(keys),
        true => Err(Error::Validation(
            "Transaction request cannot include multiple operations on one item".to_owned(),
        )),
    }
}

fn check_put(write: &Write) -> Result<()> {
    match &write.act {
        Act::Put(item) => item.check(),
        _ => Ok(()),
    }
}

/// Why an action could not be carried out; or the error, if it is not the action's fault.
pub(super) fn reason(error: Error) -> Result<CancellationReason> {
    let (code, message, item) = match error {
        Error::ConditionalCheckFailed { item } => {
            let message = "The conditional request failed".to_owned();
            (CancellationCode::ConditionalCheckFailed, message, item.map(|item| *item))
        }
        Error::Validation(message) => (CancellationCode::ValidationError, message, None),
        Error::ItemCollectionSizeLimitExceeded => {
            let code = CancellationCode::ItemCollectionSizeLimitExceeded;
            (code, "Collection size exceeded.".to_owned(), None)
        }
        other => return Err(other),
    };
    Ok(CancellationReason { code, message: Some(message), item })
}

pub(super) fn throttled() -> CancellationReason {
    let message = Error::ProvisionedThroughputExceeded { reasons: Vec::new() }.to_string();
    let code = CancellationCode::ProvisionedThroughputExceeded;
    CancellationReason { code, message: Some(message), item: None }
}

/// A digest of all that a transaction is asked to do.
fn fingerprint(writes: &[TransactWrite]) -> Bytes {
    struct ToDigest(Md5);

    impl Hasher for ToDigest {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }

    let mut to = ToDigest(Md5::new());
    writes.hash(&mut to);
    let digest: [u8; 16] = to.0.finalize().into();
    Bytes::copy_from_slice(&digest)
}
