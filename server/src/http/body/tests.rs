//! Many bodies and too little room, on a manual clock.

use std::convert::Infallible;
use std::future::poll_fn;

use millstream_runtime::ManualClock;
use tokio::sync::mpsc;

use super::*;

const MIB: usize = 1024 * 1024;

/// A body that comes when the test sends it.
struct Coming {
    pieces: mpsc::UnboundedReceiver<Bytes>,
    declared: Option<u64>,
}

impl Body for Coming {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.pieces.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.declared.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn coming(declared: Option<u64>) -> (mpsc::UnboundedSender<Bytes>, Coming) {
    let (sender, pieces) = mpsc::unbounded_channel();
    (sender, Coming { pieces, declared })
}

fn budget(mib: usize) -> (ManualClock, BodyBudget) {
    let clock = ManualClock::starting_at(Duration::ZERO);
    (clock.clone(), BodyBudget::new(mib * MIB, clock.shared()))
}

/// The future's output if it has one by now.
async fn now<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    // Whoever polls without a pause is made to wait by the runtime.
    tokio::task::yield_now().await;
    poll_fn(|context| match Pin::new(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn piece(bytes: usize) -> Bytes {
    Bytes::from(vec![b'x'; bytes])
}

#[tokio::test]
async fn an_announced_body_takes_no_room_before_it_comes() {
    let (_clock, budget) = budget(32);
    let mut stalled = Vec::new();
    for _ in 0..100 {
        let (sender, body) = coming(Some(16 * MIB as u64));
        sender.send(piece(1)).unwrap();
        let mut receiving = Box::pin(budget.receive(body));
        assert!(now(&mut receiving).await.is_none());
        stalled.push((sender, receiving));
    }
    let (sender, body) = coming(Some(8 * MIB as u64));
    sender.send(piece(8 * MIB)).unwrap();
    drop(sender);
    assert_eq!(budget.receive(body).await.unwrap().bytes.len(), 8 * MIB);
}

#[tokio::test]
async fn bodies_that_all_want_to_grow_end_one_after_the_other() {
    let (_clock, budget) = budget(32);
    let mut bodies: Vec<_> = (0..40)
        .map(|_| {
            let (sender, body) = coming(None);
            (Some(sender), Box::pin(budget.receive(body)))
        })
        .collect();
    for _ in 0..12 {
        for (sender, receiving) in &mut bodies {
            sender.as_ref().unwrap().send(piece(MIB)).unwrap();
            assert!(now(receiving).await.is_none());
        }
    }
    let mut left = bodies.len();
    while left > 0 {
        let before = left;
        for (sender, receiving) in &mut bodies {
            let Some(coming) = sender.take() else { continue };
            drop(coming);
            match now(receiving).await {
                Some(received) => {
                    assert_eq!(received.unwrap().bytes.len(), 12 * MIB);
                    left -= 1;
                }
                // It waits for room; what it has not read yet stays in its channel.
                None => *sender = Some(mpsc::unbounded_channel().0),
            }
        }
        assert!(left < before, "{left} bodies wait for each other");
    }
    assert_eq!(budget.room.available_permits(), budget.permits_max);
}

#[tokio::test]
async fn a_body_that_stops_is_given_up_and_one_that_goes_on_is_not() {
    let (clock, budget) = budget(32);
    let (sender, body) = coming(None);
    let mut receiving = Box::pin(budget.receive(body));
    for _ in 0..5 {
        sender.send(piece(1)).unwrap();
        assert!(now(&mut receiving).await.is_none());
        clock.advance(STALL_LIMIT - Duration::from_millis(1));
        assert!(now(&mut receiving).await.is_none());
    }
    clock.advance(Duration::from_millis(1));
    assert_eq!(receiving.await.unwrap_err(), BodyError::TooSlow);
}

#[tokio::test]
async fn a_body_has_a_deadline_however_it_comes() {
    let (clock, budget) = budget(32);
    let (sender, body) = coming(None);
    let mut receiving = Box::pin(budget.receive(body));
    for _ in 0..12 {
        sender.send(piece(1)).unwrap();
        assert!(now(&mut receiving).await.is_none());
        clock.advance(BODY_LIMIT / 12);
    }
    assert_eq!(receiving.await.unwrap_err(), BodyError::TooSlow);
}

#[tokio::test]
async fn sixteen_mebibytes_and_no_more() {
    let (_clock, budget) = budget(64);
    for (extra, fits) in [(0, true), (1, false)] {
        let (sender, body) = coming(Some((BODY_BYTES_MAX + extra) as u64));
        sender.send(piece(BODY_BYTES_MAX + extra)).unwrap();
        drop(sender);
        assert_eq!(budget.receive(body).await.is_ok(), fits);
        let (sender, body) = coming(None);
        sender.send(piece(BODY_BYTES_MAX)).unwrap();
        sender.send(piece(extra)).unwrap();
        drop(sender);
        assert_eq!(budget.receive(body).await.is_ok(), fits);
    }
    assert_eq!(budget.room.available_permits(), budget.permits_max);
}
