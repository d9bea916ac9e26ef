//! Subscribe: a subscription's events as messages, for as long as the client reads.
//!
//! Most of an event is its records, which are the same for all subscribers of a shard; so they are made into fields by
//! blocks, once for all, and what differs stands behind them. The engine's subscriptions end after five minutes, as
//! AWS's do; then the next one goes on where the last one stopped.

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use futures_util::stream::{self, Stream};
use millstream_engine::{ChildShard, Event, Form, Part};
use millstream_proto::v1;
use prost::Message;
use prost::encoding::message::encode;

use super::messages::{PREFIX_BYTES, prefix};
use super::reply::{End, Piece};
use super::status::of_error;
use crate::aws::caller::Caller;
use crate::aws::codec::ApiError;
use crate::aws::kinesis::front::KinesisFront;
use crate::aws::kinesis::generated::{ShardIteratorType, SubscribeToShardInput};
use crate::aws::kinesis::service::Audible;
use crate::faults::Cut;
use crate::http::body::BrokenOff;

/// The field of `SubscribeResponse` with the records.
const RECORDS: u32 = 1;

/// A record's fields beside its data and partition key, about.
const RECORD_OVERHEAD_BYTES: usize = 90;

/// A subscription that has begun.
pub(super) struct Events {
    kinesis: KinesisFront,
    /// What was asked for, from where on it goes on.
    input: SubscribeToShardInput,
    subscription: Audible,
    cut: Option<Cut>,
    sent: Sent,
    /// Of the event taken last, what is still to be sent; the next one last.
    pieces: Vec<Bytes>,
    is_over: bool,
}

#[derive(Default)]
struct Sent {
    events: u64,
    bytes: u64,
}

impl Events {
    pub(super) async fn begin(
        kinesis: KinesisFront,
        caller: &Caller,
        input: SubscribeToShardInput,
    ) -> Result<Self, ApiError> {
        let (subscription, cut) = kinesis.subscribe(caller, input.clone()).await?;
        let (sent, pieces) = (Sent::default(), Vec::new());
        Ok(Self { kinesis, input, subscription, cut, sent, pieces, is_over: false })
    }

    pub(super) fn pieces(self) -> impl Stream<Item = Piece> + Send {
        stream::unfold(self, |mut events| async move {
            let piece = events.next().await?;
            events.is_over |= piece.is_err();
            Some((piece, events))
        })
    }

    async fn next(&mut self) -> Option<Piece> {
        if self.is_over && self.pieces.is_empty() {
            return None;
        }
        if let Some(end) = self.cut_off() {
            return Some(Err(end));
        }
        while self.pieces.is_empty() {
            match self.subscription.next().await {
                Some(Ok(event)) => self.take(&event),
                Some(Err(error)) => return Some(Err(of_error(&error.into()).into())),
                None => {
                    if let Err(error) = self.go_on().await {
                        return Some(Err(of_error(&error).into()));
                    }
                }
            }
        }
        self.pieces.pop().map(|piece| Ok(self.clip(piece)))
    }

    /// Subscribes once more, behind what was sent.
    async fn go_on(&mut self) -> Result<(), ApiError> {
        let service = self.kinesis.service().await?;
        self.subscription = Audible::subscribe(&service, self.input.clone()).await?;
        Ok(())
    }

    fn take(&mut self, event: &Event) {
        if let Some(number) = event.continuation {
            let position = &mut self.input.starting_position;
            position.kind = ShardIteratorType::AfterSequenceNumber;
            position.sequence_number = Some(ByteString::from(number.to_string()));
            position.timestamp = None;
        }
        // There is nothing to go on with behind the end of a shard.
        self.is_over = event.continuation.is_none();
        self.sent.events += 1;
        self.pieces = message(event);
        self.pieces.reverse();
    }

    /// Whether it ends here on purpose.
    fn cut_off(&mut self) -> Option<End> {
        let is_due = match self.cut.as_ref()? {
            Cut::AfterEvents(events) | Cut::Exception { events, .. } => {
                self.pieces.is_empty() && self.sent.events >= *events
            }
            Cut::AfterBytes(bytes) => self.sent.events > 0 && self.sent.bytes >= *bytes,
        };
        if !is_due {
            return None;
        }
        self.pieces.clear();
        Some(match self.cut.take()? {
            Cut::Exception { exception, message, .. } => of_error(&ApiError::new(exception, message)).into(),
            Cut::AfterEvents(_) | Cut::AfterBytes(_) => {
                End::BrokenOff(BrokenOff("a rule says so".to_owned()))
            }
        })
    }

    /// Of a piece what may be sent before the cut.
    fn clip(&mut self, mut piece: Bytes) -> Bytes {
        if let Some(Cut::AfterBytes(bytes)) = self.cut {
            let left = usize::try_from(bytes.saturating_sub(self.sent.bytes)).unwrap_or(usize::MAX);
            piece.truncate(left);
        }
        self.sent.bytes += piece.len() as u64;
        piece
    }
}

/// An event as pieces of one message: its prefix, blocks of records, and the rest.
fn message(event: &Event) -> Vec<Bytes> {
    let rest = v1::SubscribeResponse {
        records: Vec::new(),
        continuation_sequence_number: event.continuation.map(|number| number.to_string()),
        millis_behind_latest: i64::try_from(event.millis_behind_latest).unwrap_or(i64::MAX),
        child_shards: event.children.iter().map(child).collect(),
    };
    let parts: Vec<Bytes> = event.parts.iter().map(|part| part.rendered(Form::SECOND, rendered)).collect();
    let rest_bytes = rest.encoded_len();
    let bytes = rest_bytes + parts.iter().map(Bytes::len).sum::<usize>();
    let mut around = BytesMut::with_capacity(PREFIX_BYTES + rest_bytes);
    around.put_slice(&prefix(bytes));
    let before = around.split();
    // There is room: it was asked for.
    let _ = rest.encode(&mut around);
    if parts.is_empty() {
        let mut whole = before;
        whole.unsplit(around);
        return vec![whole.freeze()];
    }
    let mut pieces = Vec::with_capacity(parts.len() + 2);
    pieces.push(before.freeze());
    pieces.extend(parts);
    pieces.push(around.freeze());
    pieces
}

/// Records as they stand in a message.
fn rendered(part: &Part) -> Bytes {
    let data_bytes = usize::try_from(part.bytes()).unwrap_or_default();
    let mut fields = Vec::with_capacity(data_bytes + part.record_count() * RECORD_OVERHEAD_BYTES);
    part.records().for_each(|record| encode(RECORDS, &v1::Record::from(record), &mut fields));
    fields.into()
}

fn child(child: &ChildShard) -> v1::ChildShard {
    v1::ChildShard {
        shard_id: child.id.to_string(),
        parent_shards: child.parents.iter().map(ToString::to_string).collect(),
        hash_key_range: Some(v1::HashKeyRange {
            starting_hash_key: child.range.start().to_string(),
            ending_hash_key: child.range.end().to_string(),
        }),
    }
}
