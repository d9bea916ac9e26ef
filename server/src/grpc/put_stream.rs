//! PutStream: requests are taken as they come and answered as they become durable.
//!
//! What has arrived is put with one call of the engine, up to what PutRecords takes, so that small requests cost little
//! more than large ones. Calls are begun in the order of their requests and are many at once; answers keep the order.
//! Bytes that wait for an answer are bounded, and nothing is read beyond that: flow control holds up the sender.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, FuturesOrdered, Stream, StreamExt};
use millstream_model::StreamArn;
use millstream_proto::v1;
use millstream_runtime::TaskSet;
use millstream_runtime::clock::Sleep;
use prost::Message as _;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::front::decode;
use super::messages::{Message, Messages, framed, prefix};
use super::reply::{self, Piece};
use super::status::{of_error, refused};
use crate::aws::caller::Caller;
use crate::aws::codec::protobuf::Shapes;
use crate::aws::codec::{ApiError, Format, encode};
use crate::aws::kinesis::front::KinesisFront;
use crate::aws::kinesis::generated::{
    Exception, Input, KinesisService, Operation, PutRecordsInput, PutRecordsOutput, PutRecordsResultEntry,
};
use crate::aws::kinesis::service::names;

/// Requests taken and not answered yet, in bytes; one that is larger is taken alone.
const UNANSWERED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Calls of the engine at once.
const CALLS_MAX: usize = 64;
/// What one call may be put together to; a single request may be larger.
const BATCH_BYTES_MAX: usize = 1024 * 1024;
const BATCH_RECORDS_MAX: usize = 500;
/// Without a request and with nothing to answer.
const IDLE_LIMIT: Duration = Duration::from_secs(300);

/// The answers to the messages, in their order.
pub(super) fn pieces(
    kinesis: KinesisFront,
    caller: Caller,
    shapes: Shapes,
    messages: Messages,
) -> impl Stream<Item = Piece> + Send {
    let clock = kinesis.reception.clock.clone();
    let puts = Puts {
        alarm: clock.sleep(IDLE_LIMIT),
        stopping: stopping(kinesis.reception.tasks.clone()).boxed(),
        quiet_since: clock.monotonic(),
        shared: Arc::new(Shared { kinesis, caller, shapes }),
        messages,
        named: None,
        calls: FuturesOrdered::new(),
        unanswered_bytes: 0,
        taken_ahead: None,
        intake: Intake::Open,
    };
    stream::unfold(Some(puts), |puts| async {
        let mut puts = puts?;
        let piece = puts.next().await?;
        let goes_on = piece.is_ok();
        Some((piece, goes_on.then_some(puts)))
    })
}

/// What all calls of a stream have in common.
struct Shared {
    kinesis: KinesisFront,
    caller: Caller,
    shapes: Shapes,
}

struct Puts {
    shared: Arc<Shared>,
    messages: Messages,
    /// The stream that the first request named.
    named: Option<Named>,
    calls: FuturesOrdered<BoxFuture<'static, Answered>>,
    unanswered_bytes: usize,
    /// A request that was taken and did not fit into the batch before it.
    taken_ahead: Option<Taken>,
    intake: Intake,
    /// Goes off when the call might be idle; set once in a long while, not with each request.
    alarm: Sleep,
    /// When something was taken or answered last, by the monotonic clock.
    quiet_since: Duration,
    /// Gives the status when the server stops.
    stopping: BoxFuture<'static, Status>,
}

#[derive(Clone, PartialEq, Eq)]
struct Named {
    name: Option<ByteString>,
    arn: Option<ByteString>,
}

impl Named {
    /// The stream, if it can be one.
    fn stream(&self, caller: &Caller) -> Option<StreamArn> {
        names::stream(caller, self.name.as_ref(), self.arn.as_ref(), None).ok()
    }

    /// Whether both are the same stream, in whichever way it is named.
    fn means(&self, other: &Self, caller: &Caller) -> bool {
        self == other || self.stream(caller).is_some_and(|stream| other.stream(caller) == Some(stream))
    }
}

enum Intake {
    Open,
    Ended,
    /// What is taken is answered, and then the call ends so.
    Failed(Status),
}

/// A request, and how many bytes it came in.
struct Taken {
    input: Result<PutRecordsInput, ApiError>,
    bytes: usize,
    share: Option<OwnedSemaphorePermit>,
}

/// Framed answers, and how many bytes of requests they answer.
struct Answered {
    frames: Bytes,
    bytes: usize,
}

/// Requests that are put together.
struct Batch {
    input: PutRecordsInput,
    /// How many records each of them has.
    counts: Vec<usize>,
    bytes: usize,
    shares: Vec<OwnedSemaphorePermit>,
}

/// Why nothing more is taken, once the server stops.
async fn stopping(tasks: TaskSet) -> Status {
    tasks.stopping().await;
    reply::stopping()
}

