//! A change as readers of a stream, or of a Kinesis stream that gets it, see it.

use md5::{Digest, Md5};

use super::shards::sequence_number;
use crate::change_log::Change;
use crate::item::Item;
use crate::keyspace::{Sequence, TableUid};
use crate::meta::StreamView;

/// A record, but for what its stream's ARN says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRecord {
    /// 32 hexadecimal digits, the same whenever the record is read.
    pub event_id: String,
    /// 21 digits.
    pub sequence_number: String,
    pub change: Change,
    /// Bytes of the keys and of the images that are shown.
    pub size_bytes: u64,
    pub view: StreamView,
}

impl StreamRecord {
    pub(crate) fn of(table: TableUid, sequence: Sequence, change: Change, view: StreamView) -> Self {
        Self {
            event_id: event_id(table, sequence),
            sequence_number: sequence_number(sequence),
            size_bytes: size(&change),
            change,
            view,
        }
    }
}

/// The same for a change wherever it is read.
pub(crate) fn event_id(table: TableUid, sequence: Sequence) -> String {
    let digest: [u8; 16] =
        Md5::new().chain_update(table.to_be_bytes()).chain_update(sequence.to_be_bytes()).finalize().into();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of the keys and of the images.
pub(crate) fn size(change: &Change) -> u64 {
    let images = change.old.iter().chain(&change.new).map(Item::size).sum::<usize>();
    (change.keys.size() + images) as u64
}
