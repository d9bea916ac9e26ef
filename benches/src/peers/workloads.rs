//! What is run: each comparison in one table.

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
    /// Servers that cannot take part, and why.
    pub(super) absent: &'static [Absent],
    /// Measure fdatasync on the same disk between the servers.
    pub(super) disk_beside: bool,
}

/// A server that a workload leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Absent {
    /// The beginning of its id; both modes of a server share it.
    pub(super) peer: &'static str,
    pub(super) reason: &'static str,
}

impl Workload {
    pub(super) fn includes(&self, peer: &str) -> bool {
        !self.absent.iter().any(|absent| peer.starts_with(absent.peer))
    }
}

const NOBODY: &[Absent] = &[];
const NO_CBOR: Absent = Absent {
    peer: "kinesalite",
    reason: "kinesalite takes data in CBOR but gives it back as a list of numbers",
};
const READS_MEMORY: Absent = Absent {
    peer: "ferrokinesis-durable",
    reason: "ferrokinesis reads from memory in either mode, and with its log takes minutes to fill",
};
const HEAP_TOO_SMALL: Absent =
    Absent { peer: "kinesalite", reason: "the heap of kinesalite does not hold so much" };

const fn workload(
    id: &'static str,
    title: &'static str,
    figure: Figure,
    flags: &'static str,
    absent: &'static [Absent],
) -> Workload {
    Workload { id, title, figure, flags, absent, disk_beside: false }
}

#[rustfmt::skip] // a table
pub(super) const WORKLOADS: &[Workload] = &[
    workload("put-100-json", "PutRecords, 100 x 1 KiB, JSON", Figure::RecordsPerSecond,
        "put --batch 100 --record-size 1024 --connections 16 --shards 4 --protocol json", NOBODY),
    workload("put-500-json", "PutRecords, 500 x 1 KiB, JSON", Figure::RecordsPerSecond,
        "put --batch 500 --record-size 1024 --connections 16 --shards 4 --protocol json", NOBODY),
    workload("put-100-cbor", "PutRecords, 100 x 1 KiB, CBOR", Figure::RecordsPerSecond,
        "put --batch 100 --record-size 1024 --connections 16 --shards 4 --protocol cbor", &[NO_CBOR]),
    workload("put-500-cbor", "PutRecords, 500 x 1 KiB, CBOR", Figure::RecordsPerSecond,
        "put --batch 500 --record-size 1024 --connections 16 --shards 4 --protocol cbor", &[NO_CBOR]),
    workload("put-1-json", "PutRecord, 1 KiB, 64 connections, JSON", Figure::RequestsPerSecond,
        "put --batch 1 --record-size 1024 --connections 64 --shards 4 --protocol json", NOBODY),
    Workload { disk_beside: true, ..workload(
        "put-1-rate", "PutRecord, 1 KiB, 1,000 a second, JSON", Figure::P99,
        "put --batch 1 --record-size 1024 --connections 64 --rate 1000 --shards 4 --protocol json", NOBODY) },
    workload("get-tail-json", "GetRecords of recent records, JSON", Figure::UserMbPerSecond,
        "get --fill-mib 32 --record-size 1024 --connections 4 --shards 4 --protocol json", &[READS_MEMORY]),
    workload("get-tail-cbor", "GetRecords of recent records, CBOR", Figure::UserMbPerSecond,
        "get --fill-mib 32 --record-size 1024 --connections 4 --shards 4 --protocol cbor",
        &[READS_MEMORY, NO_CBOR]),
    workload("get-disk-json", "GetRecords, catching up on 2 GiB, JSON", Figure::UserMbPerSecond,
        "get --fill-mib 2048 --record-size 1024 --connections 4 --shards 4 --protocol json",
        &[READS_MEMORY, HEAP_TOO_SMALL]),
    workload("get-disk-cbor", "GetRecords, catching up on 2 GiB, CBOR", Figure::UserMbPerSecond,
        "get --fill-mib 2048 --record-size 1024 --connections 4 --shards 4 --protocol cbor",
        &[READS_MEMORY, NO_CBOR]),
];

#[rustfmt::skip] // a table
pub(super) const TABLE_WORKLOADS: &[Workload] = &[
    Workload { disk_beside: true, ..workload(
        "update-legacy", "Conditional UpdateItem, 32 connections, as the KCL spells it", Figure::RequestsPerSecond,
        "table --mode update --connections 32 --items 10000 --spelling legacy", NOBODY) },
    workload("update-expression", "Conditional UpdateItem, 32 connections, with expressions",
        Figure::RequestsPerSecond,
        "table --mode update --connections 32 --items 10000 --spelling expression", NOBODY),
    workload("renew", "10,000 leases of 20 workers, each of which renews all its leases every 3 s", Figure::P99,
        "table --mode renew --connections 32 --items 10000 --workers 20 --period 3s --spelling legacy", NOBODY),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::peers::catalogue::{PEERS, Peer, TABLE_PEERS};
    use crate::peers::stage::workload_of;

    #[test]
    fn every_workload_can_be_run() {
        let contests: [(&[Workload], &[Peer]); 2] = [(WORKLOADS, PEERS), (TABLE_WORKLOADS, TABLE_PEERS)];
        for (workloads, peers) in contests {
            for workload in workloads {
                workload_of(workload, &[]).unwrap();
                for absent in workload.absent {
                    assert!(peers.iter().any(|peer| peer.id.starts_with(absent.peer)), "{}", absent.peer);
                }
                assert!(peers.iter().any(|peer| workload.includes(peer.id)));
            }
            assert_eq!(workloads.iter().map(|w| w.id).collect::<HashSet<_>>().len(), workloads.len());
            assert_eq!(peers.iter().map(|peer| peer.id).collect::<HashSet<_>>().len(), peers.len());
        }
    }
}
