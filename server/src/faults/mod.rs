//! What is to go wrong on purpose: rules that say which calls are delayed, refused or cut off.
//!
//! Rules come from the settings and, while the server runs, from the admin port. Each call is shown to them
//! before it is carried out, each entry of PutRecords, and each subscription when it begins. Without rules that
//! costs one look at a flag.

mod rule;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millstream_runtime::{SeededEntropy, SharedClock, SharedEntropy};
use parking_lot::Mutex;
use serde::Serialize;

use crate::aws::call::{Declared, Service};
use crate::aws::codec::{ApiError, ErrorCode};
use crate::aws::kinesis::generated::Exception;
use crate::settings::FaultsSetting;

pub(crate) use rule::{Cut, Failure, InvalidRule, LATENCY_MILLIS_MAX, RuleText};
use rule::{Effect, FailureKind, Part, Rule, delay};
pub(crate) use target::Target;

/// Rules at once. Each call is shown to all of them.
const RULES_MAX: usize = 1000;

/// The text of an error that has no usual one.
const ASKED_FOR: &str = "A fault was asked for.";

/// The rules, shared by all who ask.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Whether there are any.
    present: AtomicBool,
    rules: Mutex<Rules>,
    setting: FaultsSetting,
    /// The machine's: a delay is what a client sees.
    clock: SharedClock,
    entropy: SharedEntropy,
}

#[derive(Debug, Default)]
struct Rules {
    last_id: u64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    rule: Rule,
    random: SharedEntropy,
}

/// What happens to a call or an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) delay: Duration,
    pub(crate) failure: Option<Failure>,
}

/// A rule as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ShownRule {
    id: u64,
    #[serde(flatten)]
    pub(crate) rule: RuleText,
    /// Calls, entries or subscriptions that the rule was for.
    pub(crate) seen: u64,
    /// Those that it did something to.
    pub(crate) applied: u64,
}

impl Faults {
    pub(crate) fn new(setting: FaultsSetting, clock: SharedClock, entropy: SharedEntropy) -> Arc<Self> {
        let (present, rules) = (AtomicBool::new(false), Mutex::default());
        let faults = Self { present, rules, setting, clock, entropy };
        faults.reset();
        Arc::new(faults)
    }

    /// Waits as long as a rule wants it.
    pub(crate) async fn wait(&self, delay: Duration) {
        if !delay.is_zero() {
            self.clock.sleep(delay).await;
        }
    }

    /// Whether a call need not be shown.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.present.load(Ordering::Relaxed)
    }

    /// Adds rules, all or none. Gives their ids.
    pub(crate) fn add(&self, texts: Vec<RuleText>) -> Result<Vec<u64>, InvalidRule> {
        let valid = texts.into_iter().map(Rule::new).collect::<Result<Vec<_>, _>>()?;
        let mut rules = self.rules.lock();
        if rules.entries.len() + valid.len() > RULES_MAX {
            return Err(InvalidRule::new(format!("there may be {RULES_MAX} rules at once")));
        }
        let ids = valid.into_iter().map(|rule| self.insert(&mut rules, rule)).collect();
        self.note(&rules);
        Ok(ids)
    }

    /// The rules in the order in which they were made, which is that in which they are asked.
    pub(crate) fn list(&self) -> Vec<ShownRule> {
        let rules = self.rules.lock();
        let shown = |Entry { id, rule, .. }: &Entry| ShownRule {
            id: *id,
            rule: rule.text.clone(),
            seen: rule.seen,
            applied: rule.applied,
        };
        rules.entries.iter().map(shown).collect()
    }

    /// Removes a rule. False when there is none with this id.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut rules = self.rules.lock();
        let before = rules.entries.len();
        rules.entries.retain(|entry| entry.id != id);
        self.note(&rules);
        rules.entries.len() < before
    }

    /// Removes all rules, those of the settings too.
    pub(crate) fn clear(&self) {
        let mut rules = self.rules.lock();
        rules.entries.clear();
        self.note(&rules);
    }

    /// Leaves the rules of the settings alone, as if nothing had been seen yet.
    pub(crate) fn reset(&self) {
        let mut rules = self.rules.lock();
        rules.entries.clear();
        // The settings were checked.
        for rule in rules_of(self.setting).into_iter().filter_map(|text| Rule::new(text).ok()) {
            self.insert(&mut rules, rule);
        }
        self.note(&rules);
    }

    fn insert(&self, rules: &mut Rules, rule: Rule) -> u64 {
        rules.last_id += 1;
        let random = rule.text.seed.map_or_else(|| self.entropy.clone(), SeededEntropy::shared);
        rules.entries.push(Entry { id: rules.last_id, rule, random });
        rules.last_id
    }

    fn note(&self, rules: &Rules) {
        self.present.store(!rules.entries.is_empty(), Ordering::Relaxed);
    }

    /// What happens to a call as a whole: all delays that apply, and the first failure.
    pub(crate) fn on_call(&self, target: &Target) -> Verdict {
        self.rules.lock().judge(Part::Call, target)
    }

    /// What happens to an entry of PutRecords; the target's shard is the one that would take it.
    pub(crate) fn on_entry(&self, target: &Target) -> Verdict {
        self.rules.lock().judge(Part::Entry, target)
    }

    /// Where a subscription that begins now ends before its time. Asked once for each, when it is let through.
    pub(crate) fn on_subscription(&self, target: &Target) -> Option<Cut> {
        if self.is_quiet() {
            return None;
        }
        let mut rules = self.rules.lock();
        rules.entries.iter_mut().find_map(|Entry { rule, random, .. }| {
            match rule.look(Part::Subscription, target, || random.next_u64()) {
                Some(Effect::Cut(cut)) => Some(cut.clone()),
                _ => None,
            }
        })
    }
}

