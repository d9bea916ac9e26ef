//! Millstream's gRPC wire beside its AWS wire: the same work, from the harness's own generator.

use crate::peers::catalogue::{PEERS, Peer};
use crate::peers::workloads::{Figure, Workload};

/// The server, on disk.
pub(super) const MILLSTREAM: &Peer = &PEERS[0];

const fn workload(id: &'static str, title: &'static str, figure: Figure, flags: &'static str) -> Workload {
    Workload { id, title, figure, flags, absent: &[], disk_beside: false }
}

pub(super) const PUT_GRPC: Workload = workload(
    "wire-put-grpc",
    "PutStream",
    Figure::RecordsPerSecond,
    "put --grpc --batch 500 --record-size 1024 --connections 4 --unanswered 8 --shards 4",
);
pub(super) const PUT_CBOR: Workload = workload(
    "wire-put-cbor",
    "PutRecords, CBOR",
    Figure::RecordsPerSecond,
    "put --batch 500 --record-size 1024 --connections 16 --shards 4 --protocol cbor",
);
pub(super) const READ_GRPC: Workload = workload(
    "wire-read-grpc",
    "Subscribe, one reader",
    Figure::UserMbPerSecond,
    "push --grpc --fill-mib 4096 --batch 500 --record-size 1024 --shards 1 --consumers 1 --protocol cbor",
);
pub(super) const PUSH_GRPC: Workload = workload(
    "wire-push-grpc",
    "PutStream to Subscribe, 1,000 records a second",
    Figure::P99,
    "push --grpc --rate 1000 --batch 1 --record-size 1024 --writers 16 --shards 4 --consumers 1",
);
pub(super) const PUSH_AWS: Workload = workload(
    "wire-push-aws",
    "PutRecord to SubscribeToShard, 1,000 records a second",
    Figure::P99,
    "push --rate 1000 --batch 1 --record-size 1024 --writers 16 --shards 4 --consumers 1",
);

pub(super) const WORKLOADS: &[Workload] = &[PUT_GRPC, PUT_CBOR, READ_GRPC, PUSH_GRPC, PUSH_AWS];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::catalogue::BASELINE;
    use crate::peers::stage::workload_of;

    #[test]
    fn every_workload_can_be_run() {
        for workload in WORKLOADS {
            workload_of(workload, &[]).unwrap();
        }
        assert_eq!(MILLSTREAM.id, BASELINE);
        assert!(MILLSTREAM.durability.starts_with("on disk"));
    }
}