impl Puts {
    async fn next(&mut self) -> Option<Piece> {
        loop {
            let may_take = matches!(self.intake, Intake::Open)
                && self.calls.len() < CALLS_MAX
                && self.unanswered_bytes < UNANSWERED_BYTES_MAX;
            if self.calls.is_empty() && !may_take && self.taken_ahead.is_none() {
                return match std::mem::replace(&mut self.intake, Intake::Ended) {
                    Intake::Failed(status) => Some(Err(status.into())),
                    Intake::Open | Intake::Ended => None,
                };
            }
            if self.taken_ahead.is_some() && self.calls.len() < CALLS_MAX {
                self.begin(None);
                continue;
            }
            tokio::select! {
                biased;
                Some(answered) = self.calls.next() => {
                    self.quiet_since = self.shared.kinesis.reception.clock.monotonic();
                    return Some(Ok(self.answers(answered)));
                }
                // Before messages, of which there may be no end.
                status = &mut self.stopping, if may_take => self.intake = Intake::Failed(status),
                message = self.messages.next(), if may_take => match message {
                    Ok(Some(message)) => {
                        self.quiet_since = self.shared.kinesis.reception.clock.monotonic();
                        self.begin(Some(message));
                    }
                    Ok(None) => self.intake = Intake::Ended,
                    Err(status) => self.intake = Intake::Failed(status),
                },
                () = &mut self.alarm => self.end_if_idle(),
            }
        }
    }

    /// Ends a call without requests; one that goes on is looked at again when it might be idle.
    fn end_if_idle(&mut self) {
        let clock = &self.shared.kinesis.reception.clock;
        let quiet = clock.monotonic().saturating_sub(self.quiet_since);
        let left = match IDLE_LIMIT.checked_sub(quiet) {
            _ if !self.calls.is_empty() => IDLE_LIMIT,
            None | Some(Duration::ZERO) => {
                self.intake = Intake::Failed(Status::unavailable("There was no request for five minutes."));
                IDLE_LIMIT
            }
            Some(left) => left,
        };
        self.alarm = clock.sleep(left);
    }

    /// This answer, and those behind it that are there by now.
    fn answers(&mut self, first: Answered) -> Bytes {
        self.unanswered_bytes -= first.bytes;
        let Some(Some(second)) = self.calls.next().now_or_never() else { return first.frames };
        let mut all = BytesMut::from(first.frames);
        let mut next = Some(second);
        while let Some(Answered { frames, bytes }) = next {
            self.unanswered_bytes -= bytes;
            all.extend_from_slice(&frames);
            next = self.calls.next().now_or_never().flatten();
        }
        all.freeze()
    }

    /// Begins calls for the message and for those that have arrived behind it.
    fn begin(&mut self, message: Option<Message>) {
        let mut batch: Option<Batch> = None;
        let mut next = self.taken_ahead.take();
        if next.is_none() {
            next = message.and_then(|message| self.take(message));
        }
        while let Some(taken) = next {
            self.unanswered_bytes += taken.bytes;
            match taken.input {
                Ok(input) => {
                    let Some(begun) = &mut batch else {
                        batch = Some(Batch::of(input, taken.bytes, taken.share));
                        next = self.arrived();
                        continue;
                    };
                    if !begun.has_room_for(&input, taken.bytes) {
                        // It opens the batch of the next call.
                        self.unanswered_bytes -= taken.bytes;
                        self.taken_ahead = Some(Taken { input: Ok(input), ..taken });
                        break;
                    }
                    begun.add(input, taken.bytes, taken.share);
                }
                Err(error) => {
                    if let Some(batch) = batch.take() {
                        self.call(batch);
                    }
                    let frames = framed(&refusal(&error)).freeze();
                    self.calls.push_back(ready(Answered { frames, bytes: taken.bytes }).boxed());
                }
            }
            next = self.arrived();
        }
        if let Some(batch) = batch {
            self.call(batch);
        }
    }

    /// A request that is there without waiting, if there is room for it.
    fn arrived(&mut self) -> Option<Taken> {
        if self.unanswered_bytes >= UNANSWERED_BYTES_MAX || self.calls.len() >= CALLS_MAX {
            return None;
        }
        match self.messages.next().now_or_never()? {
            Ok(Some(message)) => self.take(message),
            Ok(None) => {
                self.intake = Intake::Ended;
                None
            }
            Err(status) => {
                self.intake = Intake::Failed(status);
                None
            }
        }
    }

    /// Reads a request. `None` where the call cannot go on.
    fn take(&mut self, Message { bytes, share }: Message) -> Option<Taken> {
        let length = bytes.len();
        let input = match decode(Operation::PutRecords, Format::Protobuf(self.shared.shapes), &bytes) {
            Ok(Input::PutRecords(input)) => self.name(input).inspect_err(|status| {
                self.intake = Intake::Failed(status.clone());
            }),
            Ok(_) => return None,
            Err(error) => {
                self.name_of_refused(&bytes);
                return Some(Taken { input: Err(error), bytes: length, share });
            }
        };
        Some(Taken { input: Ok(input.ok()?), bytes: length, share })
    }

