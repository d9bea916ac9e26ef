//! The streams in memory, by name and by uid.
//!
//! Only streams that are persisted are in here, and a stream is removed once its deletion is persisted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use millstream_model::{AccountId, Region, StreamArn};
use parking_lot::RwLock;

use crate::keyspace::StreamUid;
use crate::stream::Stream;

#[derive(Debug, Default)]
pub(crate) struct Catalog(RwLock<Streams>);

#[derive(Debug, Default)]
struct Streams {
    by_arn: BTreeMap<StreamArn, Arc<Stream>>,
    by_uid: HashMap<StreamUid, Arc<Stream>>,
}

impl Catalog {
    pub(crate) fn insert(&self, stream: Stream) {
        let stream = Arc::new(stream);
        let mut streams = self.0.write();
        streams.by_uid.insert(stream.uid, stream.clone());
        streams.by_arn.insert(stream.arn.clone(), stream);
    }

    pub(crate) fn remove(&self, stream: &Stream) {
        let mut streams = self.0.write();
        streams.by_uid.remove(&stream.uid);
        streams.by_arn.remove(&stream.arn);
    }

    /// Forgets all streams, and gives them.
    pub(crate) fn clear(&self) -> Vec<Arc<Stream>> {
        let mut streams = self.0.write();
        streams.by_uid.clear();
        std::mem::take(&mut streams.by_arn).into_values().collect()
    }

    pub(crate) fn by_arn(&self, arn: &StreamArn) -> Option<Arc<Stream>> {
        self.0.read().by_arn.get(arn).cloned()
    }

    pub(crate) fn by_uid(&self, uid: StreamUid) -> Option<Arc<Stream>> {
        self.0.read().by_uid.get(&uid).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Stream>> {
        self.0.read().by_arn.values().cloned().collect()
    }

    /// The streams of an account in a region, by name.
    pub(crate) fn of(&self, account: &AccountId, region: &Region) -> Vec<Arc<Stream>> {
        let streams = self.0.read();
        let of_owner = |stream: &&Arc<Stream>| stream.arn.account == *account && stream.arn.region == *region;
        streams.by_arn.values().filter(of_owner).cloned().collect()
    }
}
