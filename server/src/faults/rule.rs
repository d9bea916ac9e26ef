//! One rule of what goes wrong: which calls, when, and what then.
//!
//! A rule decides by what it is told: the calls that it has seen, and a random number. So the same calls and
//! the same seed give the same faults.

use std::time::Duration;

use millstream_model::{ShardId, StreamName};
use serde::{Deserialize, Serialize};

use super::Target;
use crate::aws::call::{Call, Service};
use crate::aws::codec::ErrorCode;
use crate::aws::dynamodb;
use crate::aws::kinesis::generated::{Exception, Operation};

/// The services whose calls rules are for.
const SERVICES: [Service; 3] = [Service::Kinesis, Service::DynamoDb, Service::DynamoDbStreams];

const PUT_RECORDS: Call = Call::Kinesis(Operation::PutRecords);
const SUBSCRIBE: Call = Call::Kinesis(Operation::SubscribeToShard);

/// What a shard may be named for.
const OF_SHARDS: [Call; 5] = [
    Call::Kinesis(Operation::GetShardIterator),
    Call::Kinesis(Operation::GetRecords),
    Call::Kinesis(Operation::PutRecord),
    PUT_RECORDS,
    SUBSCRIBE,
];

/// What the model lets a subscription end with, once it has begun.
const IN_SUBSCRIPTION: [Exception; 9] = [
    Exception::InternalFailure,
    Exception::KmsAccessDenied,
    Exception::KmsDisabled,
    Exception::KmsInvalidState,
    Exception::KmsNotFound,
    Exception::KmsOptInRequired,
    Exception::KmsThrottling,
    Exception::ResourceInUse,
    Exception::ResourceNotFound,
];

/// The longest delay, in milliseconds. Clients have given up by then.
pub(crate) const LATENCY_MILLIS_MAX: u64 = 300_000;

/// A rule as it is written: which calls (all that apply), when (at most one of four), and what then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuleText {
    /// `kinesis`, `dynamodb` or `dynamodbstreams`; all of these where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    /// The name of an operation, such as `PutRecords`, of whichever service has one of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    /// The name of a stream, of whichever account and region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<String>,
    /// The name of a table, of whichever account and region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<String>,
    /// Of PutRecords, the rule is for each entry and not for the call. So it is where a shard is named.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) entries: bool,
    /// From 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    /// Makes what is drawn for the probability and the jitter repeatable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// The n-th call alone, counted from 1 when the rule is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<u64>,
    /// The n-th call, the 2n-th and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) every: Option<u64>,
    /// The first n calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<u64>,
    /// No more often than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    /// `throttling`, `internal`, or the name of an exception that the operation declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Instead of the usual text of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_ms: Option<u64>,
    /// Up to so much more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jitter_ms: Option<u64>,
    /// A subscription breaks off behind so many events; with an `error`, it ends with that instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cut_after_events: Option<u64>,
    /// A subscription breaks off behind so many bytes, be that within an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cut_after_bytes: Option<u64>,
}

/// What is wrong with a rule, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidRule(String);

impl InvalidRule {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Where a subscription ends before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It breaks off, without a clean end.
    AfterEvents(u64),
    /// It breaks off, be that within an event.
    AfterBytes(u64),
    /// It ends with an exception.
    Exception { events: u64, exception: Exception, message: String },
}

/// What a call is answered instead of being carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// By the error that the operation has for it.
    Throttling,
    Internal,
    /// By its code.
    Named(String),
}

/// A valid rule with what it has seen.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) text: RuleText,
    service: Option<Service>,
    /// All operations of that name; absent, any operation.
    calls: Option<Vec<Call>>,
    stream: Option<StreamName>,
    shard: Option<ShardId>,
    when: When,
    effect: Effect,
    /// Calls that the rule is for.
    pub(super) seen: u64,
    /// Calls in which it did something.
    pub(super) applied: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Always,
    Probability(f64),
    Call(u64),
    Every(u64),
    First(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Waits, fails, or both.
    Answer {
        latency: Duration,
        jitter: Duration,
        failure: Option<Failure>,
    },
    Cut(Cut),
}

/// What of a call a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Call,
    /// An entry of PutRecords.
    Entry,
    Subscription,
}

impl Rule {
    pub(super) fn new(text: RuleText) -> Result<Self, InvalidRule> {
        let service = text.service.as_deref().map(parse_service).transpose()?;
        let calls = text.operation.as_deref().map(|name| parse_operation(service, name)).transpose()?;
        let stream = text.stream.as_deref().map(parse_stream).transpose()?;
        let shard = text.shard.as_deref().map(parse_shard).transpose()?;
        let (when, effect) = (When::of(&text)?, Effect::of(&text)?);
        let rule = Self { service, calls, stream, shard, when, effect, text, seen: 0, applied: 0 };
        rule.check()?;
        Ok(rule)
    }

