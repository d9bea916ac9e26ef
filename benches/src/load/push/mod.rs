//! Writers that stamp their records, and subscribers that are brought them.
//!
//! As with readers that poll, a stamp is when the record should have been sent. Beside the time since then, the time
//! since the put's acknowledgement is measured: it is what the target itself adds to a put. Every record that was
//! acknowledged must be brought to every consumer exactly once, or the run counts errors.

mod line;
mod subscriber;
mod trace;

use std::sync::Arc;

use self::line::Position;
use super::stamped::Way;
use super::{Seat, StampedPuts, Tally};
use crate::error::Error;
use crate::wire::{Http2, Method};

pub(crate) use line::{Place, Transport, Wire};
pub(crate) use subscriber::PushLoad;
pub(crate) use trace::Trace;

/// The name under which latencies since the acknowledgement are tallied. They are no operation of their own.
pub(crate) const AFTER_ACKNOWLEDGEMENT: &str = "after acknowledgement";

/// What subscriptions are held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// To be brought what is put meanwhile.
    Follow,
    /// To be brought what was put before, as fast as the target brings it.
    CatchUp,
    /// To be there.
    Idle,
}

impl Role {
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::Follow | Self::CatchUp => "push",
            Self::Idle => "push_idle",
        }
    }

    fn start(self) -> Position {
        match self {
            Self::Follow | Self::Idle => Position::Latest,
            Self::CatchUp => Position::TrimHorizon,
        }
    }
}

/// What the writers share.
#[derive(Debug)]
pub(crate) struct PushPuts {
    pub(crate) puts: StampedPuts,
    pub(crate) trace: Arc<Trace>,
    /// Over gRPC, by a PutStream call.
    pub(crate) grpc: bool,
}

impl PushPuts {
    pub(crate) async fn writer(self: Arc<Self>, seat: Seat) -> Result<Vec<Tally>, Error> {
        if self.grpc {
            let endpoint = &self.puts.caller.endpoint;
            let (http2, driver) = Http2::connect(endpoint).await?;
            let work =
                async { self.write(Way::Call(http2.call(endpoint, Method::PutStream).await?), seat).await };
            return tokio::select! {
                outcome = work => outcome,
                broken = driver => Err(broken),
            };
        }
        let mut connection = self.puts.caller.connection();
        connection.connect().await?;
        self.write(Way::Exchanges(Box::new(connection)), seat).await
    }

    async fn write(&self, way: Way, mut seat: Seat) -> Result<Vec<Tally>, Error> {
        let alarm = seat.alarm()?;
        let window = seat.ready().await?;
        let mut writer = self.puts.writer(way, alarm, window)?;
        while let Some(intended) = writer.turn().await? {
            let stamp = self.trace.begin(intended);
            let (records, at) = writer.put(stamp).await?;
            self.trace.acknowledge(stamp, records, at);
        }
        self.trace.writer_is_done();
        Ok(vec![Tally { operation: "push_put", recorder: writer.finish() }])
    }
}