impl ShownRule {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

/// The settings as rules: what LocalStack does by variables of the same names.
fn rules_of(setting: FaultsSetting) -> Vec<RuleText> {
    let FaultsSetting { error_probability, latency_ms } = setting;
    let service = Some(Service::Kinesis.name().to_owned());
    let errors = RuleText {
        service: service.clone(),
        entries: true,
        probability: Some(error_probability),
        error: Some(Exception::ProvisionedThroughputExceeded.code().to_owned()),
        ..RuleText::default()
    };
    let latency = RuleText { service, latency_ms: Some(latency_ms), ..RuleText::default() };
    let mut rules = Vec::new();
    if error_probability > 0.0 {
        rules.push(errors);
    }
    if latency_ms > 0 {
        rules.push(latency);
    }
    rules
}

impl Rules {
    fn judge(&mut self, part: Part, target: &Target) -> Verdict {
        let mut verdict = Verdict::default();
        for Entry { rule, random, .. } in &mut self.entries {
            let Some(Effect::Answer { latency, jitter, failure }) =
                rule.look(part, target, || random.next_u64())
            else {
                continue;
            };
            let drawn = if jitter.is_zero() { 0 } else { random.next_u64() };
            verdict.delay = verdict.delay.saturating_add(delay(*latency, *jitter, drawn));
            if verdict.failure.is_none() {
                verdict.failure.clone_from(failure);
            }
        }
        verdict
    }
}

impl Failure {
    /// The answer to a call.
    pub(crate) fn answer(&self, target: &Target) -> ApiError {
        let error = self.error(target);
        match (&self.message, &self.kind) {
            (Some(text), _) => ApiError::new(error, text.clone()),
            (None, FailureKind::Internal) => ApiError::bare(error),
            (None, _) => ApiError::new(error, usual_text(error, target)),
        }
    }

    /// Code and text for an entry of PutRecords.
    pub(crate) fn of_entry(&self, target: &Target) -> (&'static str, String) {
        let error = self.error(target);
        let text = self.message.clone().unwrap_or_else(|| match self.kind {
            FailureKind::Internal => "Internal Service Failure".to_owned(),
            _ => usual_text(error, target),
        });
        (error.code(), text)
    }

    fn error(&self, target: &Target) -> Declared {
        let call = target.call;
        match &self.kind {
            FailureKind::Throttling => call.throttling(),
            FailureKind::Internal => call.internal(),
            // A rule is asked only for calls that declare its error.
            FailureKind::Named(code) => call.declared(code).unwrap_or_else(|| call.internal()),
        }
    }
}

fn usual_text(error: Declared, target: &Target) -> String {
    let account = &target.account;
    let of_kinesis = target.call.service() == Service::Kinesis;
    match (error.code(), &target.stream, target.shard) {
        ("ProvisionedThroughputExceededException", ..) if !of_kinesis => {
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
             provisioning level with the UpdateTable API."
                .to_owned()
        }
        ("ThrottlingException" | "LimitExceededException", ..) if !of_kinesis => {
            "Rate of requests exceeds the allowed throughput.".to_owned()
        }
        (
            "ProvisionedThroughputExceededException" | "LimitExceededException" | "ThrottlingException",
            stream,
            shard,
        ) => match (stream, shard) {
            (Some(stream), Some(shard)) => format!(
                "Rate exceeded for shard {shard} in stream {} under account {}.",
                stream.name, stream.account
            ),
            (Some(stream), None) => {
                format!("Rate exceeded for stream {} under account {}.", stream.name, stream.account)
            }
            (None, _) => format!("Rate exceeded for account {account}."),
        },
        _ => ASKED_FOR.to_owned(),
    }
}

#[cfg(test)]
mod tests;