    /// Finds what no single member shows.
    fn check(&self) -> Result<(), InvalidRule> {
        if self.text.times == Some(0) {
            return invalid("times: a rule that never applies is none");
        }
        self.check_subject()?;
        let Some(calls) = &self.calls else { return Ok(()) };
        let operation = self.text.operation.as_deref().unwrap_or_default();
        if self.shard.is_some() && !calls.iter().any(|call| OF_SHARDS.contains(call)) {
            return invalid(format!("shard: {operation} is not about a shard"));
        }
        if self.text.entries && !calls.contains(&PUT_RECORDS) {
            return invalid("entries: only PutRecords has entries");
        }
        match &self.effect {
            Effect::Cut(_) if !calls.contains(&SUBSCRIBE) => {
                invalid(format!("cut_after_events, cut_after_bytes: {operation} is no subscription"))
            }
            Effect::Answer { failure: Some(failure), .. }
                if !calls.iter().any(|call| failure.is_of(*call)) =>
            {
                let text = self.text.error.as_deref().unwrap_or_default();
                invalid(format!("error: {operation} does not answer {text}"))
            }
            _ => Ok(()),
        }
    }

    /// No call is about a stream and a table.
    fn check_subject(&self) -> Result<(), InvalidRule> {
        let is_of_streams = self.stream.is_some() || self.shard.is_some();
        match self.service {
            _ if is_of_streams && self.text.table.is_some() => {
                invalid("table: no call is about a table and a stream or its shard")
            }
            Some(Service::DynamoDb | Service::DynamoDbStreams) if is_of_streams => {
                invalid("stream, shard: these are of the service kinesis")
            }
            Some(Service::Kinesis) if self.text.table.is_some() => {
                invalid("table: the service kinesis has none")
            }
            _ => Ok(()),
        }
    }

    fn is_for_entries(&self) -> bool {
        self.text.entries || self.shard.is_some()
    }

    fn is_for(&self, part: Part, target: &Target) -> bool {
        let of_part = match (&self.effect, part) {
            (Effect::Cut(_), part) => part == Part::Subscription,
            (_, Part::Subscription) => false,
            (_, Part::Entry) => self.is_for_entries(),
            (_, Part::Call) => target.call != PUT_RECORDS || !self.is_for_entries(),
        };
        let declared = match &self.effect {
            Effect::Answer { failure: Some(failure), .. } => failure.is_of(target.call),
            _ => true,
        };
        of_part
            && declared
            && self.service.is_none_or(|service| service == target.call.service())
            && self.calls.as_ref().is_none_or(|calls| calls.contains(&target.call))
            && self.text.table.as_ref().is_none_or(|table| target.table.as_ref() == Some(table))
            && self
                .stream
                .as_ref()
                .is_none_or(|name| target.stream.as_ref().is_some_and(|arn| arn.name == *name))
            && self.shard.is_none_or(|shard| target.shard == Some(shard))
    }

    /// Looks at a call, and counts it if the rule is for it. Gives what is to happen.
    pub(super) fn look(
        &mut self,
        part: Part,
        target: &Target,
        draw: impl FnOnce() -> u64,
    ) -> Option<&Effect> {
        if !self.is_for(part, target) || self.text.times.is_some_and(|times| self.applied >= times) {
            return None;
        }
        self.seen += 1;
        if !self.when.holds(self.seen, draw) {
            return None;
        }
        self.applied += 1;
        Some(&self.effect)
    }
}

impl Failure {
    /// Without a kind of its own, so that it fits every operation.
    fn is_of(&self, call: Call) -> bool {
        match &self.kind {
            FailureKind::Throttling | FailureKind::Internal => true,
            FailureKind::Named(code) => call.declared(code).is_some(),
        }
    }
}

impl When {
    fn of(text: &RuleText) -> Result<Self, InvalidRule> {
        let given =
            [text.call.is_some(), text.every.is_some(), text.first.is_some(), text.probability.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return invalid("give at most one of probability, call, every and first");
        }
        if [text.call, text.every, text.first].contains(&Some(0)) {
            return invalid("call, every, first: calls are counted from 1");
        }
        match text {
            RuleText { probability: Some(share), .. } if !(0.0..=1.0).contains(share) => {
                invalid("probability: must be from 0 to 1")
            }
            RuleText { probability: Some(share), .. } => Ok(Self::Probability(*share)),
            RuleText { call: Some(number), .. } => Ok(Self::Call(*number)),
            RuleText { every: Some(number), .. } => Ok(Self::Every(*number)),
            RuleText { first: Some(number), .. } => Ok(Self::First(*number)),
            _ => Ok(Self::Always),
        }
    }

    /// Whether it is the turn of the call with this number, from 1.
    fn holds(self, number: u64, draw: impl FnOnce() -> u64) -> bool {
        match self {
            Self::Always => true,
            Self::Probability(share) => share_of(draw()) < share,
            Self::Call(wanted) => number == wanted,
            Self::Every(step) => number.is_multiple_of(step),
            Self::First(last) => number <= last,
        }
    }
}

