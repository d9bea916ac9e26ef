//! What Millstream's gRPC wire is to reach, and what it reached.

use super::wires::{PUSH_GRPC, PUT_CBOR, PUT_GRPC, READ_GRPC};
use crate::peers::comparison::{Comparison, Standing};
use crate::peers::workloads::Workload;
use crate::report::figure;

/// How many times the records of PutRecords in CBOR a PutStream call takes in the same processor time.
const TIMES_OF_CBOR: f64 = 2.0;
const PUT_MB_PER_SECOND: f64 = 250.0;
const READ_MB_PER_SECOND: f64 = 500.0;
const PUSH_P50_MS: f64 = 0.5;

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Goal {
    pub(super) words: String,
    pub(super) reached: String,
    pub(super) met: bool,
}

/// What was not measured is no goal.
pub(super) fn goals(wires: &Comparison) -> Vec<Goal> {
    let standing = |workload: &Workload| wires.peers.first().and_then(|peer| wires.standing(workload, peer));
    let (grpc, cbor) = (standing(&PUT_GRPC), standing(&PUT_CBOR));
    let efficiency = grpc.as_ref().zip(cbor.as_ref()).map(|(grpc, cbor)| {
        at_least(
            "the records of PutRecords over CBOR in the same processor time of the server, times",
            TIMES_OF_CBOR,
            records_per_cpu_second(grpc) / records_per_cpu_second(cbor).max(f64::MIN_POSITIVE),
        )
    });
    let put = grpc.map(|grpc| {
        at_least("durable, over PutStream, MB/s", PUT_MB_PER_SECOND, grpc.summary.user_mb_per_second.median)
    });
    let read = standing(&READ_GRPC).map(|read| {
        at_least(
            "to one reader, over Subscribe, MB/s",
            READ_MB_PER_SECOND,
            read.summary.user_mb_per_second.median,
        )
    });
    let push = standing(&PUSH_GRPC).map(|push| {
        at_most(
            "from put to push at 1,000 records a second, p50, ms",
            PUSH_P50_MS,
            push.summary.p50_ms.median,
        )
    });
    [efficiency, put, read, push].into_iter().flatten().collect()
}

/// Of the server.
pub(super) fn records_per_cpu_second(standing: &Standing) -> f64 {
    standing.summary.records_per_second.median / standing.target_cores.median.max(f64::MIN_POSITIVE)
}

fn at_least(words: &str, least: f64, reached: f64) -> Goal {
    let words = format!("{words}: at least {}", figure(least));
    Goal { words, reached: figure(reached), met: reached >= least }
}

fn at_most(words: &str, most: f64, reached: f64) -> Goal {
    let words = format!("{words}: at most {}", figure(most));
    Goal { words, reached: figure(reached), met: reached <= most }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_at_its_bound() {
        assert!(at_least("a", 2.0, 2.0).met && !at_least("a", 2.0, 1.99).met);
        assert!(at_most("a", 0.5, 0.5).met && !at_most("a", 0.5, 0.51).met);
        assert_eq!(at_least("MB/s", 250.0, 300.4).words, "MB/s: at least 250");
        assert_eq!(at_least("MB/s", 250.0, 300.4).reached, "300");
    }
}
