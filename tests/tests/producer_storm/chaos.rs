//! What happens to the server: calls and entries that fail for no reason, splits, merges, and ends without warning.

use std::time::Duration;

use millstream_tests::Server;
use millstream_tests::admin::Admin;
use millstream_tests::random::Random;
use millstream_tests::server::pause_for;
use millstream_tests::wire::{Failure, Wire};
use serde_json::{Value, json};

use crate::STREAM;

const SHARDS_MIN: usize = 6;
const SHARDS_MAX: usize = 24;
/// One in so many things that happen is an end of the server.
const KILL_ONCE_IN: u64 = 4;
/// Five splits and merges a second are allowed.
const CONTROL_PAUSE: Duration = Duration::from_millis(250);
const CONTROL_ATTEMPTS: usize = 40;

pub(crate) struct Chaos {
    server: Server,
    random: Random,
    passed: Passed,
}

/// What has happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    splits: usize,
    merges: usize,
    kills: usize,
}

impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { splits, merges, kills } = self;
        write!(f, "{splits} splits, {merges} merges, {kills} kills")
    }
}

struct Shard {
    id: String,
    start: u128,
    end: u128,
}

impl Chaos {
    pub(crate) fn new(server: Server, random: Random) -> Self {
        let mut chaos = Self { server, random, passed: Passed::default() };
        chaos.break_calls();
        chaos
    }

    /// Something happens.
    pub(crate) fn strike(&mut self) {
        // One of each comes first, so that a short run has all.
        let is_kill = match (self.passed.kills, self.passed.splits + self.passed.merges) {
            (0, 2..) => true,
            _ => self.random.once_in(KILL_ONCE_IN),
        };
        if is_kill {
            self.server.kill();
            self.server.restart();
            self.passed.kills += 1;
            self.break_calls();
        } else {
            self.reshard();
        }
    }

    /// Nothing fails any more, so that what is left can be put.
    pub(crate) fn end(&mut self) {
        Admin(self.server.admin_address()).delete("/admin/faults");
    }

    pub(crate) fn stop(mut self) -> Passed {
        let Passed { splits, merges, kills } = self.passed;
        assert!(splits > 0 && merges > 0 && kills > 0, "{}", self.passed);
        assert!(self.server.terminate().success());
        self.passed
    }

    /// Rules are forgotten when a server ends.
    fn break_calls(&mut self) {
        let put = |mut rule: Value| {
            rule["operation"] = "PutRecords".into();
            rule["seed"] = self.random.below(1 << 32).into();
            rule
        };
        let rules = [
            json!({ "entries": true, "probability": 0.02, "error": "throttling" }),
            json!({ "entries": true, "probability": 0.02, "error": "internal" }),
            json!({ "probability": 0.02, "error": "internal" }),
            json!({ "probability": 0.05, "latency_ms": 50, "jitter_ms": 100 }),
            // What it happens to is given up: it is not tried again.
            json!({ "entries": true, "call": 50, "error": "KMSDisabledException" }),
        ]
        .map(put);
        Admin(self.server.admin_address()).post("/admin/faults", &Value::from_iter(rules));
    }

    fn reshard(&mut self) {
        let mut wire = Wire::connect(self.server.address()).unwrap();
        let shards = open_shards(&mut wire);
        let is_merge = match shards.len() {
            ..SHARDS_MIN => false,
            SHARDS_MAX.. => true,
            _ => match (self.passed.splits, self.passed.merges) {
                (0, _) => false,
                (_, 0) => true,
                _ => self.random.once_in(2),
            },
        };
        let place = usize::try_from(self.random.below(shards.len() as u64 - 1)).unwrap();
        if is_merge {
            let neighbours = json!({
                "StreamName": STREAM,
                "ShardToMerge": shards[place].id,
                "AdjacentShardToMerge": shards[place + 1].id,
            });
            change(&mut wire, "MergeShards", &neighbours);
            self.passed.merges += 1;
        } else {
            let Shard { id, start, end } = &shards[place];
            let middle = start + (end - start) / 8 * u128::from(self.random.within(1..8));
            let split = json!({
                "StreamName": STREAM,
                "ShardToSplit": id,
                "NewStartingHashKey": middle.max(start + 1).to_string(),
            });
            change(&mut wire, "SplitShard", &split);
            self.passed.splits += 1;
        }
    }
}

/// Faithful limits hold for changes as well.
fn change(wire: &mut Wire, operation: &str, input: &Value) {
    for _ in 0..CONTROL_ATTEMPTS {
        match wire.call(operation, input) {
            Ok(_) => return,
            Err(Failure::Refused { text, .. }) if text.contains("LimitExceededException") => {
                pause_for(CONTROL_PAUSE);
            }
            Err(failure) => panic!("{operation}: {failure}"),
        }
    }
    panic!("{operation} is never allowed");
}

/// In the order of their ranges.
fn open_shards(wire: &mut Wire) -> Vec<Shard> {
    let latest = json!({ "StreamName": STREAM, "ShardFilter": { "Type": "AT_LATEST" } });
    let listed = wire.call("ListShards", &latest).unwrap();
    let shard = |listed: &Value| {
        let key = |name: &str| listed["HashKeyRange"][name].as_str().unwrap().parse().unwrap();
        Shard {
            id: listed["ShardId"].as_str().unwrap().to_owned(),
            start: key("StartingHashKey"),
            end: key("EndingHashKey"),
        }
    };
    let mut shards: Vec<_> = listed["Shards"].as_array().unwrap().iter().map(shard).collect();
    shards.sort_by_key(|shard| shard.start);
    shards
}