    /// A first request names the stream even if something else is wrong with it.
    fn name_of_refused(&mut self, bytes: &Bytes) {
        if self.named.is_none()
            && let Ok(request) = v1::PutStreamRequest::decode(bytes.clone())
        {
            let v1::PutStreamRequest { stream_name, stream_arn, .. } = request;
            let named = Named { name: stream_name.map(Into::into), arn: stream_arn.map(Into::into) };
            self.named = named.stream(&self.shared.caller).map(|_| named);
        }
    }

    /// Gives a request the stream of the first one, if it names none itself.
    fn name(&mut self, mut input: PutRecordsInput) -> Result<PutRecordsInput, Status> {
        let named = Named { name: input.stream_name.take(), arn: input.stream_arn.take() };
        let is_silent = named.name.is_none() && named.arn.is_none();
        match &self.named {
            Some(first) if !is_silent && !first.means(&named, &self.shared.caller) => {
                let text = "The requests of one call must name one stream.";
                return Err(of_error(&refused(Exception::InvalidArgument, text)));
            }
            None if !is_silent => self.named = Some(named),
            _ => {}
        }
        if let Some(first) = &self.named {
            input.stream_name.clone_from(&first.name);
            input.stream_arn.clone_from(&first.arn);
        }
        Ok(input)
    }

    fn call(&mut self, batch: Batch) {
        self.calls.push_back(self.shared.clone().put(batch).boxed());
    }
}

impl Batch {
    fn of(input: PutRecordsInput, bytes: usize, share: Option<OwnedSemaphorePermit>) -> Self {
        let counts = vec![input.records.len()];
        Self { input, counts, bytes, shares: share.into_iter().collect() }
    }

    /// Whether a request may be put together with those before it.
    fn has_room_for(&self, input: &PutRecordsInput, bytes: usize) -> bool {
        let records = self.input.records.len() + input.records.len();
        records <= BATCH_RECORDS_MAX && self.bytes + bytes <= BATCH_BYTES_MAX
    }

    fn add(&mut self, input: PutRecordsInput, bytes: usize, share: Option<OwnedSemaphorePermit>) {
        self.counts.push(input.records.len());
        self.input.records.extend(input.records);
        self.bytes += bytes;
        self.shares.extend(share);
    }
}

impl Shared {
    async fn put(self: Arc<Self>, batch: Batch) -> Answered {
        let Batch { input, counts, bytes, shares } = batch;
        let mut frames = BytesMut::new();
        if let [_] = counts[..] {
            self.answer(self.put_records(input).await, &mut frames);
        } else {
            match self.put_records(input.clone()).await {
                Ok(PutRecordsOutput { mut records, .. }) => {
                    for count in counts {
                        let rest = records.split_off(count.min(records.len()));
                        self.answer(Ok(output_of(records)), &mut frames);
                        records = rest;
                    }
                }
                Err(_) => self.put_each(&input, counts, &mut frames).await,
            }
        }
        drop(shares);
        Answered { frames: frames.freeze(), bytes }
    }

    /// Something is wrong with one of the requests, and the others must not suffer from it. Nothing of them was stored.
    async fn put_each(&self, input: &PutRecordsInput, counts: Vec<usize>, frames: &mut BytesMut) {
        let mut records = input.records.clone();
        for count in counts {
            let rest = records.split_off(count.min(records.len()));
            let alone = PutRecordsInput { records, ..input.clone() };
            self.answer(self.put_records(alone).await, frames);
            records = rest;
        }
    }

    async fn put_records(&self, input: PutRecordsInput) -> Result<PutRecordsOutput, ApiError> {
        let input = Input::PutRecords(input);
        self.kinesis.interfere(&self.caller, &input).await?;
        let Input::PutRecords(input) = input else { return Ok(output_of(Vec::new())) };
        self.kinesis.service().await?.put_records(&self.caller, input).await
    }

    fn answer(&self, outcome: Result<PutRecordsOutput, ApiError>, frames: &mut BytesMut) {
        match outcome {
            Ok(output) => {
                let mut message = Vec::new();
                encode(Format::Protobuf(self.shapes), &output, &mut message);
                frames.put_slice(&prefix(message.len()));
                frames.put_slice(&message);
            }
            Err(error) => frames.unsplit(framed(&refusal(&error))),
        }
    }
}

/// As far as it is sent.
fn output_of(records: Vec<PutRecordsResultEntry>) -> PutRecordsOutput {
    PutRecordsOutput { failed_record_count: None, records, encryption_type: None }
}

fn refusal(error: &ApiError) -> v1::PutStreamResponse {
    let (reason, message) = (error.code().to_owned(), error.message().unwrap_or_default().to_owned());
    v1::PutStreamResponse { records: Vec::new(), refusal: Some(v1::Refusal { reason, message }) }
}