/// From 0 to below 1, evenly.
fn share_of(random: u64) -> f64 {
    // A double holds 53 bits of it.
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

impl Effect {
    fn of(text: &RuleText) -> Result<Self, InvalidRule> {
        let cut = match (text.cut_after_events, text.cut_after_bytes) {
            (Some(_), Some(_)) => return invalid("give at most one of cut_after_events and cut_after_bytes"),
            (Some(events), None) => Some(Cut::AfterEvents(events)),
            (None, bytes) => bytes.map(Cut::AfterBytes),
        };
        let waits = text.latency_ms.is_some() || text.jitter_ms.is_some();
        let answers = text.error.is_some() || waits;
        match (cut, &text.error) {
            (Some(Cut::AfterEvents(events)), Some(error)) if !waits => {
                Cut::with_exception(events, error, text.message.as_deref()).map(Self::Cut)
            }
            (Some(_), _) if answers => {
                invalid("a rule that cuts a subscription does nothing else; make two rules")
            }
            (Some(cut), _) => Ok(Self::Cut(cut)),
            (None, _) if !answers => {
                invalid("nothing is to happen: give error, latency_ms, cut_after_events or cut_after_bytes")
            }
            (None, _) => {
                let (latency, jitter) = (text.latency_ms.unwrap_or(0), text.jitter_ms.unwrap_or(0));
                if latency.saturating_add(jitter) > LATENCY_MILLIS_MAX {
                    return invalid(format!("latency_ms, jitter_ms: at most {LATENCY_MILLIS_MAX} together"));
                }
                if text.message.is_some() && text.error.is_none() {
                    return invalid("message: is that of an error, and none is given");
                }
                let failure = text.error.as_deref().map(|error| {
                    Ok(Failure { kind: FailureKind::parse(error)?, message: text.message.clone() })
                });
                Ok(Self::Answer {
                    latency: Duration::from_millis(latency),
                    jitter: Duration::from_millis(jitter),
                    failure: failure.transpose()?,
                })
            }
        }
    }
}

impl Cut {
    fn with_exception(events: u64, error: &str, message: Option<&str>) -> Result<Self, InvalidRule> {
        let exception = match FailureKind::parse(error)? {
            FailureKind::Internal => Exception::InternalFailure,
            FailureKind::Named(_) | FailureKind::Throttling => {
                let known = IN_SUBSCRIPTION.into_iter().find(|exception| exception.code() == error);
                let Some(exception) = known else {
                    return invalid(format!(
                        "error: a subscription that has begun does not end with {error}"
                    ));
                };
                exception
            }
        };
        let message = message.unwrap_or(super::ASKED_FOR).to_owned();
        Ok(Self::Exception { events, exception, message })
    }
}

/// `latency` and up to `jitter` more, by a random number.
pub(super) fn delay(latency: Duration, jitter: Duration, random: u64) -> Duration {
    let nanos = jitter.as_nanos() * u128::from(random) / u128::from(u64::MAX);
    latency + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl FailureKind {
    fn parse(text: &str) -> Result<Self, InvalidRule> {
        match text {
            "throttling" => Ok(Self::Throttling),
            "internal" => Ok(Self::Internal),
            code if is_known(code) => Ok(Self::Named(code.to_owned())),
            code => invalid(format!(
                "error: {code} is neither throttling nor internal nor an exception of Kinesis or DynamoDB"
            )),
        }
    }
}

/// Whether some service has an exception of that code.
fn is_known(code: &str) -> bool {
    Exception::from_code(code).is_some()
        || dynamodb::generated::Exception::from_code(code).is_some()
        || dynamodb::streams::generated::Exception::from_code(code).is_some()
}

fn parse_service(name: &str) -> Result<Service, InvalidRule> {
    let known = Service::of_name(name).filter(|service| SERVICES.contains(service));
    known
        .map_or_else(|| invalid(format!("service: {name} is none of kinesis, dynamodb, dynamodbstreams")), Ok)
}

/// All operations of that name.
fn parse_operation(service: Option<Service>, name: &str) -> Result<Vec<Call>, InvalidRule> {
    let services =
        SERVICES.into_iter().filter(|candidate| service.is_none_or(|service| service == *candidate));
    let calls: Vec<_> = services.filter_map(|service| service.call(name)).collect();
    if calls.is_empty() { invalid(format!("operation: there is no {name}")) } else { Ok(calls) }
}

fn parse_stream(name: &str) -> Result<StreamName, InvalidRule> {
    name.parse().or_else(|error| invalid(format!("stream: {error}")))
}

/// As leniently as in requests.
fn parse_shard(id: &str) -> Result<ShardId, InvalidRule> {
    ShardId::parse_lenient(id).map_or_else(|| invalid(format!("shard: {id:?} is no shard's id")), Ok)
}

fn invalid<T>(text: impl Into<String>) -> Result<T, InvalidRule> {
    Err(InvalidRule::new(text))
}

#[cfg(test)]
mod tests;
