//! The fake target's consumers: what is put is pushed to them over HTTP/1.1 and HTTP/2, in awkward pieces.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use h2::SendStream;
use h2::server::SendResponse;
use millstream_runtime::{Clock, SystemClock};
use serde_json::{Value, json};

use super::*;
use crate::wire::sent;

/// How often a subscription looks for records. An idle one is sent an event with none every so many times.
const TICK: Duration = Duration::from_millis(1);
const HEARTBEAT_TICKS: u32 = 20;

impl State {
    pub(super) fn answer_consumer(&mut self, operation: &str, body: &Value) -> Option<(u16, Value)> {
        let arn = body["ConsumerARN"].as_str().unwrap_or_default().to_owned();
        Some(match operation {
            "RegisterStreamConsumer" => {
                let stream = body["StreamARN"].as_str().unwrap();
                let arn = format!("{stream}/consumer/{}", body["ConsumerName"].as_str().unwrap());
                let reply = json!({ "Consumer": { "ConsumerARN": arn, "ConsumerStatus": "CREATING" } });
                self.consumers.insert(arn, false);
                (200, reply)
            }
            "DescribeStreamConsumer" => {
                // Active from the second look on.
                let is_active = self.consumers.get_mut(&arn).unwrap();
                let status = if std::mem::replace(is_active, true) { "ACTIVE" } else { "CREATING" };
                (200, json!({ "ConsumerDescription": { "ConsumerStatus": status } }))
            }
            "DeregisterStreamConsumer" => {
                self.consumers.remove(&arn).unwrap();
                self.deregistered += 1;
                (200, Value::Null)
            }
            _ => return None,
        })
    }

    /// Where a subscription begins, or why there is none.
    fn subscribe(&mut self, body: &Value) -> Result<Place, (u16, Value)> {
        self.subscribed += 1;
        if self.subscribed <= self.faults.busy_subscriptions {
            return Err((400, json!({ "__type": "ResourceInUseException", "message": "another one" })));
        }
        let arn = body["ConsumerARN"].as_str().unwrap();
        assert_eq!(self.consumers.get(arn), Some(&true), "a consumer that is active");
        let stream = arn.trim_start_matches("arn:").split('/').next().unwrap().to_owned();
        let is_first = body["ShardId"] == shard_id(0);
        let start = &body["StartingPosition"];
        let at = match start["Type"].as_str().unwrap() {
            _ if !is_first => 0,
            "LATEST" => self.streams[&stream].len(),
            "TRIM_HORIZON" => 0,
            "AFTER_SEQUENCE_NUMBER" => start["SequenceNumber"].as_str().unwrap().parse().unwrap(),
            other => panic!("{other}"),
        };
        Ok(Place {
            stream: Some(stream).filter(|_| is_first),
            at,
            events_left: self.faults.end_after_events,
            twice: self.faults.bring_twice,
        })
    }

    /// The next event; `None` when there are no records.
    fn event(&self, place: &mut Place, heartbeat: bool) -> Option<Vec<u8>> {
        let records = place.stream.as_ref().and_then(|stream| self.streams.get(stream));
        let records = records.map_or(&[][..], |records| &records[place.at..]);
        if records.is_empty() && !heartbeat {
            return None;
        }
        let page = &records[..records.len().min(PAGE_RECORDS)];
        let shown = |data: &String| json!({ "SequenceNumber": "1", "Data": data, "PartitionKey": "k" });
        let again = if std::mem::take(&mut place.twice) { page } else { &[] };
        let shown: Vec<_> = page.iter().chain(again).map(shown).collect();
        place.at += page.len();
        let behind = records.len() - page.len();
        let payload = json!({
            "Records": shown,
            "ContinuationSequenceNumber": place.at.to_string(),
            "MillisBehindLatest": behind,
        });
        Some(sent::event("SubscribeToShardEvent", payload.to_string().as_bytes()))
    }
}

