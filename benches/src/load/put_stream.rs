//! Workers that put over gRPC, without waiting for each answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use millstream_proto::v1::{PutRecordsRequestEntry, PutStreamRequest};
use prost::Message;

use super::{Alarm, Seat, Tally};
use crate::error::Error;
use crate::measure::{Recorder, Sample, Window};
use crate::payload::Record;
use crate::scan;
use crate::wire::{Endpoint, GrpcCall, Http2, Method, framed};

/// What the calls of a load share. Each of them is a connection.
#[derive(Debug)]
pub(crate) struct PutStreamLoad {
    pub(crate) endpoint: Endpoint,
    /// By stream, of which a call knows one: requests in turn, framed.
    pub(crate) streams: Vec<Vec<Bytes>>,
    /// The stream of the next call.
    pub(crate) next_stream: AtomicUsize,
    /// Requests that may be unanswered on a call.
    pub(crate) unanswered_max: usize,
    pub(crate) record_bytes: usize,
}

/// A request of these records.
pub(crate) fn request(stream: &str, records: &[Record]) -> Bytes {
    let entry = |record: &Record| PutRecordsRequestEntry {
        data: Some(record.data.clone().into()),
        explicit_hash_key: None,
        partition_key: Some(record.partition_key.clone()),
    };
    let request = PutStreamRequest {
        stream_name: Some(stream.to_owned()),
        stream_arn: None,
        records: records.iter().map(entry).collect(),
    };
    framed(&request.encode_to_vec())
}

/// A request that was sent.
struct Sent {
    at: Duration,
    bytes: usize,
}

impl PutStreamLoad {
    pub(crate) async fn worker(self: Arc<Self>, mut seat: Seat) -> Result<Vec<Tally>, Error> {
        let (http2, driver) = Http2::connect(&self.endpoint).await?;
        let work = async {
            let call = http2.call(&self.endpoint, Method::PutStream).await?;
            let alarm = seat.alarm()?;
            let window = seat.ready().await?;
            self.put(call, &alarm, window).await
        };
        tokio::select! {
            outcome = work => outcome,
            broken = driver => Err(broken),
        }
    }

    async fn put(&self, mut call: GrpcCall, alarm: &Alarm, window: Window) -> Result<Vec<Tally>, Error> {
        let mut recorder = Recorder::new(window)?;
        let turn = self.next_stream.fetch_add(1, Ordering::Relaxed);
        let mut requests = self.streams[turn % self.streams.len()].iter().cycle();
        let mut unanswered = VecDeque::new();
        loop {
            while unanswered.len() < self.unanswered_max && alarm.now() < window.until {
                let Some(request) = requests.next() else { break };
                call.send(request.clone())?;
                unanswered.push_back(Sent { at: alarm.now(), bytes: request.len() });
            }
            let Some(sent) = unanswered.pop_front() else { break };
            let message = call.answer().await?;
            let answer = scan::put_stream(&message)?;
            for (kind, count) in &answer.failures {
                recorder.error(kind, *count);
            }
            if answer.records > 0 {
                recorder.record(Sample {
                    intended: sent.at,
                    completed: alarm.now(),
                    records: answer.records,
                    user_bytes: answer.records * self.record_bytes as u64,
                    wire_bytes: (sent.bytes + message.len()) as u64,
                });
            }
        }
        Ok(vec![Tally { operation: "put", recorder }])
    }
}
