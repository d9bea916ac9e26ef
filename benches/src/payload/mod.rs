//! What is sent: records of random data under random keys, the request bodies that carry them or ask for them, and
//! leases with the requests that renew them.
//!
//! Of records, everything is made before the clock runs. Keys are random, so they spread over the shards as MD5 spreads
//! them; data is random, so nothing on the way can compress it.

mod body;
mod lease;
mod pool;
mod stamp;

use millstream_runtime::{Entropy, SharedEntropy};

pub(crate) use body::{Batch, get_records};
pub(crate) use lease::{Lease, Renewal};
pub(crate) use pool::{PutPool, PutShape};
pub(crate) use stamp::{Stamp, StampedBody};

const KEY_CHARS: usize = 16;

/// A record to put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Letters and digits only, so it stands in JSON as it is.
    pub(crate) partition_key: String,
    pub(crate) data: Vec<u8>,
}

impl Record {
    pub(crate) fn random(entropy: &SharedEntropy, data_bytes: usize) -> Self {
        let mut data = vec![0; data_bytes];
        entropy.fill(&mut data);
        Self { partition_key: random_name(entropy.as_ref(), KEY_CHARS), data }
    }
}

/// Lower-case letters and digits.
pub(crate) fn random_name(entropy: &dyn Entropy, chars: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = vec![0; chars];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