/// Where a subscription stands.
struct Place {
    /// `None` at a shard that has no records.
    stream: Option<String>,
    at: usize,
    events_left: Option<u32>,
    twice: bool,
}

/// Where pieces of frames go.
enum Sink<'a> {
    Http1(&'a mut TcpStream),
    Http2(&'a mut SendStream<Bytes>),
}

impl Sink<'_> {
    /// Says whether somebody listens.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Http1(stream) => {
                let head = format!("{:x}\r\n", bytes.len());
                stream.write_all(&[head.as_bytes(), bytes, b"\r\n"].concat()).await.is_ok()
            }
            Self::Http2(stream) => stream.send_data(Bytes::copy_from_slice(bytes), false).is_ok(),
        }
    }
}

/// Pushes until nobody listens or the subscription ends.
async fn push(state: &Mutex<State>, mut place: Place, mut sink: Sink<'_>) {
    let clock = SystemClock::default();
    let mut listening = sink.send(&sent::event("initial-response", b"{}")).await;
    let mut ticks = 0;
    while listening {
        let event = state.lock().event(&mut place, ticks == HEARTBEAT_TICKS);
        let Some(event) = event else {
            ticks += 1;
            clock.sleep(TICK).await;
            continue;
        };
        ticks = 0;
        // Cut within the frame, so that somebody has to put it together.
        let (one, two) = event.split_at(event.len() / 3);
        listening = sink.send(one).await && sink.send(two).await;
        if let Some(left) = &mut place.events_left {
            *left -= 1;
            if *left == 0 {
                break;
            }
        }
    }
    let kind = state.lock().faults.exception.take();
    if let (true, Some(kind)) = (listening, kind) {
        let headers = [(":message-type", "exception"), (":exception-type", kind)];
        sink.send(&sent::frame(&headers, br#"{"message":"no"}"#)).await;
    }
}

/// Answers a SubscribeToShard call on an HTTP/1.1 connection.
pub(super) async fn http1(stream: &mut TcpStream, state: &Mutex<State>, body: &Value) -> std::io::Result<()> {
    let subscribed = state.lock().subscribe(body);
    let place = match subscribed {
        Ok(place) => place,
        Err((status, reply)) => {
            let reply = reply.to_string();
            let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", reply.len());
            return stream.write_all((head + &reply).as_bytes()).await;
        }
    };
    stream.write_all(b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    push(state, place, Sink::Http1(stream)).await;
    stream.write_all(b"0\r\n\r\n").await
}

/// Serves an HTTP/2 connection, which knows nothing but SubscribeToShard.
pub(super) async fn http2(stream: TcpStream, state: &Mutex<State>) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    state.lock().http2_connections += 1;
    let mut streams = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(accepted) => {
                    let (request, respond) = accepted?;
                    streams.push(http2_stream(request, respond, state));
                }
                None => return Ok(()),
            },
            Some(_) = streams.next() => {}
        }
    }
}

async fn http2_stream(
    request: http::Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    state: &Mutex<State>,
) -> Result<(), h2::Error> {
    assert_eq!(request.headers()["x-amz-target"], "Kinesis_20131202.SubscribeToShard");
    let signed = request.headers()["authorization"].as_bytes().starts_with(b"AWS4-HMAC-SHA256 Credential=");
    state.lock().unsigned += u64::from(!signed);
    let mut incoming = request.into_body();
    let mut body = Vec::new();
    while let Some(piece) = incoming.data().await {
        body.extend(piece?);
    }
    let subscribed = state.lock().subscribe(&serde_json::from_slice(&body).unwrap());
    let reply = |status: u16| http::Response::builder().status(status).body(()).unwrap();
    match subscribed {
        Ok(place) => {
            let mut pushed = respond.send_response(reply(200), false)?;
            push(state, place, Sink::Http2(&mut pushed)).await;
            pushed.send_data(Bytes::new(), true)
        }
        Err((status, body)) => {
            respond.send_response(reply(status), false)?.send_data(body.to_string().into(), true)
        }
    }
}
