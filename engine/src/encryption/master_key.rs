//! The key that wraps all data keys of a store.

use std::fmt;

use aes_gcm_siv::aead::{Aead, AeadInOut, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use zeroize::Zeroizing;

use super::data_key::Unauthentic;
use super::{Epoch, KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::keyspace::StreamUid;
use crate::keyspace::data_key_row::WrappedKey;
use crate::keyspace::stream_row::stream_key;
use millstream_model::StreamArn;

/// 256 bits that come from the operator. Wiped from memory when dropped, and never shown.
#[derive(Clone)]
pub struct MasterKey {
    cipher: Aes256GcmSiv,
    fingerprint: Fingerprint,
}

/// Tells master keys apart and nothing else about them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) [u8; TAG_BYTES]);

/// Whose data key one is. A wrapped key is bound to this, so that no stream can be given another's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) arn: &'a StreamArn,
    pub(crate) uid: StreamUid,
    pub(crate) epoch: Epoch,
}

impl MasterKey {
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let cipher = Aes256GcmSiv::new(key.into());
        // The tag of an empty message: as hard to guess from the key as the key is from it. A random nonce is not
        // all zeroes, and if one were, what goes along would still be another.
        let tag = cipher.encrypt_inout_detached(
            &Nonce::default(),
            b"fingerprint of a master key",
            (&mut [][..]).into(),
        );
        let fingerprint = Fingerprint(tag.map(Into::into).unwrap_or_default());
        Self { cipher, fingerprint }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Wraps a data key. The nonce must be random: one master key may serve several stores, and many years.
    pub(crate) fn wrap(
        &self,
        owner: Owner<'_>,
        nonce: [u8; NONCE_BYTES],
        key: &[u8; KEY_BYTES],
    ) -> Option<WrappedKey> {
        let payload = Payload { msg: key, aad: &owner.encode() };
        let key = self.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(WrappedKey { fingerprint: self.fingerprint, nonce, key: key.try_into().ok()? })
    }

    /// Fails for a key that was changed, that another key wrapped, or that is another stream's or epoch's.
    pub(crate) fn unwrap(
        &self,
        owner: Owner<'_>,
        wrapped: &WrappedKey,
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, Unauthentic> {
        let payload = Payload { msg: &wrapped.key, aad: &owner.encode() };
        let plain = self.cipher.decrypt(&Nonce::from(wrapped.nonce), payload).map_err(|_| Unauthentic)?;
        let plain = Zeroizing::new(plain);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(plain.get(..KEY_BYTES).ok_or(Unauthentic)?);
        Ok(key)
    }
}

impl Owner<'_> {
    /// The stream's key in storage stands for its ARN: it is persisted and so will not change, whereas an ARN's
    /// partition is what this program makes of a region.
    fn encode(self) -> Vec<u8> {
        let (uid, epoch) = (self.uid.to_be_bytes(), self.epoch.get().to_be_bytes());
        [b"data key".as_slice(), &uid, &epoch, &stream_key(self.arn)].concat()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arn(name: &str) -> StreamArn {
        format!("arn:aws:kinesis:us-east-1:000000000000:stream/{name}").parse().unwrap()
    }

    fn epoch(epoch: u32) -> Epoch {
        Epoch::new(epoch).unwrap()
    }

    #[test]
    fn a_wrapped_key_opens_for_its_owner_and_for_nobody_else() {
        let (orders, returns) = (arn("orders"), arn("returns"));
        let owner = Owner { arn: &orders, uid: 3, epoch: epoch(2) };
        let (master, other) = (MasterKey::new(&[1; 32]), MasterKey::new(&[2; 32]));
        let wrapped = master.wrap(owner, [9; NONCE_BYTES], &[7; 32]).unwrap();
        assert_eq!(*master.unwrap(owner, &wrapped).unwrap(), [7; 32]);
        assert_eq!(wrapped.fingerprint, master.fingerprint());
        assert_ne!(wrapped.fingerprint, other.fingerprint());
        assert!(other.unwrap(owner, &wrapped).is_err());
        for thief in
            [Owner { arn: &returns, ..owner }, Owner { uid: 4, ..owner }, Owner { epoch: epoch(1), ..owner }]
        {
            assert!(master.unwrap(thief, &wrapped).is_err(), "{thief:?}");
        }
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = format!("{:?}", MasterKey::new(&[0xab; 32]));
        assert!(!shown.contains("abab") && !shown.contains("171, 171"), "{shown}");
    }

    proptest! {
        #[test]
        fn a_changed_key_is_refused(key: [u8; 32], nonce: [u8; 12], byte in 0_usize..60, bit in 0_u32..8) {
            let (orders, master) = (arn("orders"), MasterKey::new(&[1; 32]));
            let owner = Owner { arn: &orders, uid: 3, epoch: epoch(2) };
            let mut wrapped = master.wrap(owner, nonce, &key).unwrap();
            prop_assert_eq!(*master.unwrap(owner, &wrapped).unwrap(), key);
            match byte.checked_sub(NONCE_BYTES) {
                None => wrapped.nonce[byte] ^= 1 << bit,
                Some(byte) => wrapped.key[byte] ^= 1 << bit,
            }
            prop_assert!(master.unwrap(owner, &wrapped).is_err());
        }
    }
}
