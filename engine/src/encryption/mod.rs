//! Encryption at rest: the master key, the data keys under it, and who holds which.
//!
//! The records of an encrypted stream lie in storage under a data key of that stream and of one epoch of it. An
//! epoch begins whenever encryption is started, be it again and with the same key. Data keys lie in storage as
//! well, wrapped by the master key, which comes from outside and never goes there.
//!
//! Names of KMS keys are names and nothing else: all data keys are wrapped by the one master key.
//!
//! Not here: what of a block is encrypted ([`crate::record_block`]), and the calls that start and stop encryption
//! ([`crate::operations::encryption`]).

pub(crate) mod data_key;
pub(crate) mod key_name;
pub(crate) mod keyring;
pub(crate) mod master_key;
pub(crate) mod recovery;
pub(crate) mod source;
pub(crate) mod state;
pub(crate) mod vault;

use std::num::NonZeroU32;

/// Counts the data keys of a stream, from 1 on. None is given twice.
pub(crate) type Epoch = NonZeroU32;

/// Bytes of every key here.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a nonce of AES-GCM-SIV.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes by which a ciphertext is longer than what was encrypted.
pub(crate) const TAG_BYTES: usize = 16;
