//! `27 ‖ account ‖ 0 ‖ region ‖ 0 ‖ token` → a transaction that was carried out, and
//! `28 ‖ milliseconds u64 ‖ the rest of that key` → when it may be forgotten.

use bytes::{BufMut, Bytes, BytesMut};
use millstream_model::{AccountId, Region, Timestamp};
use prost::Message;

use super::{TOKEN, TOKEN_EXPIRY, corrupt, owned_key};
use crate::Result;

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct TokenRow {
    /// A digest of what the transaction was asked to do.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) fingerprint: Bytes,
    #[prost(uint64, tag = "2")]
    pub(crate) expires_millis: u64,
    /// What asking for the same again costs, in halves of a read unit: for each action of the transaction, in its order.
    #[prost(uint64, repeated, tag = "3")]
    pub(crate) costs_again: Vec<u64>,
}

pub(crate) fn token_key(account: &AccountId, region: &Region, token: &str) -> Bytes {
    owned_key(TOKEN, account.as_str(), region.as_str(), token)
}

pub(crate) fn expiry_key(expires: Timestamp, token_key: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(8 + token_key.len());
    key.put_u8(TOKEN_EXPIRY);
    key.put_u64(expires.as_millis());
    key.put_slice(token_key.get(1..).unwrap_or_default());
    key.freeze()
}

/// The time and the token's key of an expiry key.
pub(crate) fn split_expiry_key(key: &[u8]) -> Option<(Timestamp, Bytes)> {
    let (millis, rest) = key.get(1..)?.split_first_chunk::<8>()?;
    let token = [&[TOKEN], rest].concat();
    Some((Timestamp::from_millis(u64::from_be_bytes(*millis)), token.into()))
}

pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<TokenRow> {
    TokenRow::decode(row).map_err(|_| corrupt("a transaction's token", key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_leads_to_its_token() {
        let key = token_key(&"000000000000".parse().unwrap(), &"us-east-1".parse().unwrap(), "token");
        let at = Timestamp::from_millis(77);
        assert_eq!(split_expiry_key(&expiry_key(at, &key)), Some((at, key)));
        assert_eq!(split_expiry_key(&[TOKEN_EXPIRY, 1]), None);
    }
}
