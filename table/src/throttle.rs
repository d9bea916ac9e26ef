//! Whether a table may be read or written now: buckets of the units that were provisioned for it.
//!
//! What an operation costs is known only when it is nearly done. So it is let through as long as the bucket is
//! not in debt, and pays what it cost; whoever comes next waits the debt out. A bucket holds what 300 seconds
//! bring, as DynamoDB saves it. Units are counted in halves.

use std::collections::HashMap;
use std::time::Duration;

use millstream_runtime::TokenBucket;
use parking_lot::Mutex;

use crate::arn::TableArn;
use crate::capacity::Capacity;
use crate::consumed::{Access, Consumed};
use crate::error::{Error, Result, ThrottlingReason};
use crate::keyspace::IndexUid;
use crate::meta::{BillingMode, OnDemandThroughput, TableMeta, Units};

const BURST_SECONDS: u64 = 300;
/// In place of an index's uid.
const TABLE: IndexUid = 0;

/// The buckets of one table and its global indexes; one is made when it is needed.
#[derive(Debug, Default)]
pub(crate) struct Buckets(Mutex<HashMap<(IndexUid, bool), Bucket>>);

#[derive(Debug)]
struct Bucket {
    halves_per_second: u64,
    tokens: TokenBucket,
}

/// Who pays, and at which rate.
struct Payer {
    uid: IndexUid,
    resource: String,
    halves_per_second: u64,
    cost: Capacity,
}

impl Buckets {
    /// Whether the table, or the index if there is one, is out of debt.
    pub(crate) fn check(
        &self,
        now: Duration,
        arn: &TableArn,
        meta: &TableMeta,
        access: Access,
        index: Option<&str>,
    ) -> Result<()> {
        let payer = match index.and_then(|name| meta.global_index(name)) {
            Some(global) => rate(meta.billing, global.throughput.units, global.limits, access)
                .map(|rate| (global.index.uid, arn.index(&global.index.name), rate)),
            None => rate(meta.billing, meta.throughput.units, meta.limits, access)
                .map(|rate| (TABLE, arn.to_string(), rate)),
        };
        let Some((uid, resource, halves_per_second)) = payer else { return Ok(()) };
        let payer = Payer { uid, resource, halves_per_second, cost: Capacity::NONE };
        self.take(now, meta.billing, access, &[payer])
    }

    /// Takes what was consumed from every bucket that pays for it, or from none when one of them is in debt.
    pub(crate) fn charge(&self, now: Duration, meta: &TableMeta, consumed: &Consumed) -> Result<()> {
        let mut payers = Vec::new();
        let of_table = rate(meta.billing, meta.throughput.units, meta.limits, consumed.access);
        if let Some(halves_per_second) = of_table
            && consumed.of_table() > Capacity::NONE
        {
            let (resource, cost) = (consumed.table.to_string(), consumed.of_table());
            payers.push(Payer { uid: TABLE, resource, halves_per_second, cost });
        }
        for (name, cost) in &consumed.global_indexes {
            let Some(global) = meta.global_index(name) else { continue };
            let rate = rate(meta.billing, global.throughput.units, global.limits, consumed.access);
            if let Some(halves_per_second) = rate {
                let resource = consumed.table.index(name);
                payers.push(Payer { uid: global.index.uid, resource, halves_per_second, cost: *cost });
            }
        }
        self.take(now, meta.billing, consumed.access, &payers)
    }

    fn take(&self, now: Duration, billing: BillingMode, access: Access, payers: &[Payer]) -> Result<()> {
        if payers.is_empty() {
            return Ok(());
        }
        let mut buckets = self.0.lock();
        let mut reasons = Vec::new();
        for payer in payers {
            let bucket = bucket(&mut buckets, now, access, payer);
            if bucket.tokens.check(now).is_err() {
                reasons.push(reason(billing, access, payer));
            }
        }
        if !reasons.is_empty() {
            return Err(match billing {
                BillingMode::Provisioned => Error::ProvisionedThroughputExceeded { reasons },
                BillingMode::PayPerRequest => Error::Throttling { reasons },
            });
        }
        for payer in payers {
            bucket(&mut buckets, now, access, payer).tokens.charge(now, payer.cost.halves());
        }
        Ok(())
    }
}

/// A rate that has changed since begins with a full bucket.
fn bucket<'a>(
    buckets: &'a mut HashMap<(IndexUid, bool), Bucket>,
    now: Duration,
    access: Access,
    payer: &Payer,
) -> &'a mut Bucket {
    let new = || {
        let rate = payer.halves_per_second;
        let tokens = TokenBucket::new(rate.saturating_mul(BURST_SECONDS), rate, now);
        Bucket { halves_per_second: rate, tokens }
    };
    let bucket = buckets.entry((payer.uid, access == Access::Write)).or_insert_with(new);
    if bucket.halves_per_second != payer.halves_per_second {
        *bucket = new();
    }
    bucket
}

/// In halves of a unit each second; `None` if there is no limit.
fn rate(billing: BillingMode, provisioned: Units, limits: OnDemandThroughput, access: Access) -> Option<u64> {
    let units = match (billing, access) {
        (BillingMode::Provisioned, Access::Read) => Some(provisioned.read),
        (BillingMode::Provisioned, Access::Write) => Some(provisioned.write),
        (BillingMode::PayPerRequest, Access::Read) => limits.read_max,
        (BillingMode::PayPerRequest, Access::Write) => limits.write_max,
    };
    units.map(|units| units.saturating_mul(2))
}

fn reason(billing: BillingMode, access: Access, payer: &Payer) -> ThrottlingReason {
    let what = if payer.uid == TABLE { "Table" } else { "Index" };
    let access = if access == Access::Read { "Read" } else { "Write" };
    let limit = match billing {
        BillingMode::Provisioned => "ProvisionedThroughputExceeded",
        BillingMode::PayPerRequest => "MaxOnDemandThroughputExceeded",
    };
    ThrottlingReason { reason: format!("{what}{access}{limit}"), resource: payer.resource.clone() }
}
