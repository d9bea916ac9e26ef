//! A registered consumer of a stream: what is known of it and its life cycle.
//!
//! As with a stream, a phase ends by the clock and not by a task. A consumer whose deletion is over is kept
//! until the second of its registration has passed, so that a namesake cannot get the same ARN.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_model::{ConsumerArn, ConsumerName, Span, StreamArn, Timestamp};
use parking_lot::RwLock;

use crate::metrics::ConsumerCounters;
use crate::subscription::place::Places;

/// A consumer's state as Kinesis shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerStatus {
    Creating,
    Active,
    Deleting,
}

/// What a consumer is doing, as it is persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConsumerPhase {
    Steady,
    Creating(Span),
    /// Gone at its end.
    Deleting(Span),
}

/// What is persisted of a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerMeta {
    pub(crate) created: Timestamp,
    pub(crate) phase: ConsumerPhase,
    pub(crate) tags: BTreeMap<String, String>,
    /// The text of the resource policy.
    pub(crate) policy: Option<String>,
}

impl ConsumerMeta {
    /// `None` once a deletion is over: the consumer is gone.
    pub(crate) fn status(&self, now: Timestamp) -> Option<ConsumerStatus> {
        match self.phase {
            ConsumerPhase::Creating(span) if span.is_on(now) => Some(ConsumerStatus::Creating),
            ConsumerPhase::Deleting(span) if span.is_on(now) => Some(ConsumerStatus::Deleting),
            ConsumerPhase::Deleting(_) => None,
            ConsumerPhase::Steady | ConsumerPhase::Creating(_) => Some(ConsumerStatus::Active),
        }
    }

    /// Whether nothing of it must be known any more.
    pub(crate) fn may_be_forgotten(&self, now: Timestamp) -> bool {
        self.status(now).is_none() && self.created.as_secs() < now.as_secs()
    }
}

/// A consumer in memory.
#[derive(Debug)]
pub(crate) struct Consumer {
    pub(crate) arn: ConsumerArn,
    pub(crate) counters: ConsumerCounters,
    pub(crate) places: Places,
    meta: RwLock<Arc<ConsumerMeta>>,
}

impl Consumer {
    pub(crate) fn new(stream: StreamArn, name: ConsumerName, meta: ConsumerMeta) -> Self {
        let arn = ConsumerArn { stream, name, created_secs: meta.created.as_secs() };
        let (counters, places) = (ConsumerCounters::default(), Places::default());
        Self { arn, counters, places, meta: RwLock::new(Arc::new(meta)) }
    }

    pub(crate) fn meta(&self) -> Arc<ConsumerMeta> {
        self.meta.read().clone()
    }

    /// Shows what has been persisted.
    pub(crate) fn set_meta(&self, meta: ConsumerMeta) {
        *self.meta.write() = Arc::new(meta);
    }
}

/// The consumers of one stream, by name. Only what is persisted is in here.
#[derive(Debug, Default)]
pub(crate) struct Consumers(RwLock<BTreeMap<ConsumerName, Arc<Consumer>>>);

impl Consumers {
    pub(crate) fn insert(&self, consumer: Consumer) -> Arc<Consumer> {
        let consumer = Arc::new(consumer);
        self.0.write().insert(consumer.arn.name.clone(), consumer.clone());
        consumer
    }

    /// Removes this consumer, and not a later one of its name.
    pub(crate) fn remove(&self, consumer: &Consumer) {
        let mut consumers = self.0.write();
        if consumers.get(&consumer.arn.name).is_some_and(|present| present.arn == consumer.arn) {
            consumers.remove(&consumer.arn.name);
        }
    }

    /// Whoever has the name, gone or not.
    pub(crate) fn get(&self, name: &ConsumerName) -> Option<Arc<Consumer>> {
        self.0.read().get(name).cloned()
    }

    /// All of them by name, those that are gone too.
    pub(crate) fn all(&self) -> Vec<Arc<Consumer>> {
        self.0.read().values().cloned().collect()
    }

    /// How many are not gone.
    pub(crate) fn count(&self, now: Timestamp) -> usize {
        self.0.read().values().filter(|consumer| consumer.meta().status(now).is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_end_by_the_clock() {
        let until = Timestamp::from_millis(1_100);
        let (before, after) = (Timestamp::from_millis(1_099), until);
        let span = Span { since: Timestamp::EPOCH, until };
        let meta = |phase| ConsumerMeta { created: before, phase, tags: BTreeMap::new(), policy: None };
        let states = |phase| (meta(phase).status(before), meta(phase).status(after));
        let (creating, active) = (Some(ConsumerStatus::Creating), Some(ConsumerStatus::Active));
        assert_eq!(states(ConsumerPhase::Steady), (active, active));
        assert_eq!(states(ConsumerPhase::Creating(span)), (creating, active));
        assert_eq!(states(ConsumerPhase::Deleting(span)), (Some(ConsumerStatus::Deleting), None));
    }

    #[test]
    fn the_second_of_its_registration_outlives_a_consumer() {
        let created = Timestamp::from_millis(1_100);
        let phase =
            ConsumerPhase::Deleting(Span { since: Timestamp::EPOCH, until: Timestamp::from_millis(1_200) });
        let meta = ConsumerMeta { created, phase, tags: BTreeMap::new(), policy: None };
        for (millis, forgotten) in [(1_199, false), (1_200, false), (1_999, false), (2_000, true)] {
            assert_eq!(meta.may_be_forgotten(Timestamp::from_millis(millis)), forgotten, "{millis}");
        }
    }
}
