//! Between the messages of `millstream.v1.Admin` and what its handlers are given and give.

use hyper::StatusCode;
use millstream_model::Timestamp;
use millstream_proto::convert::message_of_timestamp;
use millstream_proto::v1;
use tonic::{Code, Status};

use crate::admin::{Change, Moment, Refusal, Shown};
use crate::faults::{RuleText, ShownRule};

/// What HTTP says of a refusal, in gRPC's words.
pub(super) fn status_of(refusal: Refusal) -> Status {
    let code = match refusal.status {
        StatusCode::BAD_REQUEST => Code::InvalidArgument,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::CONFLICT => Code::Aborted,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => Code::Internal,
    };
    Status::new(code, refusal.message)
}

pub(super) fn reading(shown: &Shown) -> v1::ClockReading {
    let now = message_of_timestamp(Timestamp::from_millis(shown.now_ms));
    v1::ClockReading { now: Some(now), ahead_ms: shown.ahead_ms, frozen: shown.frozen }
}

/// Fails for a time before 1970.
pub(super) fn change(request: &v1::ChangeClockRequest) -> Result<Change, Refusal> {
    let set = request.set.map(|time| {
        let millis = time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos) / 1_000_000);
        let millis = u64::try_from(millis);
        millis.map(Moment::Millis).map_err(|_| Refusal::bad_request("Time begins in 1970 here."))
    });
    Ok(Change {
        reset: request.reset,
        set: set.transpose()?,
        advance_ms: request.advance_ms,
        frozen: request.frozen,
    })
}

pub(super) fn fault(shown: ShownRule) -> v1::Fault {
    let id = shown.id();
    let ShownRule { rule, seen, applied, .. } = shown;
    let rule = v1::FaultRule {
        service: rule.service,
        operation: rule.operation,
        stream: rule.stream,
        shard: rule.shard,
        table: rule.table,
        entries: rule.entries,
        probability: rule.probability,
        seed: rule.seed,
        call: rule.call,
        every: rule.every,
        first: rule.first,
        times: rule.times,
        error: rule.error,
        message: rule.message,
        latency_ms: rule.latency_ms,
        jitter_ms: rule.jitter_ms,
        cut_after_events: rule.cut_after_events,
        cut_after_bytes: rule.cut_after_bytes,
    };
    v1::Fault { id, rule: Some(rule), seen, applied }
}

pub(super) fn fault_rule(rule: v1::FaultRule) -> RuleText {
    RuleText {
        service: rule.service,
        operation: rule.operation,
        stream: rule.stream,
        shard: rule.shard,
        table: rule.table,
        entries: rule.entries,
        probability: rule.probability,
        seed: rule.seed,
        call: rule.call,
        every: rule.every,
        first: rule.first,
        times: rule.times,
        error: rule.error,
        message: rule.message,
        latency_ms: rule.latency_ms,
        jitter_ms: rule.jitter_ms,
        cut_after_events: rule.cut_after_events,
        cut_after_bytes: rule.cut_after_bytes,
    }
}
