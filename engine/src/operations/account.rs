//! DescribeAccountSettings and UpdateAccountSettings.

use millstream_model::{AccountId, Region};
use millstream_storage::WriteSet;

use crate::account::{CommitmentDescription, CommitmentStatus};
use crate::call_limits::Call;
use crate::engine::{Engine, Inner};
use crate::error::{Error, Result};
use crate::keyspace::account_row::{self, account_key};

impl Engine {
    /// Whether an account is committed to a minimum throughput in a region.
    pub fn describe_account_settings(
        &self,
        account: &AccountId,
        region: &Region,
    ) -> Result<CommitmentDescription> {
        self.inner.admit_account(Call::DescribeAccountSettings, account, region)?;
        Ok(self.inner.accounts.commitment(account, region).describe(self.inner.now()))
    }

    /// Commits an account to a minimum throughput, or ends that: after 24 hours at the earliest, and not while a
    /// stream is kept warm. To ask for what is so already changes nothing.
    pub async fn update_account_settings(
        &self,
        account: &AccountId,
        region: &Region,
        is_committed: bool,
    ) -> Result<CommitmentDescription> {
        self.inner.admit_account(Call::UpdateAccountSettings, account, region)?;
        let (account, region) = (account.clone(), region.clone());
        self.carry_through("update of an account", move |engine| async move {
            let inner = &engine.inner;
            let _control = inner.control.lock().await;
            let now = inner.now();
            let before = inner.accounts.commitment(&account, &region);
            let after = match is_committed {
                true => before.enable(now),
                false => {
                    inner.check_nothing_is_warm(&account, &region)?;
                    before.disable(now)
                }
            };
            if after != before {
                let mut writes = WriteSet::new();
                writes.put(account_key(&account, &region), account_row::encode(after));
                inner.store_change(writes).await?;
                inner.accounts.set(account, region, after);
            }
            Ok(after.describe(now))
        })
        .await
    }

    /// Whether the account's on-demand streams in the region are "Advantage": it is committed to a minimum throughput.
    #[must_use]
    pub fn is_advantage(&self, account: &AccountId, region: &Region) -> bool {
        self.inner.is_advantage(account, region)
    }
}

impl Inner {
    pub(crate) fn is_advantage(&self, account: &AccountId, region: &Region) -> bool {
        self.accounts.commitment(account, region).status(self.now()) != CommitmentStatus::Disabled
    }

    fn check_nothing_is_warm(&self, account: &AccountId, region: &Region) -> Result<()> {
        let now = self.now();
        let streams = self.catalog.of(account, region);
        let is_warm =
            |meta: &crate::stream::StreamMeta| meta.capacity.warm_mib > 0 && meta.status(now).is_some();
        match streams.iter().find(|stream| is_warm(&stream.meta())) {
            None => Ok(()),
            Some(stream) => Err(Error::Validation(format!(
                "MinimumThroughputBillingCommitment cannot be disabled while streams have warm throughput. Set the \
                 warm throughput of stream {} under account {account} to 0 first.",
                stream.arn.name
            ))),
        }
    }
}
