//! What is run: the whole comparison in one table.

/// The figure by which a workload is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    RequestsPerSecond,
    RecordsPerSecond,
    UserMbPerSecond,
    /// Less is better.
    P99,
}

impl Figure {
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::RequestsPerSecond => "requests/s",
            Self::RecordsPerSecond => "records/s",
            Self::UserMbPerSecond => "MB/s of user data",
            Self::P99 => "p99 in ms",
        }
    }
}

/// One way to load a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) figure: Figure,
    /// As after `millstream bench`; duration and target are added.
    pub(super) flags: &'static str,
    pub(super) who: Who,
    /// Measure fdatasync on the same disk between the servers.
    pub(super) disk_beside: bool,
}

/// Whom a workload makes sense for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Everyone,
    /// Large fills: kinesalite's heap does not hold them, and ferrokinesis' log is only read at its start.
    LargeFills,
}

impl Who {
    pub(super) fn includes(self, peer: &str) -> bool {
        match self {
            Self::Everyone => true,
            Self::LargeFills => ["millstream", "millstream-memory", "ferrokinesis-memory"].contains(&peer),
        }
    }
}

const fn throughput(id: &'static str, title: &'static str, figure: Figure, flags: &'static str) -> Workload {
    Workload { id, title, figure, flags, who: Who::Everyone, disk_beside: false }
}

#[rustfmt::skip] // a table
pub(super) const WORKLOADS: &[Workload] = &[
    throughput("put-100-json", "PutRecords, 100 x 1 KiB, JSON", Figure::RecordsPerSecond,
        "put --batch 100 --record-size 1024 --connections 16 --shards 4 --protocol json"),
    throughput("put-500-json", "PutRecords, 500 x 1 KiB, JSON", Figure::RecordsPerSecond,
        "put --batch 500 --record-size 1024 --connections 16 --shards 4 --protocol json"),
    throughput("put-100-cbor", "PutRecords, 100 x 1 KiB, CBOR", Figure::RecordsPerSecond,
        "put --batch 100 --record-size 1024 --connections 16 --shards 4 --protocol cbor"),
    throughput("put-500-cbor", "PutRecords, 500 x 1 KiB, CBOR", Figure::RecordsPerSecond,
        "put --batch 500 --record-size 1024 --connections 16 --shards 4 --protocol cbor"),
    throughput("put-1-json", "PutRecord, 1 KiB, 64 connections, JSON", Figure::RequestsPerSecond,
        "put --batch 1 --record-size 1024 --connections 64 --shards 4 --protocol json"),
    Workload { disk_beside: true, ..throughput(
        "put-1-rate", "PutRecord, 1 KiB, 1,000 a second", Figure::P99,
        "put --batch 1 --record-size 1024 --connections 64 --rate 1000 --shards 4 --protocol json") },
    throughput("get-tail-json", "GetRecords of recent records, JSON", Figure::UserMbPerSecond,
        "get --fill-mib 32 --record-size 1024 --connections 4 --shards 4 --protocol json"),
    throughput("get-tail-cbor", "GetRecords of recent records, CBOR", Figure::UserMbPerSecond,
        "get --fill-mib 32 --record-size 1024 --connections 4 --shards 4 --protocol cbor"),
    Workload { who: Who::LargeFills, ..throughput(
        "get-disk-json", "GetRecords, catching up on 2 GiB, JSON", Figure::UserMbPerSecond,
        "get --fill-mib 2048 --record-size 1024 --connections 4 --shards 4 --protocol json") },
    Workload { who: Who::LargeFills, ..throughput(
        "get-disk-cbor", "GetRecords, catching up on 2 GiB, CBOR", Figure::UserMbPerSecond,
        "get --fill-mib 2048 --record-size 1024 --connections 4 --shards 4 --protocol cbor") },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::peers::catalogue::PEERS;
    use crate::peers::workload_of;

    #[test]
    fn every_workload_can_be_run() {
        for workload in WORKLOADS {
            workload_of(workload, &[]).unwrap();
            assert!(PEERS.iter().any(|peer| workload.who.includes(peer.id)));
        }
        assert_eq!(WORKLOADS.iter().map(|w| w.id).collect::<HashSet<_>>().len(), WORKLOADS.len());
        assert_eq!(PEERS.iter().map(|peer| peer.id).collect::<HashSet<_>>().len(), PEERS.len());
    }
}
