//! `09 ‖ account ‖ 0 ‖ region` → what an account has set in a region.

use bytes::Bytes;
use millstream_model::{AccountId, Region, Timestamp};
use millstream_storage::KeyRange;
use prost::Message;

use super::{ACCOUNT, corrupt};
use crate::Result;
use crate::account::Commitment;

#[derive(Clone, PartialEq, Message)]
struct Row {
    /// Absent where there never was a commitment.
    #[prost(uint64, optional, tag = "1")]
    commitment_started_millis: Option<u64>,
    /// When it ends, or has ended.
    #[prost(uint64, optional, tag = "2")]
    commitment_ends_millis: Option<u64>,
}

pub(crate) fn account_key(account: &AccountId, region: &Region) -> Bytes {
    [&[ACCOUNT], account.as_str().as_bytes(), &[0], region.as_str().as_bytes()].concat().into()
}

pub(crate) fn all() -> KeyRange {
    KeyRange::prefix(&[ACCOUNT])
}

pub(crate) fn encode(commitment: Commitment) -> Bytes {
    let Commitment { started, ends } = commitment;
    let row = Row {
        commitment_started_millis: started.map(Timestamp::as_millis),
        commitment_ends_millis: ends.map(Timestamp::as_millis),
    };
    row.encode_to_vec().into()
}

/// The account and the region that a row speaks of.
pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<(AccountId, Region, Commitment)> {
    try_decode(key, row).ok_or_else(|| corrupt("an account's row", key))
}

fn try_decode(key: &[u8], row: &[u8]) -> Option<(AccountId, Region, Commitment)> {
    let (account, region) = std::str::from_utf8(key.get(1..)?).ok()?.split_once('\0')?;
    let row = Row::decode(row).ok()?;
    let commitment = Commitment {
        started: row.commitment_started_millis.map(Timestamp::from_millis),
        ends: row.commitment_ends_millis.map(Timestamp::from_millis),
    };
    Some((account.parse().ok()?, region.parse().ok()?, commitment))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(account in "[0-9]{12}", region in "[a-z0-9-]{1,20}", started: Option<u64>, ends: Option<u64>) {
            let (account, region) = (account.parse().unwrap(), region.parse().unwrap());
            let time = |millis: Option<u64>| millis.map(Timestamp::from_millis);
            let commitment = Commitment { started: time(started), ends: time(ends) };
            let read = decode(&account_key(&account, &region), &encode(commitment));
            prop_assert_eq!(read, Ok((account, region, commitment)));
        }

        #[test]
        fn other_bytes_are_refused(key in prop::collection::vec(any::<u8>(), 0..40), row in prop::collection::vec(any::<u8>(), 0..30)) {
            let _ = decode(&key, &row);
        }
    }
}
