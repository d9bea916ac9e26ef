//! What a connection is doing, so that one which does nothing can be ended.
//!
//! The stream notes bytes that arrive, the service notes requests that begin and end. From both follows
//! which deadline holds: a request's head must be complete soon after its first byte, an idle connection
//! may wait for long, and one with a request in service is left alone (bodies have deadlines of their own).
//! In HTTP/2 bytes may be pings and window updates as well, so that only idleness counts there.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use millstream_runtime::SharedClock;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::prefixed::Protocol;

/// From the first byte of a request to the end of its head.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// Without a request. Longer than the connection pools of the AWS SDKs keep theirs (60 s at the most).
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(75);
/// How often a connection is looked at.
const CHECK_INTERVAL: Duration = Duration::from_millis(2500);

#[derive(Clone, Debug)]
pub(super) struct Activity {
    clock: SharedClock,
    protocol: Protocol,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    in_service: usize,
    /// Requests whose answers are streamed.
    streaming: usize,
    /// By when somebody should have taken another piece of one of the streams.
    streaming_until: Duration,
    /// Since when no request has been in service.
    idle_since: Duration,
    /// When the first byte came since then.
    head_since: Option<Duration>,
}

impl Activity {
    pub(super) fn new(clock: SharedClock, protocol: Protocol) -> Self {
        let state = State {
            in_service: 0,
            streaming: 0,
            streaming_until: Duration::ZERO,
            idle_since: clock.monotonic(),
            head_since: None,
        };
        Self { clock, protocol, state: Arc::new(Mutex::new(state)) }
    }

    /// A request is in service until the guard is dropped.
    pub(super) fn serve(&self) -> Serving {
        let mut state = self.state.lock();
        state.in_service += 1;
        state.head_since = None;
        Serving(self.clone())
    }

    fn note_read(&self) {
        if self.protocol == Protocol::Http2 {
            return;
        }
        let mut state = self.state.lock();
        if state.in_service == 0 && state.streaming == 0 && state.head_since.is_none() {
            state.head_since = Some(self.clock.monotonic());
        }
    }

    /// Resolves when the connection has done nothing for too long.
    pub(super) async fn expired(&self) {
        while !self.is_expired() {
            self.clock.sleep(CHECK_INTERVAL).await;
        }
    }

    fn is_expired(&self) -> bool {
        let now = self.clock.monotonic();
        let state = self.state.lock();
        let since = |then| now.saturating_sub(then);
        // A stream of which nothing is taken for too long has nobody who reads it.
        let is_streaming = state.streaming > 0 && now <= state.streaming_until;
        state.in_service == 0
            && !is_streaming
            && (state.head_since.is_some_and(|head| since(head) > HEAD_LIMIT)
                || since(state.idle_since) > IDLE_LIMIT)
    }
}

#[derive(Debug)]
pub(super) struct Serving(Activity);

impl Serving {
    /// The request is answered by a stream: it stays in service until that guard is dropped, or nothing is taken of
    /// the stream for so long.
    pub(super) fn stream(self, pause_max: Duration) -> Streaming {
        self.0.state.lock().streaming += 1;
        let streaming = Streaming { activity: self.0.clone(), pause_max };
        streaming.go_on();
        streaming
    }
}

#[derive(Debug)]
pub(super) struct Streaming {
    activity: Activity,
    pause_max: Duration,
}

impl Streaming {
    /// Notes that a piece was taken.
    pub(super) fn go_on(&self) {
        let until = self.activity.clock.monotonic() + self.pause_max;
        let mut state = self.activity.state.lock();
        state.streaming_until = state.streaming_until.max(until);
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        let mut state = self.activity.state.lock();
        state.streaming -= 1;
        state.idle_since = self.activity.clock.monotonic();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.in_service -= 1;
        state.idle_since = self.0.clock.monotonic();
    }
}

/// Notes what arrives on a stream.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.note_read();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use millstream_runtime::ManualClock;

    use super::*;

    fn activity() -> (ManualClock, Activity) {
        activity_of(Protocol::Http1)
    }

    fn activity_of(protocol: Protocol) -> (ManualClock, Activity) {
        let clock = ManualClock::starting_at(Duration::ZERO);
        (clock.clone(), Activity::new(clock.shared(), protocol))
    }

    #[test]
    fn an_idle_connection_may_wait_and_a_started_head_may_not() {
        let (clock, activity) = activity();
        clock.advance(IDLE_LIMIT);
        assert!(!activity.is_expired());
        activity.note_read();
        clock.advance(HEAD_LIMIT + Duration::from_millis(1));
        assert!(activity.is_expired());
    }

    #[test]
    fn a_request_in_service_is_left_alone() {
        let (clock, activity) = activity();
        activity.note_read();
        let serving = activity.serve();
        clock.advance(IDLE_LIMIT * 10);
        assert!(!activity.is_expired());
        drop(serving);
        assert!(!activity.is_expired());
        clock.advance(IDLE_LIMIT + Duration::from_millis(1));
        assert!(activity.is_expired());
    }

    #[test]
    fn a_stream_is_left_alone_for_as_long_as_somebody_takes_its_pieces() {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let (clock, activity) = activity_of(protocol);
            let streaming = activity.serve().stream(IDLE_LIMIT * 4);
            // What the reader sends meanwhile is no head of a request.
            activity.note_read();
            clock.advance(IDLE_LIMIT * 4);
            assert!(!activity.is_expired());
            streaming.go_on();
            clock.advance(IDLE_LIMIT * 4);
            assert!(!activity.is_expired());
            clock.advance(Duration::from_millis(1));
            assert!(activity.is_expired(), "nobody reads it any more");
            drop(streaming);
            assert!(!activity.is_expired());
            clock.advance(IDLE_LIMIT + Duration::from_millis(1));
            assert!(activity.is_expired());
        }
    }

    #[test]
    fn pings_are_no_head_that_is_late_and_do_not_keep_a_connection_for_ever() {
        let (clock, activity) = activity_of(Protocol::Http2);
        for _ in 0..15 {
            activity.note_read();
            clock.advance(IDLE_LIMIT / 15);
            assert!(!activity.is_expired());
        }
        clock.advance(Duration::from_millis(1));
        assert!(activity.is_expired());
    }
}
