//! A lease, as it is shown: KCL's names of attributes as far as it has them.

use std::fmt::{Display, Write};

use millstream_lease::Lease;
use serde::Serialize;

use super::lag::Lag;
use super::sighting::State;
use crate::output::printable;

/// What everybody wants to know first.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeaseRow {
    lease_key: String,
    shard_id: String,
    /// `account:stream:creationEpoch`, where one table serves many streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_name: Option<String>,
    pub(super) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_owner: Option<String>,
    /// Who still processes the shard while the owner waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_owner: Option<String>,
    lease_counter: u64,
    checkpoint: String,
    checkpoint_sub_sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    millis_behind: Option<u64>,
    /// Where the lag was asked for and cannot be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_unknown: Option<String>,
}

impl LeaseRow {
    pub(super) fn new(lease: &Lease, state: State, lag: Option<&Lag>) -> Self {
        let text = |name: Option<&dyn Display>| name.map(ToString::to_string);
        Self {
            lease_key: lease.key.to_string(),
            shard_id: lease.shard().to_string(),
            stream_name: lease.stream.as_ref().map(|of| of.stream.to_string()),
            state,
            lease_owner: text(lease.owner.as_ref().map(|owner| owner as _)),
            checkpoint_owner: text(lease.checkpoint_owner.as_ref().map(|owner| owner as _)),
            lease_counter: lease.counter,
            checkpoint: lease.checkpoint.position.to_string(),
            checkpoint_sub_sequence_number: lease.checkpoint.sub_sequence,
            millis_behind: lag.and_then(Lag::millis),
            lag_unknown: lag.and_then(Lag::why_unknown),
        }
    }

    pub(super) const TITLES: [&'static str; 6] = ["LEASE", "STATE", "OWNER", "COUNTER", "LAG", "CHECKPOINT"];

    pub(super) fn cells(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        vec![
            self.lease_key.clone(),
            self.state.word().to_owned(),
            self.owner().unwrap_or_else(dash),
            self.lease_counter.to_string(),
            self.lag().unwrap_or_else(dash),
            self.checkpoint_text(),
        ]
    }

    /// The owner, and in a handoff both.
    pub(super) fn owner(&self) -> Option<String> {
        match (&self.checkpoint_owner, &self.lease_owner) {
            (Some(from), Some(to)) => Some(format!("{from} -> {to}")),
            (Some(from), None) => Some(format!("{from} -> anybody")),
            (None, owner) => owner.clone(),
        }
    }

    #[allow(clippy::cast_precision_loss)] // shown with one decimal
    pub(super) fn lag(&self) -> Option<String> {
        self.millis_behind.map(|millis| format!("{:.1} s", millis as f64 / 1000.0))
    }

    pub(super) fn checkpoint_text(&self) -> String {
        match self.checkpoint_sub_sequence_number {
            0 => self.checkpoint.clone(),
            sub => format!("{}/{sub}", self.checkpoint),
        }
    }
}

/// Everything that a row holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WholeLease {
    #[serde(flatten)]
    row: LeaseRow,
    owner_switches_since_checkpoint: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_checkpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_checkpoint_state_bytes: Option<usize>,
    parent_shard_id: Vec<String>,
    child_shard_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_hash_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending_hash_key: Option<String>,
    #[serde(rename = "throughputKBps", skip_serializing_if = "Option::is_none")]
    throughput_kbps: Option<f64>,
    /// Names of attributes that a newer version wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_attributes: Vec<String>,
}

impl WholeLease {
    pub(super) fn new(lease: &Lease, state: State, lag: Option<&Lag>) -> Self {
        let pending = lease.pending.as_ref();
        Self {
            row: LeaseRow::new(lease, state, lag),
            owner_switches_since_checkpoint: lease.owner_switches_since_checkpoint,
            pending_checkpoint: pending.map(|pending| pending.checkpoint.to_string()),
            pending_checkpoint_state_bytes: pending.and_then(|pending| pending.state.as_ref()).map(Vec::len),
            parent_shard_id: lease.parents.iter().map(ToString::to_string).collect(),
            child_shard_ids: lease.children.iter().map(ToString::to_string).collect(),
            starting_hash_key: lease.hash_range.map(|range| range.start().to_string()),
            ending_hash_key: lease.hash_range.map(|range| range.end().to_string()),
            throughput_kbps: lease.throughput_kbps,
            unknown_attributes: lease.unknown.keys().cloned().collect(),
        }
    }

    pub(super) fn words(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &dyn Display| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<16}{}", printable(&value.to_string()));
        };
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        line("Lease", &self.row.lease_key);
        if let Some(stream) = &self.row.stream_name {
            line("Stream", stream);
            line("Shard", &self.row.shard_id);
        }
        line("State", &self.row.state.word());
        line("Owner", &self.row.owner().unwrap_or_else(|| "none".to_owned()));
        line("Counter", &self.row.lease_counter);
        line("Checkpoint", &self.row.checkpoint_text());
        if let Some(pending) = &self.pending_checkpoint {
            let bytes = self.pending_checkpoint_state_bytes.unwrap_or(0);
            line("Pending", &format_args!("{pending}, with {bytes} bytes of the application's"));
        }
        if let Some(lag) = self.row.lag() {
            line("Lag", &lag);
        }
        if let Some(why) = &self.row.lag_unknown {
            line("Lag", &format_args!("not known: {why}"));
        }
        line("Owner changes", &format_args!("{} since the checkpoint", self.owner_switches_since_checkpoint));
        line("Parents", &list(&self.parent_shard_id));
        line("Children", &list(&self.child_shard_ids));
        if let Some((start, end)) = self.starting_hash_key.as_ref().zip(self.ending_hash_key.as_ref()) {
            line("Hash keys", &format_args!("{start} to {end}"));
        }
        if let Some(kbps) = self.throughput_kbps {
            line("Throughput", &format_args!("{kbps:.1} KB/s"));
        }
        if !self.unknown_attributes.is_empty() {
            line("Also has", &list(&self.unknown_attributes));
        }
        text
    }
}
